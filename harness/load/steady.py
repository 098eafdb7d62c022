"""The steady part of a level, and whether it was steady. Pure.

The rule. A **closed loop** is steady from the send that brings the sessions in flight to the
concurrency asked for (where that is never reached, to the most that ever were in flight) to the
start of the last session, after which nothing takes the place of what ends. With single-turn
sessions that is the last send. At **concurrency 1** there is neither ramp nor drain: from the first
send to the last answer. An **open loop**, trace or probe is steady from one median answer after the
first send, when as many requests end as are sent, to the last moment at which a session was due.

A level has no window where the end is not after the start or fewer than two whole answers are to
requests of the window; its figures are then of the whole level, first send to last answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.load.plan import Plan
from harness.load.request import Request
from harness.records.schema import Drift
from harness.stats import TREND_MIN_POINTS, Values, drift, slice_rates

_POINTS = 20
"""Points of a drift test. More would not find a smaller trend, since each would be less certain,
and neighbours would be less independent, which the test takes them to be."""

_WHOLE_ANSWERS = 2


@dataclass(frozen=True)
class Span:
    """Two moments on the monotonic clock."""

    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """From the first to the second."""
        return self.end_s - self.start_s

    def holds(self, times_s: Values) -> NDArray[np.bool_]:
        """Which moments lie within, both ends included."""
        return (times_s >= self.start_s) & (times_s <= self.end_s)


def whole(requests: Sequence[Request]) -> Span:
    """First send to last answer; of length 0 without a request."""
    return Span(
        min((request.sent_s for request in requests), default=0.0),
        max((request.end_s for request in requests), default=0.0),
    )


def window(plan: Plan, requests: Sequence[Request]) -> Span | None:
    """The steady part by the rule above; None where a level has none."""
    good = [request for request in requests if request.ok]
    if len(good) < _WHOLE_ANSWERS:
        return None
    if plan.concurrency is None:
        span = _open(requests, good)
    elif plan.concurrency == 1:
        span = whole(requests)
    else:
        span = _closed(plan.concurrency, requests)
    enough = span.length_s > 0 and measured(plan, good, span).sum() >= _WHOLE_ANSWERS
    return span if enough else None


def measured(plan: Plan, requests: Sequence[Request], span: Span | None) -> NDArray[np.bool_]:
    """Which requests a window's latencies are of: those that began in [start, end).

    A request begins when it was sent in a closed loop, when it was due in an open one. The last
    send of a closed loop ends its window, so it is not of it. All, where there is no window.
    """
    if span is None:
        return np.ones(len(requests), dtype=bool)
    closed = plan.concurrency is not None
    began = np.array([r.sent_s if closed else r.scheduled_s for r in requests], dtype=float)
    return (began >= span.start_s) & (began < span.end_s)


def in_flight_mean(starts_s: Values, ends_s: Values, span: Span) -> float:
    """Mean number in flight: the time that each has in the window, over the window."""
    shared = np.minimum(ends_s, span.end_s) - np.maximum(starts_s, span.start_s)
    return float(np.clip(shared, 0, None).sum() / span.length_s)


def sessions(requests: Sequence[Request]) -> tuple[Values, Values]:
    """When each session began (first send) and ended (last answer), thinking time included."""
    _, owner = np.unique([request.session for request in requests], return_inverse=True)
    count = int(owner.max()) + 1 if len(owner) else 0
    starts, ends = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(starts, owner, [request.sent_s for request in requests])
    np.maximum.at(ends, owner, [request.end_s for request in requests])
    return starts, ends


def rate_drift(times_s: Values, tokens: Values, span: Span, answer_s: float) -> Drift | None:
    """Whether the output rate stayed level over the window.

    Over as many equal slices as hold an answer of the usual length `answer_s` each, at most 20:
    requests that were sent together prefill and decode together, and shorter slices would show
    those waves. None where that makes fewer than six.
    """
    slices = int(min(_POINTS, span.length_s / answer_s)) if answer_s > 0 else _POINTS
    if slices < TREND_MIN_POINTS:
        return None
    rates = slice_rates(times_s, tokens, span.start_s, span.end_s, slices)
    return None if rates is None else _drift(np.arange(slices, dtype=float), rates)


def ttft_drift(due_s: Values, ttft_s: Values) -> Drift | None:
    """Whether the time to the first token stayed level.

    Over medians of at most 20 groups of requests that were due one after another, equal in
    number: a queue makes neighbours alike, medians of groups much less so. Requests without a
    first token (NaN) are left out. None below six.
    """
    there = ~np.isnan(ttft_s)
    order = np.argsort(due_s[there], kind="stable")
    due, ttft = due_s[there][order], ttft_s[there][order]
    if len(due) < TREND_MIN_POINTS:
        return None
    groups = np.array_split(np.arange(len(due)), min(_POINTS, len(due)))
    return _drift(
        np.array([np.median(due[group]) for group in groups]),
        np.array([np.median(ttft[group]) for group in groups]),
    )


def _drift(times: Values, values: Values) -> Drift | None:
    found = drift(times, values)
    return None if found is None else Drift(**found._asdict())


def _open(requests: Sequence[Request], good: Sequence[Request]) -> Span:
    usual_s = float(np.median([request.end_s - request.scheduled_s for request in good]))
    return Span(
        min(request.sent_s for request in requests) + usual_s,
        max(request.scheduled_s for request in requests if request.turn == 0),
    )


def _closed(concurrency: int, requests: Sequence[Request]) -> Span:
    starts, ends = (np.sort(moments) for moments in sessions(requests))
    in_flight = np.arange(1, len(starts) + 1) - np.searchsorted(ends, starts, side="right")
    reached = int(np.argmax(in_flight >= min(concurrency, int(in_flight.max()))))
    return Span(float(starts[reached]), float(starts[-1]))
