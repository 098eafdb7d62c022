"""Requests of one level -> its figures. Pure. Definitions: docs/metrics.md.

An event's time is known within bounds, and so is every latency that is made of such times. Its
best guess takes the events of one read as spread evenly over the read's bounds (one alone lies in
their middle); so the gaps of an answer add up to the time between its first and last event.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.config.workload import FixedOutput, Limits, Objectives
from harness.load import steady, validity
from harness.load.plan import ClientRun, Plan
from harness.load.request import Request
from harness.records.schema import ClientFigures, Energy, Latency, Level, ServerFigures, Window
from harness.stats import (
    Estimate,
    Values,
    lag1,
    percentile_bounded,
    proportion,
    rate_by_slices,
    slice_rates,
    smallest_sample,
)

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Bounded:
    """Observations, each known to lie in [low, high] and best taken as `point`; NaN for none."""

    low: Values
    high: Values
    point: Values

    def since(self, start_s: Values) -> "Bounded":
        """From an exactly known moment to each."""
        return Bounded(self.low - start_s, self.high - start_s, self.point - start_s)

    def after(self, earlier: "Bounded") -> "Bounded":
        """From `earlier`, which came no later, to each."""
        low = np.maximum(0.0, self.low - earlier.high)
        return Bounded(low, self.high - earlier.low, self.point - earlier.point)

    def over(self, count: Values) -> "Bounded":
        """Divided evenly."""
        return Bounded(self.low / count, self.high / count, self.point / count)

    def where(self, chosen: Mask) -> "Bounded":
        """Only the chosen ones."""
        return Bounded(self.low[chosen], self.high[chosen], self.point[chosen])

    def at(self, index: NDArray[np.intp], there: Mask) -> "Bounded":
        """The ones at these indices, none where it is not `there`."""

        def pick(values: Values) -> Values:
            picked = np.full(len(index), np.nan)
            picked[there] = values[index[there]]
            return picked

        return Bounded(pick(self.low), pick(self.high), pick(self.point))


class Events:
    """All events with tokens of whole answers, one after another.

    `time`, `tokens`, `owner`: one entry per event; the owner is the index of its request. `first`,
    `count`: one entry per request, the index of its first event and how many it has.
    """

    def __init__(self, requests: Sequence[Request]) -> None:
        self.count = np.array([len(r.token_high_s) for r in requests], dtype=np.intp)
        self.first = np.cumsum(self.count) - self.count
        self.owner = np.repeat(np.arange(len(requests)), self.count)
        low = _joined([request.token_low_s for request in requests])
        high = _joined([request.token_high_s for request in requests])
        self.time = Bounded(low, high, _spread(low, high, self.owner))
        # Where the server told only the sum, it is spread evenly over the events.
        counts = _joined([request.token_counts for request in requests])
        told = np.bincount(self.owner, weights=counts, minlength=len(requests))
        summed = np.array([received(request) for request in requests], dtype=float)
        scale = np.divide(summed, told, out=np.ones(len(requests)), where=told > 0)
        self.tokens = counts * scale[self.owner]

    def firsts(self) -> Bounded:
        """The first event of each request."""
        return self.time.at(self.first, self.count > 0)

    def lasts(self) -> Bounded:
        """The last event of each request."""
        return self.time.at(self.first + self.count - 1, self.count > 0)


def received(request: Request) -> int:
    """Output tokens that came: the server's last count, or else what its events brought."""
    told = request.output_tokens
    return sum(request.token_counts) if told is None else told


# --- definitions: one observation per request, from `start_s` of each -------------------------


def ttft_s(events: Events, start_s: Values) -> Bounded:
    """Time to first token: first event with tokens - start."""
    return events.firsts().since(start_s)


def ttfa_s(events: Events, requests: Sequence[Request], start_s: Values) -> Bounded:
    """Time to first answer token: first event with tokens that are not reasoning - start."""
    at = np.array([-1 if r.answer_from is None else r.answer_from for r in requests], np.intp)
    return events.time.at(events.first + at, (at >= 0) & (at < events.count)).since(start_s)


def tpot_s(events: Events, requests: Sequence[Request]) -> Bounded:
    """Time per output token after the first: (last - first event) / (n - 1).

    n is the server's count. None for n < 2 and for an answer in one event.
    """
    n = np.array([received(request) for request in requests], dtype=float)
    gaps = np.where((n >= 2) & (events.count >= 2), n - 1, np.nan)
    return events.lasts().after(events.firsts()).over(gaps)


def itl_s(events: Events, of: Mask) -> Bounded:
    """Inter-token latencies: gaps between consecutive events of a request, one after another.

    `of`: which requests.
    """
    follows = np.zeros(len(events.owner), dtype=bool)
    follows[1:] = (events.owner[1:] == events.owner[:-1]) & of[events.owner[1:]]
    return events.time.where(follows).after(events.time.where(np.roll(follows, -1)))


def e2e_s(requests: Sequence[Request], start_s: Values) -> Bounded:
    """End-to-end latency: end of the answer - start; exactly known."""
    ends = _ends(requests)
    return Bounded(ends, ends, ends).since(start_s)


