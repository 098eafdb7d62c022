"""harness.load.calibrate: the client against a server that stamps its own sends."""

import pytest

from harness.config.workload import ClientConfig
from harness.load.calibrate import calibrate
from harness.records.schema import Calibration


@pytest.fixture(scope="module")
def kernel() -> Calibration:
    return calibrate(ClientConfig(), [8, 2], short=True)


def test_every_event_of_every_stream_is_compared_fewest_streams_first(kernel: Calibration) -> None:
    # Three answers of 64 tokens for each stream.
    assert [(p.streams, p.events) for p in kernel.points] == [(2, 2 * 3 * 64), (8, 8 * 3 * 64)]
    assert kernel.stamps == "kernel"
    assert kernel.short


def test_no_event_is_seen_before_it_was_sent_and_bounds_hold(kernel: Calibration) -> None:
    for point in kernel.points:
        assert 0 <= point.event_error_p50_s <= point.event_error_p99_s
        assert 0 <= point.ttft_error_p50_s <= point.ttft_error_p99_s
        assert point.bounds_hold_share in (None, 1.0)
        # 8 streams of 100 tokens a second at most; slower on a machine that is busy.
        assert 0 < point.sent_tok_per_s <= 100 * point.streams * 1.2
        assert 0 <= point.merged_share < 1


def test_the_kernels_stamps_are_nearer_to_the_truth_than_our_own_clock(
    kernel: Calibration,
) -> None:
    # Both from the same reads: what the kernel stamps it has before a process can be woken.
    assert all(point.event_error_p99_s < point.user_error_p99_s for point in kernel.points)


def test_our_own_clock_is_named_where_it_takes_the_times() -> None:
    found = calibrate(ClientConfig(timestamps="user"), [2], short=True)

    [point] = found.points
    assert found.stamps == "user"
    assert point.event_error_p99_s == point.user_error_p99_s
