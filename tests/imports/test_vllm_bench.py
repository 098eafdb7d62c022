"""`vllm bench`: files of vLLM 0.32.0, and broken ones."""

import math
from pathlib import Path
from typing import Any

import pytest

from harness.errors import FactError
from harness.imports import vllm_bench
from tests.imports.given import found, shipped, source, values

V = "vllm-bench-0.32.0"


def test_in_a_closed_loop_its_latencies_are_ours() -> None:
    [each] = found(f"{V}/serve.json")

    assert (each.model, each.imported.level, each.measured_on) == (
        "HuggingFaceTB/SmolLM2-135M-Instruct", "4 in flight", "2026-11-26",
    )  # fmt: skip
    # the file's 210.48 ms, 55.297 ms and 1931.95 ms; 640 tokens in 9.0662 s
    assert values(each) == pytest.approx(
        {
            "output_tok_per_s": 640 / 9.066221022, "ttft_p50_s": 0.2104835, "tpot_p50_s": 0.0552973,
            "itl_p50_s": 0.0557145, "e2e_p50_s": 1.9319530,
        },
        rel=1e-6,
    )  # fmt: skip
    assert (each.imported.input_tokens_mean, each.imported.output_tokens_mean) == (64, 32)
    assert each.imported.figures["ttft_p50_s"].n == 20
    assert each.imported.missing["ttft_p99_s"] == (
        "not measured: p99 needs 662 observations, the source has 20"
    )
    assert all(figure.low is None for figure in each.imported.figures.values())


def test_in_an_open_loop_ttft_and_e2e_count_from_the_send_and_stay_its_own() -> None:
    [each] = found(f"{V}/serve_rate.json")

    assert (each.imported.level, each.imported.rate_rps) == ("4 requests/s", 4)
    assert not {"ttft_p50_s", "e2e_p50_s"} & values(each).keys()
    assert "counts from the send" in each.imported.missing["ttft_p50_s"]
    assert "median_ttft_ms" in each.imported.own
    assert "tpot_p50_s" in values(each)


def test_without_a_rate_in_the_file_the_loop_is_not_taken_as_closed(tmp_path: Path) -> None:
    data = {k: v for k, v in shipped(f"{V}/serve.json").items() if k != "request_rate"}

    [each] = vllm_bench.read(source(tmp_path, data))

    assert "counts from the send" in each.imported.missing["ttft_p50_s"]
    assert "tpot_p50_s" in values(each)
    assert each.imported.level == "rate not given, at most 4 in flight"


def test_runs_of_other_settings_and_a_lone_run_have_no_number(tmp_path: Path) -> None:
    runs = shipped(f"{V}/sweep/summary.json")
    unlike = source(tmp_path, [runs[0], runs[1] | {"max_concurrency": 4}])
    lone = source(tmp_path, runs[0], "lone/run=0.json")

    for each in (*vllm_bench.read(unlike), *vllm_bench.read(lone)):
        assert not [text for text in each.imported.conditions if text.startswith("run ")]


def test_runs_whose_summary_is_not_there_are_told_apart(tmp_path: Path) -> None:
    files = [source(tmp_path, shipped(f"{V}/sweep/run={n}.json"), f"run={n}.json") for n in (0, 1)]

    last = [vllm_bench.read(file)[0].imported.conditions[-1] for file in files]

    assert last == ["run 0, one of 2 of one setting", "run 1, one of 2 of one setting"]


@pytest.mark.parametrize(
    ("version", "ours"),
    [
        (None, set()),
        ("0.11.1", set()),
        ("0.32.0", {"ttft_p50_s", "tpot_p50_s", "e2e_p50_s"}),
        ("0.33.0", {"ttft_p50_s", "tpot_p50_s", "e2e_p50_s"}),
    ],
)
def test_through_the_chat_endpoint_chunks_without_a_token_are_counted(
    tmp_path: Path, version: str | None, ours: set[str]
) -> None:
    data = shipped(f"{V}/serve.json") | {"backend": "openai-chat", "vllm_version": version}

    [each] = vllm_bench.read(source(tmp_path, data))

    assert values(each).keys() == {"output_tok_per_s"} | ours
    assert "chunks without a token" in each.imported.missing["itl_p50_s"]
    assert each.imported.own["median_itl_ms"] == pytest.approx(55.71445, abs=1e-5)
    later = "a later vLLM than 0.32, whose definitions were read"
    assert (later in each.imported.conditions) == (version == "0.33.0")