def meets(objectives: Objectives, ttft: Bounded, tpot: Bounded, e2e: Bounded) -> Mask:
    """Which whole answers are within every objective, by the best guess of each latency.

    An answer of one token has no time per token and is judged on the others; one without any token
    misses an objective on its first.
    """
    met = np.ones(len(e2e.point), dtype=bool)
    if objectives.ttft_s is not None:
        met &= ttft.point <= objectives.ttft_s
    if objectives.tpot_s is not None:
        met &= np.isnan(tpot.point) | (tpot.point <= objectives.tpot_s)
    if objectives.e2e_s is not None:
        met &= e2e.point <= objectives.e2e_s
    return met


def latency(sample: Bounded) -> Latency:
    """p50, p90 and p99 of what was observed; the latter two only from a large enough sample."""
    known = sample.where(~np.isnan(sample.point))

    def quantile(share: float) -> Estimate | None:
        return percentile_bounded(known.low, known.high, share, known.point)

    def gated(share: float) -> Estimate | None:
        return quantile(share) if len(known.point) >= smallest_sample(share) else None

    return Latency(p50=quantile(0.5), p90=gated(0.9), p99=gated(0.99))


# --- one level -------------------------------------------------------------------------------


def summarise(
    plan: Plan,
    requests: Sequence[Request],
    client: ClientRun,
    server: ServerFigures,
    energy: Energy,
    limits: Limits,
    objectives: Objectives | None,
) -> Level:
    """The figures of a level, of its steady window where it has one, and why they are void.

    Latencies are of whole answers to requests that began in the window. Rates are of what came in
    it, whenever that was asked for. A failed request counts as a failure and as one that missed
    the objectives, and nowhere else: what it brought before it failed is no part of a whole answer
    and so no output, while the time that it took is not left out.
    """
    all_of_it = steady.whole(requests)
    window = steady.window(plan, requests)
    answers = _Answers(plan, requests, window)
    good, events, of = answers.requests, answers.events, answers.measured
    span = window or all_of_it

    def per_s(count: float) -> float | None:
        return count / span.length_s if good and span.length_s > 0 else None

    tokens_in, tokens_out = answers.tokens_in(span), answers.tokens_out(span)
    met = None if objectives is None else meets(objectives, answers.ttft, answers.tpot, answers.e2e)
    asked = int(steady.measured(plan, requests, window).sum())
    ended = span.holds(_ends(good))
    level = Level(
        name=plan.name,
        kind=plan.kind,
        void=(),
        concurrency=plan.concurrency,
        rate_rps=plan.rate_rps,
        input_tokens_asked=plan.input_tokens,
        output_tokens_asked=plan.output_tokens,
        requests=len(requests),
        failed=len(requests) - len(good),
        errors=dict(Counter(r.error_kind for r in requests if r.error_kind is not None)),
        duration_s=all_of_it.length_s,
        input_tokens=sum(request.prompt_tokens or 0 for request in good),
        output_tokens=sum(received(request) for request in good),
        length_missed=sum(_missed_length(plan, request) for request in good),
        counted_by_tokenizer=sum(request.counted_by == "tokenizer" for request in good),
        declared_cache_share=plan.declared_cache_share,
        window=answers.window(window, all_of_it.start_s, requests) if window else None,
        ttft_s=latency(answers.ttft.where(of)),
        ttft_from_send_s=latency(ttft_s(events, answers.sent).where(of)),
        ttfa_s=latency(ttfa_s(events, good, answers.due).where(of)),
        itl_s=latency(itl_s(events, of)),
        tpot_s=latency(answers.tpot.where(of)),
        e2e_s=latency(answers.e2e.where(of)),
        e2e_from_send_s=latency(e2e_s(good, answers.sent).where(of)),
        output_tok_per_s=rate_by_slices(events.time.point, events.tokens, span.start_s, span.end_s),
        total_tok_per_s=per_s(tokens_in + tokens_out),
        requests_per_s=per_s(int(ended.sum())),
        slo_met=None if met is None else proportion(int((met & of).sum()), asked),
        goodput_rps=None if met is None else per_s(int((met & ended).sum())),
        client=_client(plan, requests, client),
        server=server,
        energy=energy,
    )
    reasons = validity.reasons(level, limits, _seen(requests, window))
    return level.model_copy(update={"void": tuple(str(reason) for reason in reasons)})


