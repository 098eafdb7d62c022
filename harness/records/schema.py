"""What a cell is on disk. A change that old readers cannot read raises SCHEMA_VERSION."""

import datetime as dt
from typing import Any, Literal

from pydantic import Field

from harness.fields import Frozen
from harness.records.behaviour import Behaviour
from harness.records.imported import Imported, Origin
from harness.stats import Estimate

SCHEMA_VERSION = 2
Status = Literal["done", "failed", "interrupted"]
StageName = Literal["serve", "load", "telemetry", "accuracy", "behaviour", "finetune"]


class Stage(Frozen):
    """How one stage ended."""

    status: Literal["done", "failed", "off", "not_reached"]
    seconds: float | None = None
    reason: str | None = Field(None, description="Why it failed, or what it could not measure")


class Latency(Frozen):
    """p50, p90 and p99 of one latency, in seconds.

    p90 and p99 are None below 64 and 662 observations. An interval covers the sampling (order
    statistics) and what merged reads leave open about the times themselves.
    """

    p50: Estimate | None
    p90: Estimate | None
    p99: Estimate | None


class Drift(Frozen):
    """Whether one series stayed level over the window: Kendall's tau against time."""

    p_value: float
    change_share: float = Field(description="Theil-Sen change over the window / median")


class Window(Frozen):
    """The steady part of a level: after the ramp, before the drain."""

    start_s: float = Field(description="From the first send")
    end_s: float
    requests: int = Field(description="Whole answers to requests due in the window")
    input_tokens: int = Field(description="Of requests whose first token came in the window")
    cached_input_tokens: int | None = Field(
        description="Of these, from the prefix cache as the server told; None: not told"
    )
    output_tokens: int = Field(description="That came in the window")
    concurrency_mean: float = Field(description="Requests in flight, mean over the window")
    rate_drift: Drift | None = Field(description="Output tokens per second; None: too short")
    ttft_drift: Drift | None
    slice_autocorrelation: float | None = Field(
        description="Lag 1, of the slice rates behind the throughput's interval"
    )


class ClientFigures(Frozen):
    """How well the load generator itself did."""

    processes: int
    stamps: Literal["kernel", "user", "mixed"] = Field(description="Who took the token times")
    merged_share: float | None = Field(
        description="Events that have bounds instead of a time, of all with tokens"
    )
    read_lag_p50_s: float | None = Field(
        description="Receive stamp to our read; without a stamp how long it can have waited"
    )
    read_lag_p99_s: float | None
    schedule_lag_p99_s: float | None = Field(description="How late it sent; open loop only")
    cpu_share: float = Field(description="CPU time over wall time, busiest process")
    cpu_us_per_event: float | None
    late_connections: int = Field(description="Opened while the clock ran")
    clock_step_s: float | None = Field(
        description="Largest step of the wall clock seen; None: none"
    )
    stopped_early: str | None = Field(None, description="Why sending ended before all was sent")


class ServerFigures(Frozen):
    """What the server's own counters say about a level; None: it does not tell."""

    prompt_tokens: int | None = None
    output_tokens: int | None = None
    preemptions: int | None = None
    running_max: float | None = None
    waiting_max: float | None = None
    kv_cache_usage_max: float | None = None
    prefix_cache_hit_share: float | None = Field(None, description="Hits over queries, in tokens")
    mfu: float | None = Field(None, description="vLLM's FLOP estimate over the dense bf16 peak")
    mbu: float | None = Field(None, description="vLLM's estimate of bytes read over the peak")
    mfu_reason: str | None = Field(None, description="Why there is no mfu or mbu")


class Energy(Frozen):
    """Energy of one level, from cumulative counters."""

    energy_j: float | None
    source: str = Field(description="nvml, rapl, or `not measured: <reason>`")
    window_s: float | None = None
    integral_j: float | None = Field(None, description="Of sampled power over the same window")
    idle_w: float | None = Field(None, description="Before the load, all devices together")


class Level(Frozen):
    """One load level: closed loop at a concurrency, open loop at a rate, or a trace."""

    name: str
    kind: Literal["closed", "open", "trace", "probe"]
    void: tuple[str, ...] = Field(description="Why its figures must not be used; empty: valid")
    concurrency: int | None
    rate_rps: float | None
    input_tokens_asked: int | None = Field(description="Per request; None: as the text is")
    output_tokens_asked: int | None = Field(description="Per request; None: natural length")
    requests: int
    failed: int
    errors: dict[str, int] = Field(description="Error kind to count")
    duration_s: float = Field(description="First send to last answer")
    input_tokens: int = Field(description="Of whole answers, ramp and drain included")
    output_tokens: int
    length_missed: int = Field(description="Answers whose output length was not the one asked for")
    counted_by_tokenizer: int = Field(description="Answers whose tokens the server did not count")
    declared_cache_share: float = Field(description="Prompt tokens that the workload repeats")
    window: Window | None = Field(description="None: no steady part; figures then are of the whole")
    ttft_s: Latency = Field(description="From schedule")
    ttft_from_send_s: Latency
    ttfa_s: Latency = Field(description="Time to first answer token, reasoning left out")
    itl_s: Latency
    tpot_s: Latency
    e2e_s: Latency
    e2e_from_send_s: Latency
    output_tok_per_s: Estimate | None
    total_tok_per_s: float | None
    requests_per_s: float | None
    slo_met: Estimate | None = Field(None, description="Share of requests within all objectives")
    goodput_rps: float | None = Field(None, description="Those requests per second")
    client: ClientFigures
    server: ServerFigures
    energy: Energy


