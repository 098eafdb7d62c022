"""Files that the real tools wrote, read as what they mean."""

from pathlib import Path

import pytest

from harness.imports import aiperf, guidellm, lm_eval, vllm_bench
from harness.imports.formats import AUTO, reader
from harness.imports.found import Found, read

DATA = Path(__file__).parent / "data"
SAMPLES = "samples_exam_zh_2026-11-26T12-32-22.253922.jsonl"


def one(name: str) -> Found:
    source = read(DATA / name)
    [found] = reader(AUTO, source)[1](source)
    return found


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("vllm_bench_serve.json", vllm_bench),
        ("guidellm.json", guidellm),
        ("aiperf.json", aiperf),
        ("lm_eval_results.json", lm_eval),
        (SAMPLES, lm_eval),
    ],
)
def test_the_format_of_a_real_file_is_recognised(name: str, form: object) -> None:
    assert reader(AUTO, read(DATA / name))[0] == form.FORMAT  # type: ignore[attr-defined]


def test_vllm_bench_in_a_closed_loop_means_what_ours_mean() -> None:
    found = one("vllm_bench_serve.json")

    figures = found.imported.figures
    assert (found.model, found.imported.level) == (
        "HuggingFaceTB/SmolLM2-135M-Instruct", "4 in flight",
    )  # fmt: skip
    assert figures["output_tok_per_s"].value == pytest.approx(70.5917, abs=1e-4)
    assert figures["ttft_p50_s"].value == pytest.approx(0.210483, abs=1e-6)
    assert figures["ttft_p50_s"].n == 20
    assert figures["tpot_p50_s"].value == pytest.approx(0.055297, abs=1e-6)
    # 640 tokens of 20 answers leave 620 gaps: too few for a p99 by 42
    assert "itl_p99_s" not in figures
    assert found.imported.missing["itl_p99_s"] == (
        "not measured: p99 needs 662 observations, the source has 620"
    )
    assert (found.imported.input_tokens_mean, found.imported.output_tokens_mean) == (64, 32)
    assert found.imported.total_tok_per_s == pytest.approx(211.7751, abs=1e-4)
    assert found.measured_on == "2026-11-26"


def test_vllm_bench_in_an_open_loop_has_no_ttft_of_ours_and_keeps_its_own() -> None:
    found = one("vllm_bench_serve_rate.json").imported

    assert found.rate_rps == 4
    assert not {"ttft_p50_s", "e2e_p50_s"} & found.figures.keys()
    assert "counts from the send" in found.missing["ttft_p50_s"]
    assert "median_ttft_ms" in found.own
    assert "tpot_p50_s" in found.figures


def test_guidellms_itl_is_our_tpot_and_its_tpot_is_nothing_of_ours() -> None:
    found = one("guidellm.json")

    figures = found.imported.figures
    assert figures["output_tok_per_s"].value == pytest.approx(22.1381, abs=1e-4)
    assert figures["ttft_p50_s"].value == pytest.approx(0.210386, abs=1e-6)
    # its own interval of the median, over 6 requests
    assert figures["ttft_p50_s"].low == pytest.approx(0.136111, abs=1e-6)
    assert figures["ttft_p50_s"].high == pytest.approx(0.273624, abs=1e-6)
    assert "itl_p50_s" not in figures
    own = found.imported.own["time_per_output_token_ms_p50"]
    assert isinstance(own, float)
    # the whole request over its tokens holds the time to first token
    assert own / 1000 > figures["tpot_p50_s"].value
    assert found.tool_version == "0.8.1"


def test_aiperfs_itl_is_our_tpot_and_its_chunk_gaps_are_our_itl() -> None:
    found = one("aiperf.json")

    figures = found.imported.figures
    assert figures["output_tok_per_s"].value == pytest.approx(28.93456, abs=1e-5)
    assert figures["tpot_p50_s"].value == pytest.approx(0.0723284, abs=1e-7)
    assert figures["tpot_p50_s"].n == 6
    assert figures["itl_p50_s"].value > 0
    assert (found.imported.concurrency, found.tool_version) == (2, "0.13.0")


def test_lm_evals_scores_come_with_their_sample_size_and_stderr() -> None:
    found = one("lm_eval_results.json")

    scores = {(score.task, score.metric): score for score in found.scores}
    norm = scores["hellaswag_100", "acc_norm"]
    assert norm.value is not None
    assert (norm.value.value, norm.value.n) == (pytest.approx(1 / 3), 6)
    # 1.96 x 0.210819
    assert norm.value.high == pytest.approx(1 / 3 + 0.413198, abs=1e-5)
    assert (norm.lm_eval_version, norm.limit, norm.bos) == ("0.4.13", 6, None)
    assert set(scores) == {
        ("exam_zh", "acc"), ("hellaswag_100", "acc"), ("hellaswag_100", "acc_norm"),
    }  # fmt: skip


def test_samples_alone_give_the_same_score_as_the_results() -> None:
    [score] = one(SAMPLES).scores

    assert score.value is not None
    assert (score.task, score.metric, score.value.n) == ("exam_zh", "acc", 6)
    assert score.value.value == pytest.approx(1 / 3)
