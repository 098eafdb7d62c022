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


SERVERS_COUNT = {"input_config.endpoint.use_server_token_count": True}


def test_its_itl_is_our_tpot_and_its_gaps_between_chunks_are_our_itl(tmp_path: Path) -> None:
    [each] = aiperf.read(source(tmp_path, changed(shipped(FILE), SERVERS_COUNT)))

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


def test_what_is_made_with_a_count_of_the_clients_tokenizer_is_none_of_ours() -> None:
    [each] = found(FILE)

    assert sorted(values(each)) == ["e2e_p50_s", "itl_p50_s", "ttft_p50_s"]
    for column in ("output_tok_per_s", "tpot_p50_s", "tpot_p99_s"):
        assert each.imported.missing[column] == (
            "not measured: the source counts tokens by the client's tokenizer"
        )
    assert each.imported.own["output_token_throughput_client_count"] == pytest.approx(28.934558)
    assert each.imported.own["output_sequence_length_client_count"] == 23.5
    assert (each.imported.output_tokens_mean, each.imported.total_tok_per_s) == (None, None)
    assert each.workload.endswith("-client-count")


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


@pytest.mark.parametrize(
    "change",
    [
        {"input_config": EARLY_INPUT | {"input": {"fixed_schedule": True}}},
        {"input_config": EARLY_INPUT | {"loadgen": {"concurrency": 8, "user_centric_rate": 2.0}}},
        {"input_config": EARLY_INPUT | {"loadgen": {}}},
    ],
)
def test_only_a_place_filled_as_soon_as_it_is_free_makes_a_closed_loop(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    [each] = aiperf.read(source(tmp_path, changed(shipped(FILE), change)))

    assert "counts from the send" in each.imported.missing["ttft_p50_s"]
    assert each.imported.concurrency is None


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
