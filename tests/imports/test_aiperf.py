"""AIPerf: an export of 0.13.0 (schema 1.4), the form of schema 1.0, and broken ones."""

from pathlib import Path
from typing import Any

import pytest

from harness.errors import FactError
from harness.imports import aiperf
from tests.builders import changed
from tests.imports.given import found, shipped, source, values

FILE = "aiperf-0.13.0/profile_export_aiperf.json"
# as AIPerf 0.5 wrote it: the command's options, no phases, no counts beside the statistics
EARLY_INPUT = {
    "endpoint": {"model_names": ["HuggingFaceTB/SmolLM2-135M-Instruct"]},
    "loadgen": {"concurrency": 8},
}


def test_its_itl_is_our_tpot_and_its_gaps_between_chunks_are_our_itl() -> None:
    [each] = found(FILE)

    # the file's 28.93456 tokens/s, 187.96 ms, 72.33 ms, 63.16 ms and 1875.95 ms
    assert values(each) == pytest.approx(
        {
            "output_tok_per_s": 28.934558, "ttft_p50_s": 0.18795929, "tpot_p50_s": 0.07232836,
            "itl_p50_s": 0.0631624, "e2e_p50_s": 1.87594708,
        },
        rel=1e-6,
    )  # fmt: skip
    assert (each.imported.figures["tpot_p50_s"].n, each.imported.figures["itl_p50_s"].n) == (6, 138)
    assert (each.imported.level, each.tool_version) == ("2 in flight", "0.13.0")


def test_the_early_form_names_model_and_load_elsewhere_and_counts_no_gaps(tmp_path: Path) -> None:
    data = changed(
        shipped(FILE),
        {
            "schema_version": "1.0", "input_config": EARLY_INPUT,
            "inter_chunk_latency": {"unit": "ms", "p50": 50.0, "p99": 80.0},
        },
    )  # fmt: skip

    [each] = aiperf.read(source(tmp_path, data))

    assert (each.model, each.imported.level) == (
        "HuggingFaceTB/SmolLM2-135M-Instruct", "8 in flight",
    )  # fmt: skip
    assert each.imported.figures["itl_p50_s"].n is None
    assert each.imported.missing["itl_p99_s"] == "not measured: p99 without a sample size"


def test_at_a_rate_ttft_is_not_ours(tmp_path: Path) -> None:
    data = changed(shipped(FILE), {"input_config": EARLY_INPUT | {"loadgen": {"request_rate": 3}}})

    [each] = aiperf.read(source(tmp_path, data))

    assert each.imported.level == "3 requests/s"
    assert "ttft_p50_s" not in values(each)


def test_a_run_that_was_broken_off_is_void(tmp_path: Path) -> None:
    [each] = aiperf.read(source(tmp_path, shipped(FILE) | {"was_cancelled": True}))

    assert each.imported.void == ("the run was broken off",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": "2.0"}, "schema_version 2.0: this harness reads AIPerf's 1.0"),
        ({"schema_version": None}, "schema_version None"),
        ({"time_to_first_token.unit": "ns"}, "unit 'ns': ms or s expected"),
        ({"request_count.avg": 0}, "avg: 0 must be above 0"),
        ({"output_token_throughput.avg": float("nan")}, "nan is no measurement"),
        ({"input_config.models.items": [{"name": "a"}, {"name": "b"}]}, "one model expected"),
    ],
)
def test_a_broken_export_or_another_version_is_one_line_that_names_the_place(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(FactError) as caught:
        aiperf.read(source(tmp_path, changed(shipped(FILE), change)))

    assert said in str(caught.value)
    assert "given.json" in str(caught.value)
