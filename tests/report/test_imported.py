"""Columns of cells that somebody else measured."""

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from harness.config import load
from harness.imports import inferencex as reader
from harness.imports.cells import About, cell
from harness.imports.found import Found, Source, read
from harness.report.imported import imported
from harness.report.rows import Row
from tests.imports.given import DATA, found, source
from tests.imports.test_inferencex import EARLY, ONE_NODE, TWO_PARTS

FULL = ["pricing=term_2026_06", "pricing.utilisation=1.0"]
NOW = dt.datetime(2026, 11, 27, 9, tzinfo=dt.UTC)


def row(each: Found, file: Any, **about: Any) -> Row:
    given = About(**{"format": "x", "hardware": "h100_sxm", "gpus": 1} | about)
    made = Row(cell(each, file, given, "s", NOW), Path("s"))
    imported(made, load.judge(FULL))
    return made


def inferencex(tmp_path: Path, data: Any) -> Row:
    file = source(tmp_path, data)
    [each] = reader.read(file)
    return row(each, file, gpus=None, format="inferencex")


def source_of(name: str) -> Source:
    return read(DATA / name)


def test_output_and_total_are_billed_each_by_its_own_rate(tmp_path: Path) -> None:
    made = inferencex(tmp_path, ONE_NODE)

    # 4 GPUs x 1.69 USD/h over 4,000 output and 12,000 tokens a second in all; output tokens cost
    # what InferenceX's own formula says, 1.69 / (1,000 x 3600 / 1e6)
    assert made.figure("bill_usd_per_mtok_output").value == pytest.approx(1.69 / 3.6)
    assert made.figure("bill_usd_per_mtok_total").value == pytest.approx(1.69 / 10.8)
    assert "must never be added" in made.text("cost_conditions")
    assert (
        "by InferenceX's own formula at 1.69 USD per GPU-hour, USD per million:"
        " output 0.469, total 0.156, input 0.235;" in made.text("cost_conditions")
    )


def test_of_two_parts_inferencex_charges_the_output_to_the_decoding_gpus_alone(
    tmp_path: Path,
) -> None:
    made = inferencex(tmp_path, TWO_PARTS)

    # 1.69 / (1,500 x 3600 / 1e6) against 12 GPUs over 8 x 1,500 tokens/s
    assert "output 0.313" in made.text("cost_conditions")
    assert made.figure("bill_usd_per_mtok_output").value == pytest.approx(0.469, abs=5e-4)


def test_a_source_without_output_throughput_is_billed_by_all_tokens_alone(tmp_path: Path) -> None:
    made = inferencex(tmp_path, EARLY)

    assert made.figure("bill_usd_per_mtok_total").value == pytest.approx(1.69 / 10.8)
    assert made.figure("bill_usd_per_mtok_output").reason == (
        "not measured: the source gives input and output together"
    )
    assert made.figure("cost_usd_per_1000_tasks").value is None


def test_what_ran_without_a_server_has_no_price() -> None:
    [each] = found("vllm-bench-0.32.0/throughput.json")

    made = row(each, source_of("vllm-bench-0.32.0/throughput.json"), model="a/b")

    assert made.figure("bill_usd_per_mtok_total").reason == (
        "not measured: the source has no server"
    )


def test_a_level_with_failed_requests_has_no_figure_and_no_price() -> None:
    name = "vllm-bench-0.32.0/serve.json"
    [each] = found(name)
    void = each.imported.model_copy(update={"void": ("3 of 20 requests failed, limit 1%",)})

    made = row(dataclasses.replace(each, imported=void), source_of(name))

    for key in ("output_tok_per_s", "ttft_p50_s", "bill_usd_per_mtok_total"):
        assert made.figure(key).reason == "void: 3 of 20 requests failed, limit 1%"


def test_without_the_number_of_gpus_nothing_is_priced() -> None:
    name = "vllm-bench-0.32.0/serve.json"
    [each] = found(name)

    made = row(each, source_of(name), gpus=None)

    assert made.figure("output_tok_per_s").value == pytest.approx(70.5917, abs=1e-4)
    assert made.figure("bill_usd_per_mtok_output").reason == (
        "not measured: how many GPUs is unknown; import with --gpus"
    )


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({}, "1 x h100_sxm, as given to the import"),
        ({"gpus": None}, "h100_sxm, as given to the import"),
        (
            {"hardware": None, "gpu": "H100"},
            "1 x h100_sxm, as the source says; how many, as given to the import",
        ),
        (
            {"gpus": None, "there": 2},
            "2 x h100_sxm, as given to the import; how many, as the source says",
        ),
        (
            {"hardware": None, "gpus": None, "gpu": "H100", "there": 2},
            "2 x h100_sxm, as the source says",
        ),
    ],
)
def test_the_machine_says_who_named_it(about: dict[str, Any], said: str) -> None:
    name = "vllm-bench-0.32.0/serve.json"
    [each] = found(name)
    given = dict(about)
    each = dataclasses.replace(
        each,
        gpu=given.pop("gpu", None),
        imported=each.imported.model_copy(update={"gpus": given.pop("there", None)}),
    )

    assert row(each, source_of(name), **given).text("hardware") == said


def test_scores_alone_name_no_machine() -> None:
    name = "lm-eval-0.4.13/results_2026-11-26T12-32-22.253922.json"
    [each] = found(name)

    made = row(each, source_of(name), hardware=None, gpus=None)

    assert made.text("hardware") == "unknown, not in the source"


def test_an_older_record_with_a_rate_of_0_has_no_price() -> None:
    name = "vllm-bench-0.32.0/serve.json"
    [each] = found(name)
    given = About(format="vllm-bench", hardware="h100_sxm", gpus=1)
    record = cell(each, source_of(name), given, "s", NOW)
    assert record.imported is not None
    empty = record.imported.model_copy(update={"total_tok_per_s": 0.0})

    made = Row(record.model_copy(update={"imported": empty}), Path("s"))
    imported(made, load.judge(FULL))

    assert made.figure("bill_usd_per_mtok_total").reason == (
        "not measured: the source gives 0 tokens per second"
    )
    assert made.figure("bill_usd_per_mtok_output").value is not None
