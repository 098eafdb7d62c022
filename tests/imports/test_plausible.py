"""Imported figures that contradict each other."""

from typing import Any

import pytest

from harness.errors import FactError
from harness.imports.plausible import check
from harness.records.imported import Imported, ImportedFigure


def brought(figures: dict[str, float], **changes: Any) -> Imported:
    """8 in flight, 100 tokens an answer; 400 tokens/s and 2 s a request keep just 8 in flight."""
    known = {"output_tok_per_s": 400.0, "ttft_p50_s": 0.2, "e2e_p50_s": 2.0} | figures
    given: dict[str, Any] = {
        "level": "8 in flight", "concurrency": 8, "output_tokens_mean": 100.0,
        "figures": {key: ImportedFigure(value=value) for key, value in known.items()},
    }  # fmt: skip
    return Imported(**given | changes)


def test_what_fits_together_passes() -> None:
    check(brought({"ttft_p99_s": 0.5, "tpot_p50_s": 0.018}, total_tok_per_s=1200.0), "here")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (brought({"itl_p50_s": 4000.0}), "itl_p50_s: 4000 s is more than an hour; in ms?"),
        (brought({"ttft_p99_s": 0.1}), "ttft_p99_s 0.1 s is less than ttft_p50_s 0.2 s"),
        (brought({"ttft_p50_s": 200.0}), "e2e_p50_s 2 s is less than ttft_p50_s 200 s"),
        (brought({}, total_tok_per_s=300.0), "300 tokens/s in all are fewer than 400 of output"),
        (brought({}, total_tok_per_s=0.0), "total_tok_per_s: 0 must be above 0"),
        (brought({}, own={"median_itl_ms": -3.0}), "median_itl_ms: -3 must be finite and at"),
        (brought({}, own={"avg_batch_size": -1.0}), "avg_batch_size: -1 must be finite and at"),
        # 4 requests a second of 2,000 s each
        (brought({"ttft_p50_s": 20.0, "e2e_p50_s": 2000.0}), "keep 8e+03 in flight, not 8"),
        (
            brought({}).model_copy(
                update={"figures": {"output_tok_per_s": ImportedFigure(value=4, low=5, high=6)}}
            ),
            "output_tok_per_s: 4 is outside its interval, 5.0 to 6.0; ends exchanged",
        ),
    ],
)
def test_what_cannot_all_be_right_is_refused_with_the_place(found: Imported, said: str) -> None:
    with pytest.raises(FactError) as caught:
        check(found, "run.json")

    assert str(caught.value).startswith("run.json: ")
    assert said in str(caught.value)


def test_with_fewer_requests_than_places_those_are_in_flight() -> None:
    few = brought({}, concurrency=1024)
    made = {"output_tok_per_s": ImportedFigure(value=400.0, n=8)}
    check(few.model_copy(update={"figures": few.figures | made}), "here")


def test_at_a_rate_nothing_says_how_many_are_in_flight() -> None:
    check(brought({"e2e_p50_s": 2000.0}, rate_rps=4.0), "here")


def test_gaps_between_tokens_are_no_requests() -> None:
    """One request at a time of 1,024 places: its 99 gaps do not make it 99 requests."""
    alone = brought({"output_tok_per_s": 50.0}, concurrency=1024)
    counted = {
        "itl_p50_s": ImportedFigure(value=0.02, n=99),
        "e2e_p50_s": ImportedFigure(value=2.0, n=1),
    }
    check(alone.model_copy(update={"figures": counted | alone.figures | counted}), "here")
