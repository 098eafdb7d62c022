"""Requests of one level -> its figures. Pure. Definitions: docs/metrics.md."""

import itertools
from collections import Counter
from collections.abc import Sequence

from harness.config.run import ClosedLevel, FixedOutput, NaturalOutput, OpenLevel
from harness.load.client import Request
from harness.records.schema import Latency, Level
from harness.stats import percentile, rate_by_slices

NO_ENERGY = "not measured: telemetry is off"


def ttft_s(request: Request) -> float | None:
    """Time to first token, from when the request was due (open loop) or sent (closed loop)."""
    return request.token_times_s[0] - request.scheduled_s if request.token_times_s else None


def e2e_s(request: Request) -> float:
    """End-to-end latency, from the same start as TTFT to the end of the answer."""
    return request.end_s - request.scheduled_s


def tpot_s(request: Request) -> float | None:
    """Time per output token after the first: (last - first token) / (n - 1); None for n < 2."""
    n = request.output_tokens or sum(request.token_counts)
    if n < 2 or len(request.token_times_s) < 2:
        return None
    return (request.token_times_s[-1] - request.token_times_s[0]) / (n - 1)


def itl_s(request: Request) -> list[float]:
    """Inter-token latencies: gaps between consecutive events with tokens."""
    times = request.token_times_s
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def summarise(
    level: ClosedLevel | OpenLevel,
    output: FixedOutput | NaturalOutput,
    requests: Sequence[Request],
    server_output_tokens: int | None,
) -> Level:
    """Figures of a level from its requests; failed ones count as failures and nowhere else."""
    good = [request for request in requests if request.ok]
    start = min((request.sent_s for request in requests), default=0.0)
    end = max((request.end_s for request in requests), default=0.0)
    duration = end - start
    firsts = [value for request in good if (value := ttft_s(request)) is not None]
    per_token = [value for request in good if (value := tpot_s(request)) is not None]
    times = [time for request in good for time in request.token_times_s]
    counts = [count for request in good for count in _tokens_per_event(request)]
    wanted = output.tokens if isinstance(output, FixedOutput) else None
    tokens_in = sum(request.prompt_tokens or 0 for request in good)
    tokens_out = sum(request.output_tokens or 0 for request in good)
    lags = [request.sent_s - request.scheduled_s for request in requests]
    lag = percentile(lags, 0.99) if isinstance(level, OpenLevel) else None
    return Level(
        name=level.name,
        kind=level.kind,
        concurrency=level.concurrency if isinstance(level, ClosedLevel) else None,
        rate_rps=level.rate_rps if isinstance(level, OpenLevel) else None,
        requests=len(requests),
        failed=len(requests) - len(good),
        errors=dict(Counter(r.error_kind for r in requests if r.error_kind is not None)),
        duration_s=duration,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        length_missed=sum(1 for r in good if wanted is not None and r.output_tokens != wanted),
        ttft_s=_latency(firsts),
        itl_s=_latency([gap for request in good for gap in itl_s(request)]),
        tpot_s=_latency(per_token),
        e2e_s=_latency([e2e_s(request) for request in good]),
        output_tok_per_s=rate_by_slices(times, counts, start, end),
        total_tok_per_s=(tokens_in + tokens_out) / duration if good and duration > 0 else None,
        requests_per_s=len(good) / duration if good and duration > 0 else None,
        schedule_lag_p99_s=lag.value if lag else None,
        server_output_tokens=server_output_tokens,
        energy_j=None,
        energy_source=NO_ENERGY,
    )


def _tokens_per_event(request: Request) -> list[float]:
    """Tokens of each event; where the server told only the sum, it is spread evenly over them."""
    known = sum(request.token_counts)
    scale = (request.output_tokens or known) / known if known else 1.0
    return [count * scale for count in request.token_counts]


def _latency(sample: Sequence[float]) -> Latency:
    return Latency(
        p50=percentile(sample, 0.5), p90=percentile(sample, 0.9), p99=percentile(sample, 0.99)
    )
