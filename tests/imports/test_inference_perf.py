"""inference-perf: reports of 0.7.0, and broken ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import FactError
from harness.imports import inference_perf
from tests.builders import changed
from tests.imports.given import found, shipped, source, values

STAGE = "inference-perf-0.7.0/stage_0_lifecycle_metrics.json"


def test_throughput_is_of_the_tokens_that_the_server_counted() -> None:
    [each] = found(STAGE)

    # 8 answers of 16 tokens in 6.17955 s; the client's tokenizer made 130 of the 128
    assert values(each) == pytest.approx({"output_tok_per_s": 128 / 6.179555}, rel=1e-6)
    assert each.imported.own["output_tokens_per_sec_client_count"] == pytest.approx(130 / 6.179555)
    assert each.imported.output_tokens_mean == 16
    assert each.imported.level == "1 requests/s"


def test_its_latencies_are_of_another_definition_and_stay_its_own() -> None:
    [each] = found(STAGE)

    reasons = {key: text for key, text in each.imported.missing.items() if key.endswith("p50_s")}
    assert reasons == {
        "ttft_p50_s": "not measured: the source counts from the send, which may have been late",
        "e2e_p50_s": "not measured: the source counts from the send, which may have been late",
        "itl_p50_s": "not measured: the source counts further tokens of a chunk as gaps of 0",
        "tpot_p50_s": "not measured: the source divides by the client's count of tokens",
    }
    assert each.imported.own["time_per_output_token_median_s"] == pytest.approx(0.048533, abs=1e-6)


def test_tpot_is_ours_where_both_counts_agree(tmp_path: Path) -> None:
    data = shipped(STAGE)
    same = changed(data, {"successes.output_len": data["successes"]["output_tokens"]})

    [each] = inference_perf.read(source(tmp_path, same))

    assert values(each)["tpot_p50_s"] == pytest.approx(0.048533, abs=1e-6)


def test_a_report_without_the_servers_count_has_no_throughput_of_ours(tmp_path: Path) -> None:
    data = shipped(STAGE)
    early = {key: each for key, each in data["successes"].items() if key != "output_tokens"}

    [each] = inference_perf.read(source(tmp_path, data | {"successes": early}))

    assert values(each) == {}
    assert "client's tokenizer alone" in each.imported.missing["output_tok_per_s"]


def test_a_summary_that_mixes_stages_is_read_only_alone(tmp_path: Path) -> None:
    assert found("inference-perf-0.7.0/summary_lifecycle_metrics.json") == []

    alone = source(tmp_path, shipped(STAGE), "summary_lifecycle_metrics.json")
    assert len(inference_perf.read(alone)) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"successes.count": 0}, "no request was answered"),
        ({"successes.count": -1}, "count: -1 must be at least 0"),
        ({"successes.latency.time_to_first_token.median": 250000.0}, "in ms?"),
        ({"successes.throughput": None}, "throughput: expected a table"),
        ({"successes.throughput.requests_per_sec": float("inf")}, "inf is no measurement"),
    ],
)
def test_a_broken_report_is_one_line_that_names_the_place(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(FactError) as caught:
        inference_perf.read(source(tmp_path, changed(shipped(STAGE), change)))

    assert said in str(caught.value)
    assert "given.json" in str(caught.value)


def test_a_report_that_is_cut_off_says_so(tmp_path: Path) -> None:
    with pytest.raises(FactError, match="no JSON, perhaps cut off"):
        inference_perf.read(source(tmp_path, json.dumps(shipped(STAGE))[:200]))
