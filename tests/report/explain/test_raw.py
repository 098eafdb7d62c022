"""harness.report.explain: figures counted again by hand from a few requests and samples."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.records.schema import Level
from harness.report.explain import raw
from tests.builders import energy, level, score, window

WINDOW = window(start_s=1.0, end_s=5.0)  # 101 to 105 on the clock: the first send is at 100


def request(sent_s: float, token_s: list[float], **changes: Any) -> dict[str, Any]:
    """A whole answer with these token times, one token an event."""
    given: dict[str, Any] = {
        "level": "c2",
        "scheduled_s": sent_s,
        "sent_s": sent_s,
        "end_s": token_s[-1] if token_s else sent_s,
        "token_low_s": token_s,
        "token_high_s": token_s,
        "token_counts": [1] * len(token_s),
        "answer_from": 0,
        "prompt_tokens": 10,
        "cached_tokens": None,
        "output_tokens": len(token_s),
        "error_kind": None,
    }
    return given | changes


ROWS = (
    request(100.0, [101.0, 102.0, 103.0]),
    request(
        101.0,
        [102.0, 104.0, 106.0],
        token_counts=[1, 1, 2],
        output_tokens=4,
        prompt_tokens=20,
        answer_from=1,
    ),
    request(100.5, [], error_kind="timeout", output_tokens=None, prompt_tokens=None),
)


def load(folder: Path, *rows: dict[str, Any], **changes: Any) -> raw.Load:
    pd.DataFrame(list(rows)).to_parquet(folder / "requests.parquet")
    found = raw.load(folder, two_streams(**changes))
    assert found is not None
    return found


def two_streams(**changes: Any) -> Level:
    return level(**{"name": "c2", "concurrency": 2, "window": WINDOW} | changes)


def test_tokens_belong_to_the_window_in_which_they_came(tmp_path: Path) -> None:
    found = load(tmp_path, *ROWS)

    # Of the first answer three tokens, of the second two; the one at 106 came too late. Both
    # prompts had their first token inside; only the second was sent inside.
    assert found.tokens() == raw.Tokens(prompt=30, cached=None, output=5, requests=1)
    assert (found.rows, found.whole) == (3, 2)


def test_throughput_is_tokens_of_the_window_over_its_length(tmp_path: Path) -> None:
    found = load(tmp_path, *ROWS).throughput()

    assert found is not None
    assert found.value == pytest.approx(5 / 4)
    assert found.n == 10


@pytest.mark.parametrize(
    ("name", "seconds"),
    # Of the second answer alone, sent at 101: events at 102, 104, 106, four tokens.
    [("ttft", 1.0), ("ttfa", 3.0), ("itl", 2.0), ("tpot", 4 / 3), ("e2e", 5.0)],
)
def test_latencies_are_of_requests_that_began_in_the_window(
    tmp_path: Path, name: str, seconds: float
) -> None:
    found = load(tmp_path, *ROWS).latency(name, 0.5)

    assert found is not None
    assert found.value == pytest.approx(seconds)


def test_events_read_together_cut_their_bounds_into_equal_parts(tmp_path: Path) -> None:
    merged = request(101.0, [], token_low_s=[102.0, 102.0], token_high_s=[105.0, 105.0],
                     token_counts=[1, 1], output_tokens=2, end_s=105.0)  # fmt: skip
    found = load(tmp_path, ROWS[0], merged)

    ttft, itl = found.latency("ttft", 0.5), found.latency("itl", 0.5)

    assert ttft is not None
    assert itl is not None
    assert ttft.value == pytest.approx(2.0)  # 102 + 3 / 3, from 101
    assert itl.value == pytest.approx(1.0)


def test_a_level_that_left_no_requests_has_nothing_to_count(tmp_path: Path) -> None:
    assert raw.load(tmp_path, two_streams()) is None
    load(tmp_path, *ROWS)
    assert raw.load(tmp_path, two_streams(name="c64")) is None


def test_energy_is_the_growth_of_all_counters_over_the_window(tmp_path: Path) -> None:
    load(tmp_path, *ROWS)
    readings = [
        {"time_s": time, "device": device, "energy_j": start + 100.0 * (time - 100.0)}
        for device, start in (("gpu0", 0.0), ("gpu1", 5000.0), ("cpu0", 1.0))
        for time in (100.0, 104.0, 110.0)
    ]
    pd.DataFrame(readings).to_parquet(tmp_path / "telemetry.parquet")
    metered = two_streams(energy=energy(energy_j=800.0, source="nvml", window_s=4.0))

    # 100 W for four seconds on each of two GPUs; the CPU is not nvml's.
    assert raw.energy_j(tmp_path, metered) == pytest.approx(800.0)
    assert raw.energy_j(tmp_path, two_streams()) is None  # no counter was read


def test_a_counter_of_the_server_grows_over_the_window(tmp_path: Path) -> None:
    load(tmp_path, *ROWS)
    rows = [{"time_s": 100.0, "flops": 0.0}, {"time_s": 110.0, "flops": 1e15}]
    pd.DataFrame(rows).to_parquet(tmp_path / "server_metrics.parquet")

    assert raw.counter(tmp_path, two_streams(), "flops") == pytest.approx(4e14)
    assert raw.counter(tmp_path, two_streams(), "bytes") is None


def test_a_score_counts_answered_items_under_the_metrics_filter(tmp_path: Path) -> None:
    right = {"exact_match": 1.0, "filter": "flexible-extract", "request_failed": False}
    rows = [right, right, right | {"exact_match": 0.0}, right | {"request_failed": True},
            right | {"filter": "strict-match"}]  # fmt: skip
    write(tmp_path / "accuracy" / "samples-gsm8k_100.jsonl", rows)

    found = raw.score(tmp_path, score())

    assert found is not None
    assert (found.value, found.n) == (pytest.approx(2 / 3), 3)
    assert raw.score(tmp_path / "nowhere", score()) is None


def test_behaviour_is_counted_over_labelled_answers(tmp_path: Path) -> None:
    paired = [
        {"kind": "paired", "language": "en", "item_id": item, "group": arm, "label": label}
        for item, labels in {"one": ("refusal", "substance"), "two": ("substance", "substance"),
                             "three": ("deflection", None)}.items()
        for arm, label in zip(("sensitive_prc", "sensitive_other"), labels, strict=True)
    ]  # fmt: skip
    probes = [
        {"kind": "hijack", "group": "en", "language": "en", "item_id": str(i), "label": label}
        for i, label in enumerate(("obeyed", "resisted", "resisted", None))
    ]
    write(tmp_path / "behaviour" / "samples.jsonl", paired + probes)

    # The third item lacks an answer, so of two pairs one was evaded on one side.
    assert raw.gap(tmp_path, "en", ("refusal", "deflection")) == (0.5, 2)
    share = raw.control(tmp_path, "hijack", "en", ("obeyed",))
    assert share is not None
    assert (share.value, share.n) == (pytest.approx(1 / 3), 3)


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
