"""harness.telemetry.server: the server's own view of a level."""

import datetime as dt
from typing import Any

import pytest

from harness.config.run import HardwareConfig
from harness.fields import Sourced
from harness.telemetry.prometheus import parse
from harness.telemetry.server import Row, Span, server_figures

LEVEL = Span(100.0, 110.0)


def hardware(**changes: Any) -> HardwareConfig:
    """A GPU with round peaks: 1,000 TFLOP/s and 3,000 GB/s."""

    def stated(value: float) -> Sourced[float]:
        return Sourced[float](value=value, source="made up", as_of=dt.date(2026, 1, 1))

    given: dict[str, Any] = {
        "name": "round",
        "kind": "gpu",
        "gpu_count": 2,
        "peak_dense_bf16_tflops": stated(1000.0),
        "peak_memory_gb_per_s": stated(3000.0),
    }
    return HardwareConfig(**given | changes)


def rows(**changes: float) -> list[Row]:
    """A page a second from 95 s to 115 s; the server works from 100 s to 110 s, evenly."""
    per_s = {
        "vllm:prompt_tokens_total": 300.0,
        "vllm:generation_tokens_total": 100.0,
        "vllm:prefix_cache_queries_total": 300.0,
        "vllm:prefix_cache_hits_total": 75.0,
        "vllm:num_preemptions_total": 0.0,
        "vllm:estimated_flops_per_gpu_total": 4e14,
        "vllm:estimated_read_bytes_per_gpu_total": 1.5e12,
    } | changes
    found = []
    for second in range(95, 116):
        worked_s = min(max(second - 100, 0), 10)
        row = {name: 5000.0 + value * worked_s for name, value in per_s.items()}
        busy = 1.0 if 100 < second < 110 else 0.0
        gauges = {
            "vllm:num_requests_running": 8 * busy,
            "vllm:num_requests_waiting": 2 * busy,
            "vllm:kv_cache_usage_perc": 0.4 * busy,
        }
        found.append({"time_s": float(second), **row, **gauges})
    return found


def without(name: str) -> list[Row]:
    return [{key: value for key, value in row.items() if key != name} for row in rows()]


def test_counters_are_differences_between_the_marks_and_gauges_their_highest() -> None:
    found = server_figures(rows(), LEVEL, hardware())

    assert (found.prompt_tokens, found.output_tokens, found.preemptions) == (3000, 1000, 0)
    assert (found.running_max, found.waiting_max, found.kv_cache_usage_max) == (8.0, 2.0, 0.4)
    assert found.prefix_cache_hit_share == 0.25


def test_utilisation_is_the_estimate_per_second_over_the_peak() -> None:
    found = server_figures(rows(), LEVEL, hardware())

    # 4e14 of 1e15 FLOP/s, 1.5e12 of 3e12 bytes/s.
    assert found.mfu == pytest.approx(0.4)
    assert found.mbu == pytest.approx(0.5)
    assert found.mfu_reason is None


def test_utilisation_is_that_of_the_steady_part_when_there_is_one() -> None:
    pages = rows()
    for page in pages:  # nothing in the first two seconds, then 5e14 FLOP/s
        page["vllm:estimated_flops_per_gpu_total"] = 5e14 * min(max(page["time_s"] - 102, 0), 8)

    whole = server_figures(pages, LEVEL, hardware())
    steady = server_figures(pages, LEVEL, hardware(), Span(102.0, 110.0))

    # 4e15 FLOP in 10 s or in 8 s, of 1e15 a second.
    assert whole.mfu == pytest.approx(0.4)
    assert steady.mfu == pytest.approx(0.5)
    assert steady.output_tokens == whole.output_tokens == 1000


def test_a_steady_part_that_begins_between_two_pages_is_interpolated() -> None:
    found = server_figures(rows(), LEVEL, hardware(), Span(99.5, 109.5))

    assert found.mfu == pytest.approx(0.38)  # 9.5 s of work at 0.4 in 10 s


