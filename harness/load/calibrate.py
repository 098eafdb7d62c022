"""What the client is worth on this machine: against a server that stamps its own send times.

Both run on the same machine and clock, so an event's error is our time minus the server's stamp.
Events that were read together with a later one have bounds instead of a time; for them the share
is told whose true time lies within the bounds.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from harness.config.workload import ClientConfig, FixedOutput
from harness.errors import MeasurementError
from harness.load.clock import WallClock
from harness.load.drive import Generator, Target, processes_for
from harness.load.plan import Plan, Prompt, Session
from harness.load.request import Request
from harness.records.schema import Calibration, CalibrationPoint

FULL_STREAMS = (1, 16, 64, 200, 400, 700, 1000)
TTFT_S, ITL_S, TOKENS = 0.05, 0.01, 64
_ROUNDS = 3  # answers of each stream; the first and the last are ramp and drain
_TIMEOUT_S = 60.0
_PROMPT = "one two three four"
_LIMIT = 0.01
# The server takes its stamp just before it sends: an event may arrive up to a system call later.
_STAMP_NOISE_S = 100e-6

Floats = npt.NDArray[np.float64]


def calibrate(
    config: ClientConfig,
    streams: Sequence[int],
    short: bool,
    say: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Measure the client at each number of streams, fewest first.

    Raises MeasurementError when the stamping server or a process of the client dies.
    """
    points = []
    stamps = set()
    with stamping_server() as url:
        for count in sorted(set(streams)):
            say(f"calibrating the client at {count} streams")
            plan = _plan(count)
            with Generator(
                Target(url, "stamped"),
                config,
                processes=processes_for(config, [plan]),
                timeout_s=_TIMEOUT_S,
            ) as generator:
                run = generator.run(plan)
            points.append(_point(count, run.requests, run.client.cpu_us_per_event))
            stamps |= {request.stamps for request in run.requests}
    good = [point.streams for point in points if point.within_1_percent]
    return Calibration(
        short=short,
        stamps="mixed" if len(stamps) > 1 else "kernel" if stamps == {"kernel"} else "user",
        points=tuple(points),
        highest_streams_within_1_percent=max(good, default=None),
    )


@contextmanager
def stamping_server() -> Iterator[str]:
    """The stamping server in a process of its own, on loopback; gives its address."""
    schedule = ["--ttft-s", str(TTFT_S), "--itl-s", str(ITL_S), "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.load.stamped_server", *schedule],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        line = process.stdout.readline()
        if not line:
            raise MeasurementError(f"the stamping server ended with status {process.wait()}")
        yield f"http://127.0.0.1:{json.loads(line)['port']}"
    finally:
        process.stdin.close()  # it ends when its parent's end of this pipe closes
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _plan(streams: int) -> Plan:
    output = FixedOutput(kind="fixed", tokens=TOKENS)
    session = Session((Prompt(text=_PROMPT),), output)
    return Plan(
        name=f"calibration-{streams}",
        kind="closed",
        sessions=[session] * (streams * _ROUNDS),
        warmup=[session],
        concurrency=streams,
        rate_rps=None,
        ramp_s=None,
        input_tokens=None,
        output_tokens=TOKENS,
        declared_cache_share=0.0,
    )


def _point(
    streams: int, requests: Sequence[Request], cpu_us_per_event: float | None
) -> CalibrationPoint:
    clock = WallClock()
    clock.read()
    good = [request for request in requests if request.ok]
    if not good:
        raise MeasurementError(
            f"calibration at {streams} streams: {requests[0].error_kind}: {requests[0].error}"
        )
    offset = clock.offset_ns()
    sent = [
        np.array([(int(text) - offset) / 1e9 for text in request.token_text]) for request in good
    ]
    high = [np.array(request.token_high_s) for request in good]
    low = [np.array(request.token_low_s) for request in good]
    seen = [np.array(request.token_seen_s) for request in good]
    all_sent, all_high, all_low = (np.concatenate(part) for part in (sent, high, low))
    timed = all_low == all_high
    error = (all_high - all_sent)[timed]
    middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    first = np.array([m[0] - s[0] for m, s in zip(middle, sent, strict=True)])
    gaps = np.concatenate([np.diff(m) - np.diff(s) for m, s in zip(middle, sent, strict=True)])
    sent_rate, seen_rate = _rates(all_sent, (all_low + all_high) / 2)
    true_ttft = np.mean([s[0] - r.sent_s for s, r in zip(sent, good, strict=True)])
    return CalibrationPoint(
        streams=streams,
        events=int(all_sent.size),
        event_error_p50_s=float(np.quantile(error, 0.5)),
        event_error_p99_s=float(np.quantile(error, 0.99)),
        user_error_p99_s=float(np.quantile(np.concatenate(seen) - all_sent, 0.99)),
        ttft_error_p50_s=float(np.quantile(first, 0.5)),
        ttft_error_p99_s=float(np.quantile(first, 0.99)),
        itl_error_p99_s=float(np.quantile(np.abs(gaps), 0.99)),
        sent_tok_per_s=sent_rate,
        seen_tok_per_s=seen_rate,
        merged_share=float(np.mean(~timed)),
        bounds_hold_share=_bounds_hold(all_sent[~timed], all_low[~timed], all_high[~timed]),
        cpu_us_per_event=cpu_us_per_event or 0.0,
        within_1_percent=bool(
            abs(seen_rate - sent_rate) <= _LIMIT * sent_rate
            and abs(first.mean()) <= _LIMIT * true_ttft
            and abs(gaps.mean()) <= _LIMIT * ITL_S
        ),
    )


def _rates(sent: Floats, seen: Floats) -> tuple[float, float]:
    """Tokens per second by the server's stamps and by our times, over the middle of the run."""
    start, end = np.quantile(sent, [0.2, 0.8])
    inside = [np.count_nonzero((times >= start) & (times < end)) for times in (sent, seen)]
    return float(inside[0] / (end - start)), float(inside[1] / (end - start))


def _bounds_hold(sent: Floats, low: Floats, high: Floats) -> float | None:
    if not sent.size:
        return None
    return float(np.mean((sent >= low - _STAMP_NOISE_S) & (sent <= high)))