class _Answers:
    """The whole answers of a level, and which of them its latencies are of."""

    def __init__(self, plan: Plan, requests: Sequence[Request], window: steady.Span | None) -> None:
        self.requests = [request for request in requests if request.ok]
        self.events = Events(self.requests)
        self.due = np.array([request.scheduled_s for request in self.requests], dtype=float)
        self.sent = np.array([request.sent_s for request in self.requests], dtype=float)
        self.measured = steady.measured(plan, self.requests, window)
        self.ttft = ttft_s(self.events, self.due)
        self.tpot = tpot_s(self.events, self.requests)
        self.e2e = e2e_s(self.requests, self.due)

    def _prefilled(self, span: steady.Span) -> list[Request]:
        """Those whose first token came in the span."""
        came = span.holds(self.events.firsts().point)
        return [request for request, inside in zip(self.requests, came, strict=True) if inside]

    def tokens_in(self, span: steady.Span) -> int:
        """Prompt tokens of the requests whose first token came in the span."""
        return sum(request.prompt_tokens or 0 for request in self._prefilled(span))

    def tokens_out(self, span: steady.Span) -> float:
        """Output tokens that came in the span."""
        return float(self.events.tokens[span.holds(self.events.time.point)].sum())

    def window(self, span: steady.Span, zero_s: float, requests: Sequence[Request]) -> Window:
        """The window and how steady it was; `requests`: failed ones too."""
        times, tokens = self.events.time.point, self.events.tokens
        cached = [request.cached_tokens for request in self._prefilled(span)]
        told = [tokens for tokens in cached if tokens is not None]
        rates = slice_rates(times, tokens, span.start_s, span.end_s)
        starts = np.array([request.sent_s for request in requests], dtype=float)
        usual_s = float(np.median(self.e2e.point[self.measured]))
        return Window(
            start_s=span.start_s - zero_s,
            end_s=span.end_s - zero_s,
            requests=int(self.measured.sum()),
            input_tokens=self.tokens_in(span),
            cached_input_tokens=sum(told) if told and len(told) == len(cached) else None,
            output_tokens=round(self.tokens_out(span)),
            concurrency_mean=steady.in_flight_mean(starts, _ends(requests), span),
            rate_drift=steady.rate_drift(times, tokens, span, usual_s),
            ttft_drift=steady.ttft_drift(self.due[self.measured], self.ttft.point[self.measured]),
            slice_autocorrelation=None if rates is None else lag1(rates),
        )


def _seen(requests: Sequence[Request], window: steady.Span | None) -> validity.Seen:
    prompts = [r.prompt_tokens for r in requests if r.ok or r.prompt_tokens is not None]
    known = [tokens for tokens in prompts if tokens is not None]
    return validity.Seen(
        output_tokens=sum(received(request) for request in requests),
        prompt_tokens=sum(known) if len(known) == len(prompts) else None,
        streams=steady.in_flight_mean(*steady.sessions(requests), window) if window else None,
    )


def _client(plan: Plan, requests: Sequence[Request], client: ClientRun) -> ClientFigures:
    events = sum(len(request.token_counts) for request in requests)
    read_lags = _joined([request.read_lag_s for request in requests])
    # Later turns of a session are due when they are sent: they cannot be late.
    lags = [r.sent_s - r.scheduled_s for r in requests if plan.concurrency is None and r.turn == 0]
    return ClientFigures(
        processes=client.processes,
        stamps=_stamps(requests),
        merged_share=sum(request.merged for request in requests) / events if events else None,
        read_lag_p50_s=_quantile(read_lags, 0.5),
        read_lag_p99_s=_quantile(read_lags, 0.99),
        schedule_lag_p99_s=_quantile(np.array(lags, dtype=float), 0.99),
        cpu_share=client.cpu_share,
        cpu_us_per_event=client.cpu_us_per_event,
        late_connections=client.late_connections,
        clock_step_s=client.clock_step_s,
        stopped_early=client.stopped_early,
    )


def _stamps(requests: Sequence[Request]) -> Literal["kernel", "user", "mixed"]:
    """Who took the token times; requests without any token do not count."""
    found = {request.stamps for request in requests if request.token_counts}
    if found == {"user"}:
        return "user"
    return "mixed" if "user" in found else "kernel"


def _missed_length(plan: Plan, request: Request) -> bool:
    """Whether an answer is not as long as its session asked for; `session` is its place there."""
    output = plan.sessions[request.session].output
    return isinstance(output, FixedOutput) and received(request) != output.tokens


def _quantile(values: Values, share: float) -> float | None:
    return float(np.quantile(values, share)) if len(values) else None


def _ends(requests: Sequence[Request]) -> Values:
    return np.array([request.end_s for request in requests], dtype=float)


def _joined(parts: Sequence[Sequence[float]]) -> Values:
    return np.concatenate([np.empty(0), *(np.asarray(part, dtype=float) for part in parts)])


def _spread(low: Values, high: Values, owner: NDArray[np.intp]) -> Values:
    """Best guesses of the times of events: those with the same bounds spread evenly within them.

    m of them cut [low, high] into m + 1 equal parts: the last event of a read is known to lie at
    `high` and has that as both its bounds.
    """
    if not len(low):
        return low
    begins = np.ones(len(low), dtype=bool)  # of a run of events with the same bounds
    begins[1:] = (owner[1:] != owner[:-1]) | (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    run = np.cumsum(begins) - 1
    place = np.arange(len(low)) - np.flatnonzero(begins)[run] + 1
    parts = np.bincount(run)[run] + 1
    return np.asarray(low + (high - low) * (place / parts), dtype=float)