class SearchResult(Frozen):
    """The highest rate that met the objectives, between two probes."""

    objectives: str
    rate_rps: float | None = Field(description="Highest rate that passed; None: not even the first")
    failed_rate_rps: float | None = Field(description="Lowest rate that failed; None: none did")
    probes: tuple[str, ...] = Field(description="Names of the levels, in the order tried")
    ended: str = Field(description="Why the search ended")


class CalibrationPoint(Frozen):
    """The client against a server that stamps its own send time into each event."""

    streams: int
    events: int
    event_error_p50_s: float = Field(description="Our time minus the server's stamp")
    event_error_p99_s: float
    user_error_p99_s: float = Field(description="The same had our own clock taken the time")
    ttft_error_p50_s: float
    ttft_error_p99_s: float
    itl_error_p99_s: float
    sent_tok_per_s: float
    seen_tok_per_s: float
    merged_share: float
    bounds_hold_share: float | None = Field(description="Merged events within their bounds")
    cpu_us_per_event: float
    within_1_percent: bool


class Calibration(Frozen):
    """What the client is worth on this machine."""

    short: bool
    stamps: Literal["kernel", "user", "mixed"]
    points: tuple[CalibrationPoint, ...]
    highest_streams_within_1_percent: int | None


class TextTokens(Frozen):
    """How many tokens this model's tokenizer makes of a text that all models get."""

    name: str
    bytes: int
    tokens: int


class Score(Frozen):
    """One accuracy figure with all that it depends on."""

    task: str
    metric: str
    value: Estimate | None = Field(description="None when void")
    stderr: float | None
    void_reason: str | None
    limit: int | None
    num_fewshot: int | None = Field(description="None: the source does not say")
    language: str
    dtype: str
    chat_template: bool | None = Field(description="None: the source does not say")
    bos: bool | None = Field(description="BOS token added; None: the source does not say")
    lm_eval_version: str
    data_sha256: str | None
    cut: int | None = Field(description="Answers cut at the length limit; None: log-likelihood")
    empty: int | None
    failed: int = Field(description="Items without an answer after retries; not in the score")
    prompt_tokens: int | None = Field(None, description="Of all answers")
    output_tokens: int | None
    adapter: bool = Field(description="Scored with the fine-tuned adapter")


class FinetuneResult(Frozen):
    """What a LoRA run cost and what it brought."""

    task: str
    train_examples: int
    heldout_examples: int
    train_tokens: int
    train_completion_bytes: int
    seconds: float
    peak_memory_bytes: int
    peak_memory_kind: str = Field(description="What was measured: process RSS or GPU reserved")
    trainable_parameters: int
    dtype: str
    loss_before: float
    loss_after: float
    accuracy_before: Estimate = Field(description="Held out, scored through the server")
    accuracy_after: Estimate = Field(description="The adapter, scored through the server")
    adapter_changed_logprobs: bool = Field(description="False: the server ignored the adapter")
    adapter_sha256: str


class Failure(Frozen):
    """Why a cell did not finish."""

    stage: str
    kind: str
    reason: str
    log_tail: tuple[str, ...] = ()


class Cell(Frozen):
    """One cell: what was asked for, where it ran, what came out."""

    schema_version: int = SCHEMA_VERSION
    cell_id: str
    sweep: str
    status: Status
    started_at: dt.datetime
    ended_at: dt.datetime
    config: dict[str, Any] = Field(description="Resolved run configuration")
    environment: dict[str, Any]
    server: dict[str, Any] = Field(description="Command, settings, seconds until ready")
    weights: dict[str, str]
    cpu_only: bool = Field(
        description="True: figures show that the pipeline works, not what a GPU would do"
    )
    stages: dict[StageName, Stage]
    failure: Failure | None = None
    calibration: Calibration | None = None
    levels: tuple[Level, ...] = ()
    searches: tuple[SearchResult, ...] = ()
    texts: tuple[TextTokens, ...] = Field((), description="Tokenizer on the reference texts")
    scores: tuple[Score, ...] = ()
    behaviour: Behaviour | None = None
    finetune: FinetuneResult | None = None
    telemetry: dict[str, str] = Field({}, description="Source to state: measured or not, and why")
    origin: Origin | None = Field(None, description="None: measured by this harness")
    imported: Imported | None = Field(None, description="Figures of a cell that has an origin")
