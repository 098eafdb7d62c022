"""guidellm: reports of 0.6.0 and 0.8.1, and broken ones."""

from pathlib import Path
from typing import Any

import pytest

from harness.errors import FactError
from harness.imports import guidellm
from tests.builders import changed
from tests.imports.given import found, shipped, source, values

NEW, OLD = "guidellm-0.8.1/benchmarks.json", "guidellm-0.6.0/benchmarks.json"


def report(change: dict[str, Any], name: str = NEW) -> Any:
    data = shipped(name)
    return data | {"benchmarks": [changed(data["benchmarks"][0], change)]}


def test_its_itl_weighted_by_tokens_and_its_tpot_with_the_ttft_in_it_are_nothing_of_ours() -> None:
    [each] = found(NEW)

    # 6 answers, but 138 = 6 x 23 values of "ITL" in the report
    assert each.imported.own["inter_token_latency_ms_p50"] == pytest.approx(80.3462, abs=1e-4)
    assert each.imported.own["time_per_output_token_ms_p50"] == pytest.approx(87.4515, abs=1e-4)
    assert not [key for key in values(each) if key.startswith(("itl", "tpot"))]
    assert each.imported.missing["tpot_p50_s"] == (
        "not measured: the source counts each request's TPOT as often as it has tokens"
    )
    assert each.tool_version == "0.8.1"


def test_the_interval_of_a_median_is_the_reports_own() -> None:
    [new], [old] = found(NEW), found(OLD)

    ttft = new.imported.figures["ttft_p50_s"]
    assert (ttft.value, ttft.low, ttft.high, ttft.n) == pytest.approx(
        (0.210386, 0.136111, 0.273624, 6), abs=1e-6
    )
    # version 1 has none
    assert old.imported.figures["ttft_p50_s"].low is None


@pytest.mark.parametrize(
    ("name", "seconds", "published"), [(NEW, 6.504619, 22.13812), (OLD, 4.347663, 34.26285)]
)
def test_throughput_is_tokens_over_duration_whatever_mean_the_version_publishes(
    name: str, seconds: float, published: float
) -> None:
    [each] = found(name)

    # 6 answers of 24 tokens
    assert values(each)["output_tok_per_s"] == pytest.approx(6 * 24 / seconds, rel=1e-6)
    assert each.imported.own["output_tokens_per_second_mean"] == pytest.approx(published, abs=1e-5)


def test_where_a_warm_up_was_cut_off_there_is_no_throughput_of_ours(tmp_path: Path) -> None:
    [each] = guidellm.read(source(tmp_path, report({"config.warmup.percent": 0.1})))

    assert "output_tok_per_s" not in values(each)
    assert each.imported.missing["output_tok_per_s"].startswith("not measured: the source cut off")


def test_without_streaming_there_is_no_first_token_to_time(tmp_path: Path) -> None:
    unstreamed = {"metrics.time_to_first_token_ms.successful.percentiles.p50": 0.0}

    [each] = guidellm.read(source(tmp_path, report(unstreamed)))

    assert "ttft_p50_s" not in values(each)
    assert each.imported.missing["ttft_p50_s"].startswith("not measured: the source gives 0")


def test_one_request_after_the_other_is_one_in_flight(tmp_path: Path) -> None:
    [each] = guidellm.read(source(tmp_path, report({"config.strategy": {"type_": "synchronous"}})))

    assert (each.imported.level, each.imported.concurrency) == ("1 in flight", 1)


def test_at_a_rate_ttft_and_e2e_are_not_ours(tmp_path: Path) -> None:
    data = report({"config.strategy": {"type_": "constant", "rate": 2.5}})

    [each] = guidellm.read(source(tmp_path, data))

    assert (each.imported.level, each.imported.rate_rps) == ("2.5 requests/s", 2.5)
    assert not {"ttft_p50_s", "e2e_p50_s"} & values(each).keys()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (shipped(NEW) | {"metadata": {"guidellm_version": "2.0", "version": 9}},
         "metadata.version 9: this harness reads guidellm reports of version 1, 2"),
        ({"benchmarks": shipped(NEW)["benchmarks"]}, "without metadata, from before 0.5"),
        (shipped(NEW) | {"benchmarks": []}, "benchmarks: none there"),
        (report({"metrics.request_totals.successful": 0}), "successful: 0 must be above 0"),
        (report({"metrics.time_to_first_token_ms.successful.percentiles.p50": 4e9}),
         "is more than an hour; another unit?"),
        (report({"metrics.inter_token_latency_ms": None}),
         "metrics.inter_token_latency_ms.successful: expected a table"),
    ],
)  # fmt: skip
def test_a_broken_report_or_another_version_is_one_line_that_names_the_place(
    tmp_path: Path, data: Any, said: str
) -> None:
    with pytest.raises(FactError) as caught:
        guidellm.read(source(tmp_path, data))

    assert said in str(caught.value)
    assert "given.json" in str(caught.value)
