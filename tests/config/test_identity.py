"""harness.config.identity: what makes a cell id."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.identity import cell_id, measured
from tests.builders import judge_config, run_config

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)


def test_a_cell_id_reads_model_workload_and_twelve_hex_digits() -> None:
    assert re.fullmatch(r"smollm2_135m-chat_short-[0-9a-f]{12}", cell_id(run_config()))


def test_a_cell_without_load_says_so_in_its_id() -> None:
    assert cell_id(run_config({"workload": {"kind": "none"}})).startswith("smollm2_135m-noload-")


def test_equal_configurations_have_equal_ids() -> None:
    assert cell_id(run_config()) == cell_id(run_config())


@pytest.mark.parametrize(
    "change",
    [
        {"sweep": "other"},
        {"results_dir": "/elsewhere"},
        {"dry_run": True},
        {"model.developer": "someone_else"},
        {"model.key": "someone/else"},
        {"model.licence.value": "MIT"},
        {"model.licence.source": "another page"},
        {"model.licence.as_of": "2020-01-01"},
        {"model.parameters.source": "another page"},
        {"model.context_length.as_of": "2020-01-01"},
        {"engine.port": 8123},
        {"engine.startup_timeout_s": 5.0},
        {"engine.stop_timeout_s": 5.0},
        {"hardware.tdp_w": {"value": 1.0, "source": "a sheet", "as_of": "2026-01-01"}},
        {"tracking": {"kind": "wandb", "project": "p"}},
        {"report.enabled": False},
        {"report.overrides": ["pricing=term_2026_06", "buyer=eu_private"]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_label_does_not_change_the_id(change: dict[str, Any]) -> None:
    assert cell_id(run_config(change)) == cell_id(run_config())


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"model.name": "other"},
        {"model.dtype": "bfloat16"},
        {"model.max_model_len": 1023},
        {"model.source.sha256": "0" * 64},
        {"model.add_bos": True},
        {"model.server_args": ["--x"]},
        {"engine.max_num_seqs": 31},
        {"engine.prefix_caching": False},
        {"engine.env": {"A": "1"}},
        {"engine.kv_cache_gib": 3},
        {"hardware.name": "other_cpu"},
        {"workload.levels": [{"kind": "closed", "concurrency": 2, "requests": 4}]},
        {"workload.output.tokens": 31},
        {"workload.prompts.input_tokens": 99},
        {"workload.warmup_requests": 2},
        {"telemetry": {"kind": "none"}},
        {"accuracy.apply_chat_template": True},
        {"accuracy.tasks": {"exam_zh": {"limit": 12}}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_can_change_a_measurement_changes_the_id(change: dict[str, Any]) -> None:
    assert cell_id(run_config(change)) != cell_id(run_config())


def test_weights_in_a_folder_are_told_by_their_hash_and_not_by_where_they_lie() -> None:
    def at(path: str, sign: str) -> str:
        source = {"kind": "folder", "path": path, "sha256": sign * 64}
        return cell_id(run_config({"model.source": source}))

    assert at("/here", "0") == at("/there", "0")
    assert at("/here", "0") != at("/here", "1")


def test_concurrency_alone_changes_the_id() -> None:
    def at(concurrency: int) -> str:
        closed = {"kind": "closed", "concurrency": concurrency, "requests": 8}
        return cell_id(run_config({"workload.levels": [closed]}))

    assert len({at(1), at(2), at(4)}) == 3


@settings(max_examples=20)
@given(sweep=NAMES, developer=NAMES, source=st.text("abc /:", min_size=4), port=st.integers(0, 9))
def test_no_mix_of_labels_changes_the_id(
    sweep: str, developer: str, source: str, port: int
) -> None:
    labelled = run_config(
        {
            "sweep": sweep,
            "model.developer": developer,
            "model.licence.source": source,
            "engine.port": port,
        }
    )

    assert cell_id(labelled) == cell_id(run_config())


@settings(max_examples=20)
@given(one=st.integers(0, 10**9), other=st.integers(0, 10**9))
def test_ids_are_equal_exactly_when_seeds_are(one: int, other: int) -> None:
    same = cell_id(run_config({"seed": one})) == cell_id(run_config({"seed": other}))

    assert same == (one == other)


def test_the_measured_half_holds_neither_prices_nor_risk_nor_buyer() -> None:
    judged = set(type(judge_config()).model_fields)

    assert judged == {"pricing", "risk", "buyer"}
    assert not judged & set(type(run_config()).model_fields)


def test_the_identity_holds_no_source_or_date_of_a_label() -> None:
    plain = measured(run_config())

    assert "licence" not in plain["model"]
    assert "as_of" not in str(plain)