def test_on_a_cpu_there_is_no_utilisation_and_the_reason_is_said() -> None:
    cpu = HardwareConfig(name="cpu", kind="cpu", gpu_count=0)

    found = server_figures(rows(), LEVEL, cpu)

    assert (found.mfu, found.mbu) == (None, None)
    assert found.mfu_reason == "not measured: no peak is stated for a CPU"
    assert found.output_tokens == 1000


def test_a_missing_peak_takes_only_its_own_figure() -> None:
    found = server_figures(rows(), LEVEL, hardware(peak_memory_gb_per_s=None))

    assert found.mfu == pytest.approx(0.4)
    assert found.mbu is None
    assert found.mfu_reason == "not measured: hardware.peak_memory_gb_per_s is not stated"


@pytest.mark.parametrize("absent", [True, False], ids=["no counter", "counter at zero"])
def test_a_server_that_estimates_nothing_is_not_one_that_does_nothing(absent: bool) -> None:
    name = "vllm:estimated_flops_per_gpu_total"

    found = server_figures(without(name) if absent else rows(**{name: 0.0}), LEVEL, hardware())

    assert found.mfu is None
    assert found.mbu == pytest.approx(0.5)
    assert found.mfu_reason == (
        "not measured: the server estimates no FLOPs and bytes (vLLM: --enable-mfu-metrics)"
    )


def test_a_server_that_started_again_tells_no_counts() -> None:
    again = rows()
    for row in again:
        if row["time_s"] > 105:
            row["vllm:generation_tokens_total"] -= 5500.0
            row["vllm:estimated_flops_per_gpu_total"] = 1.0

    found = server_figures(again, LEVEL, hardware())

    assert found.output_tokens is None
    assert found.prompt_tokens == 3000
    assert found.mfu is None
    assert found.mfu_reason == "not measured: the server's estimates: the counter went backwards"


@pytest.mark.parametrize("lost_s", [100.0, 110.0])
def test_without_the_reading_at_a_mark_a_neighbour_is_not_taken(lost_s: float) -> None:
    found = server_figures([r for r in rows() if r["time_s"] != lost_s], LEVEL, hardware())

    assert found.output_tokens is None
    assert found.prefix_cache_hit_share is None
    assert found.running_max == 8.0


def test_a_page_that_was_missed_between_the_marks_changes_no_count() -> None:
    found = server_figures([r for r in rows() if r["time_s"] != 104.0], LEVEL, hardware())

    assert found.output_tokens == 1000


def test_a_cache_that_was_never_asked_has_no_hit_share() -> None:
    name = "vllm:prefix_cache_queries_total"

    assert server_figures(rows(**{name: 0.0}), LEVEL, hardware()).prefix_cache_hit_share is None
    assert server_figures(without(name), LEVEL, hardware()).prefix_cache_hit_share is None


def test_a_cache_without_hits_has_a_share_of_zero() -> None:
    none = rows(**{"vllm:prefix_cache_hits_total": 0.0})

    assert server_figures(none, LEVEL, hardware()).prefix_cache_hit_share == 0.0


def test_a_server_without_a_page_tells_nothing() -> None:
    found = server_figures([], LEVEL, hardware())

    assert found.mfu_reason == "not measured: no page of the server was read"
    assert set(found.model_dump(exclude={"mfu_reason"}).values()) == {None}


def test_two_engines_do_not_double_the_utilisation() -> None:
    def page(time_s: float, flops: float) -> Row:
        name = "vllm:estimated_flops_per_gpu_total"
        text = "".join(f'{name}{{engine="{n}"}} {flops:.1f}\n' for n in (0, 1))
        return {"time_s": time_s, **(parse(text) or {})}

    found = server_figures([page(100.0, 0.0), page(110.0, 4e15)], LEVEL, hardware())

    assert found.mfu == pytest.approx(0.4)