def test_another_servers_results_in_this_shape_are_of_no_format(tmp_path: Path) -> None:
    data = shipped(f"{V}/serve.json")
    without = {key: value for key, value in data.items() if key != "tokenizer_id"}

    assert not vllm_bench.fits(without)
    with pytest.raises(FactError, match="no result of vllm bench"):
        vllm_bench.read(source(tmp_path, without))


def test_how_many_gaps_itl_is_of_is_known_only_from_a_detailed_file() -> None:
    [plain], [detailed] = found(f"{V}/serve.json"), found(f"{V}/serve_detailed.json")

    assert plain.imported.missing["itl_p99_s"] == "not measured: p99 without a sample size"
    # 8 answers of 16 tokens have 8 x 15 gaps
    assert detailed.imported.missing["itl_p99_s"] == (
        "not measured: p99 needs 662 observations, the source has 120"
    )


def test_a_sweeps_runs_are_read_once_from_its_summary_and_its_warm_up_is_not() -> None:
    runs = found(f"{V}/sweep/summary.json")

    assert [values(run)["output_tok_per_s"] for run in runs] == pytest.approx([37.2975, 30.1019])
    assert [run.imported.conditions[-2:] for run in runs] == [
        ("result 1 of 2 in the file", "run 0, one of 2 of one setting"),
        ("result 2 of 2 in the file", "run 1, one of 2 of one setting"),
    ]  # fmt: skip
    for name in ("run=0.json", "run=1.json", "warmup.json"):
        assert found(f"{V}/sweep/{name}") == []


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("throughput.json", {"tokens_per_second": 344.2776, "requests_per_second": 7.17245}),
        ("latency.json", {"avg_latency_s": 0.547427, "runs": 3}),
    ],
)
def test_what_runs_inside_the_engine_ranks_nowhere(name: str, own: dict[str, float]) -> None:
    [each] = found(f"{V}/{name}")

    assert values(each) == {}
    assert each.imported.total_tok_per_s is None
    assert each.imported.own == pytest.approx(own, rel=1e-6)


def test_more_than_one_failure_in_a_hundred_voids_the_level(tmp_path: Path) -> None:
    data = shipped(f"{V}/serve.json") | {"completed": 99}

    [one] = vllm_bench.read(source(tmp_path, data | {"failed": 1}))
    [two] = vllm_bench.read(source(tmp_path, data | {"failed": 2}))

    assert one.imported.void == ()
    assert two.imported.void == ("2 of 101 requests failed, limit 1%",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"output_throughput": math.nan}, "output_throughput: nan is no measurement"),
        ({"output_throughput": -5.0}, "output_throughput: -5 must be above 0"),
        ({"completed": 0}, "completed: 0 must be above 0"),
        ({"median_ttft_ms": 210483495.5}, "is more than an hour; another unit?"),
        ({"median_ttft_ms": "210"}, "expected a number, got '210'"),
        ({"vllm_version": "1.2.0"}, "vllm_version 1.2.0: this harness reads vllm bench of vLLM 0"),
        ({"ramp_up_strategy": "linear"}, "the rate changed while it was measured"),
    ],
)
def test_a_broken_result_is_one_line_that_names_the_place(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(FactError) as caught:
        vllm_bench.read(source(tmp_path, shipped(f"{V}/serve.json") | change))

    assert said in str(caught.value)
    assert "given.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_cut_off_says_so(tmp_path: Path) -> None:
    with pytest.raises(FactError, match="no JSON, perhaps cut off"):
        vllm_bench.read(source(tmp_path, '[{"completed": 20, "dur'))
