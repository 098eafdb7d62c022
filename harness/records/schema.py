"""What a cell is on disk. A change that old readers cannot read raises SCHEMA_VERSION."""

import datetime as dt
from typing import Any, Literal

from pydantic import Field

from harness.fields import Frozen
from harness.stats import Estimate

SCHEMA_VERSION = 1
Status = Literal["done", "failed", "interrupted"]
StageName = Literal["serve", "load", "telemetry", "accuracy", "finetune"]


class Stage(Frozen):
    """How one stage ended."""

    status: Literal["done", "failed", "off", "not_reached"]
    seconds: float | None = None
    reason: str | None = Field(None, description="Why it failed, or what it could not measure")


class Latency(Frozen):
    """p50, p90 and p99 of one latency, in seconds."""

    p50: Estimate | None
    p90: Estimate | None
    p99: Estimate | None


class Level(Frozen):
    """One load level: closed loop at a concurrency or open loop at a rate."""

    name: str
    kind: Literal["closed", "open"]
    concurrency: int | None
    rate_rps: float | None
    requests: int
    failed: int
    errors: dict[str, int] = Field(description="Error kind to count")
    duration_s: float = Field(description="First send to last answer")
    input_tokens: int
    output_tokens: int
    length_missed: int = Field(description="Answers whose output length was not the one asked for")
    ttft_s: Latency
    itl_s: Latency
    tpot_s: Latency
    e2e_s: Latency
    output_tok_per_s: Estimate | None
    total_tok_per_s: float | None
    requests_per_s: float | None
    schedule_lag_p99_s: float | None = Field(description="How late the client sent, open loop only")
    server_output_tokens: int | None = Field(description="By the server's own counter")
    energy_j: float | None
    energy_source: str = Field(description="nvml, rapl, or `not measured: <reason>`")


class Score(Frozen):
    """One accuracy figure with all that it depends on."""

    task: str
    metric: str
    value: Estimate | None = Field(description="None when void")
    stderr: float | None
    void_reason: str | None
    limit: int | None
    num_fewshot: int
    language: str
    dtype: str
    chat_template: bool
    bos: bool
    lm_eval_version: str
    data_sha256: str | None
    cut: int | None = Field(description="Answers cut at the length limit; None: log-likelihood")
    empty: int | None
    failed: int = Field(description="Items without an answer after retries; not in the score")
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
    levels: tuple[Level, ...] = ()
    scores: tuple[Score, ...] = ()
    finetune: FinetuneResult | None = None
    telemetry: dict[str, str] = Field({}, description="Source to state: measured or not, and why")
