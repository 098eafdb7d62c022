"""Measurements found in files -> cell records."""

import dataclasses
import datetime as dt
from typing import Any

import pytest

from harness.errors import ConfigError
from harness.imports.cells import About, cell, unmapped
from harness.imports.found import read
from harness.records.schema import Cell
from tests.imports.given import DATA, found

FILE = "aiperf-0.13.0/profile_export_aiperf.json"
NOW = dt.datetime(2026, 11, 27, 9, tzinfo=dt.UTC)


def made(change: dict[str, Any] | None = None, **about: Any) -> Cell:
    [each] = found(FILE)
    each = dataclasses.replace(each, **(change or {}))
    given = About(format="aiperf", **{"hardware": "h100_sxm"} | about)
    return cell(each, read(DATA / FILE), given, "s", NOW)


def test_a_record_says_where_it_comes_from() -> None:
    origin = made(
        engine="vllm 0.32.0", address="example.org", commit="abc", licence_note="none named",
        attribution="the authors", published=dt.date(2026, 11, 20),
    ).origin  # fmt: skip

    assert origin is not None
    assert (origin.tool, origin.tool_version, origin.engine) == (
        "AIPerf", "0.13.0", "vllm 0.32.0",
    )  # fmt: skip
    [file] = origin.files
    assert file.name == "profile_export_aiperf.json"
    assert len(file.sha256) == 64
    assert (origin.measured_on, origin.imported_at) == (dt.date(2026, 11, 26), NOW)
    assert (origin.address, origin.commit, origin.licence_note, origin.attribution) == (
        "example.org", "abc", "none named", "the authors",
    )  # fmt: skip


def test_an_unknown_revision_is_said() -> None:
    without, known = made(), made({"revision": "0" * 40})

    assert without.imported is not None
    assert known.imported is not None
    assert "revision of the weights unknown" in without.imported.conditions
    assert "revision of the weights unknown" not in known.imported.conditions


def test_the_same_measurement_has_the_same_id_and_another_file_another() -> None:
    assert made().cell_id == made().cell_id
    assert made().cell_id != made(hardware="h200").cell_id


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (None, "the file names no model; give --model OWNER/NAME"),
        ("/data/llama", "the model there is a folder, /data/llama; give --model"),
    ],
)
def test_a_model_that_is_not_named_or_a_folder_is_asked_for(model: str | None, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        made({"model": model})

    assert made({"model": model}, model="a/b").config["model"]["key"] == "a/b"


@pytest.mark.parametrize(
    ("change", "about", "said"),
    [
        (
            {"gpu": "H100"},
            {"hardware": "b200"},
            "--hardware b200 against the file, which says H100",
        ),
        (
            {},
            {"model": "acme/unheard"},
            "--model acme/unheard against the file, which says Hugging",
        ),
    ],
)
def test_what_contradicts_the_file_is_refused(
    change: dict[str, Any], about: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        made(change, **about)


def test_a_node_of_the_files_own_card_contradicts_nothing() -> None:
    record = made({"gpu": "H100"}, hardware="h100_sxm_8x")

    assert record.config["hardware"]["name"] == "h100_sxm_8x"
    assert record.imported is not None
    assert "the source says 'H100'; taken as h100_sxm_8x" in record.imported.conditions
    with pytest.raises(ConfigError, match="--hardware h200_8x against the file, which says H100"):
        made({"gpu": "H100"}, hardware="h200_8x")


def test_another_number_of_gpus_than_the_files_is_refused() -> None:
    [each] = found(FILE)

    with pytest.raises(ConfigError, match="--gpus 4 against the file, which says 2"):
        made({"imported": each.imported.model_copy(update={"gpus": 2})}, gpus=4)


def test_what_the_registry_cannot_judge_is_taken_as_told_and_said() -> None:
    record = made({"model": "served-name", "gpu": "H100 NVL"}, model="Qwen/Qwen3-8B")

    assert record.imported is not None
    assert record.origin is not None
    assert "the source says 'served-name'; taken as Qwen/Qwen3-8B" in record.imported.conditions
    assert "the source says 'H100 NVL'; taken as h100_sxm" in record.imported.conditions
    assert record.origin.given == ("hardware", "model")


@pytest.mark.parametrize(
    ("name", "machine"),
    [
        ("H100", "h100_sxm"),
        ("NVIDIA H100 80GB HBM3", "h100_sxm"),
        ("H200", "h200"),
        ("B200", "b200"),
        ("NVIDIA A100-SXM4-80GB", "a100_80g"),
        ("NVIDIA L40S", "l40s"),
        ("NVIDIA GeForce RTX 4090", "rtx_4090"),
        ("NVIDIA H100 PCIe", None),
        ("NVIDIA H100 NVL", None),
        ("NVIDIA GH200 480GB", None),
        ("GB200", None),
        ("NVIDIA A100-SXM4-40GB", None),
        ("MI300X", None),
    ],
)
def test_a_card_gets_its_own_price_and_a_relative_none(name: str, machine: str | None) -> None:
    if machine is None:
        with pytest.raises(ConfigError, match=f"names '{name}', which no option is known for"):
            made({"gpu": name}, hardware=None)
        return
    record = made({"gpu": name}, hardware=None)

    assert record.config["hardware"]["name"] == machine
    assert record.imported is not None
    assert f"the source says {name!r}; taken as {machine}" in record.imported.conditions


def test_models_that_the_registry_does_not_know_are_listed_once() -> None:
    strange = made({"model": "acme/unheard"})

    assert unmapped([strange, strange, made()]) == ["acme/unheard"]
