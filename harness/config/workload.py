"""What the load generator sends: prompts, output lengths, levels, and when a level is void."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from harness.fields import Frozen, label

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
NonNegativeInt = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Content = Literal["chat", "code", "extraction", "mixed"]


# --- prompts ---------------------------------------------------------------------------------


class SyntheticPrompts(Frozen):
    """Random token ids: exact length, no two prompts alike."""

    kind: Literal["synthetic"]
    input_tokens: PositiveInt


class SharedPrefixPrompts(Frozen):
    """Random token ids whose beginning is shared, as with a long system prompt."""

    kind: Literal["shared_prefix"]
    prefix_tokens: PositiveInt = Field(description="Length of the shared beginning")
    unique_tokens: PositiveInt = Field(description="Length of what follows, different each time")
    prefixes: PositiveInt = Field(1, description="How many different beginnings there are")


class QuestionPrompts(Frozen):
    """Questions written for this project, through the model's chat template."""

    kind: Literal["questions"]


class FilePrompts(Frozen):
    """Real text from a file of yours, through the model's chat template."""

    kind: Literal["file"]
    path: Path = label(description="The file; its hash is what counts")
    sha256: Sha256 = Field(description="Of the file; a wrong one is answered with the one found")
    format: Literal["sharegpt", "jsonl"] = Field(
        description="sharegpt: a list of {conversations: [{from, value}, ...]};"
        " jsonl: one {prompt: text} or {messages: [{role, content}, ...]} a line"
    )
    max_turns: PositiveInt = Field(
        1, description="User turns of a conversation that are played one after another"
    )
    think_s: NonNegativeFloat = Field(
        0.0, description="Seconds between an answer and the next turn"
    )


Prompts = Annotated[
    SyntheticPrompts | SharedPrefixPrompts | QuestionPrompts | FilePrompts,
    Field(discriminator="kind"),
]


# --- output ----------------------------------------------------------------------------------


class FixedOutput(Frozen):
    """Exactly this many tokens (ignore_eos with min_tokens)."""

    kind: Literal["fixed"]
    tokens: PositiveInt


class NaturalOutput(Frozen):
    """Ends where the model ends, at most `max_tokens`."""

    kind: Literal["natural"]
    max_tokens: PositiveInt


Output = Annotated[FixedOutput | NaturalOutput, Field(discriminator="kind")]


# --- objectives ------------------------------------------------------------------------------


class Objectives(Frozen):
    """Latency objectives: a request meets them when it is within every one that is given."""

    kind: Literal["latency"]
    name: Name
    ttft_s: PositiveFloat | None = Field(None, description="Time to first token, at most")
    tpot_s: PositiveFloat | None = Field(None, description="Time per output token, at most")
    e2e_s: PositiveFloat | None = Field(None, description="Whole answer, at most")
    share: float = Field(
        0.99, gt=0, lt=1, description="Share of requests that must meet each objective"
    )
    source: str = label("this configuration", min_length=4)

    @model_validator(mode="after")
    def _at_least_one(self) -> "Objectives":
        if self.ttft_s is None and self.tpot_s is None and self.e2e_s is None:
            raise ValueError("give at least one of ttft_s, tpot_s, e2e_s")
        return self


# --- levels ----------------------------------------------------------------------------------


class _Level(Frozen):
    input_tokens: PositiveInt | None = Field(
        None,
        description="Instead of the workload's: of synthetic prompts, or of what follows a shared"
        " prefix",
    )
    output_tokens: PositiveInt | None = Field(
        None, description="Instead of the workload's; fixed output only"
    )

    def _named(self, name: str) -> str:
        given = f"-i{self.input_tokens}" if self.input_tokens else ""
        return name + given + (f"-o{self.output_tokens}" if self.output_tokens else "")


class ClosedLevel(_Level):
    """A fixed number of requests in flight."""

    kind: Literal["closed"]
    concurrency: PositiveInt = Field(description="Requests in flight")
    requests: PositiveInt = Field(description="Measured requests in all")

    @property
    def name(self) -> str:
        """c8 for eight in flight; c8-i400-o8 with lengths of its own."""
        return self._named(f"c{self.concurrency}")


class OpenLevel(_Level):
    """Requests sent on a schedule, whether or not earlier ones have been answered."""

    kind: Literal["open"]
    rate_rps: PositiveFloat = Field(description="Mean requests per second; of a ramp: at its start")
    arrivals: Literal["poisson", "constant", "gamma", "ramp"] = Field(
        "poisson",
        description="poisson: independent exponential gaps; constant: equal gaps; gamma: gaps of"
        " the same mean, burstier below shape 1; ramp: Poisson at a rate that grows evenly",
    )
    gamma_shape: PositiveFloat = Field(1.0, description="Of gamma: below 1 bursts, 1 is Poisson")
    end_rate_rps: PositiveFloat | None = Field(None, description="Of a ramp: rate at its end")
    requests: PositiveInt = Field(description="Measured requests in all")

    @property
    def name(self) -> str:
        """r2.5 for 2.5 requests per second; r2.5-gamma0.5, r1-to4, r2-constant."""
        more = {
            "poisson": "",
            "constant": "-constant",
            "gamma": f"-gamma{self.gamma_shape:g}",
            "ramp": f"-to{self.end_rate_rps or 0:g}",
        }[self.arrivals]
        return self._named(f"r{self.rate_rps:g}{more}")

    @model_validator(mode="after")
    def _ramp_has_an_end(self) -> "OpenLevel":
        if (self.arrivals == "ramp") != (self.end_rate_rps is not None):
            raise ValueError("end_rate_rps goes with arrivals=ramp, and only with it")
        return self


class TraceLevel(Frozen):
    """Arrivals and lengths from a recorded trace; prompts are random tokens of those lengths."""

    kind: Literal["trace"]
    path: Path = label(description="The trace file; its hash is what counts")
    sha256: Sha256 = Field(description="Of the file; a wrong one is answered with the one found")
    format: Literal["mooncake", "azure"] = Field(
        description="mooncake: JSON lines with timestamp (ms), input_length, output_length,"
        " hash_ids; azure: CSV with TIMESTAMP, ContextTokens, GeneratedTokens"
    )
    requests: PositiveInt = Field(description="First n requests of the trace")
    speed: PositiveFloat = Field(1.0, description="Times as fast as it was recorded")

    @property
    def name(self) -> str:
        """trace-azure-x2 for an Azure trace at twice its speed."""
        return f"trace-{self.format}-x{self.speed:g}"


class SearchLevel(Frozen):
    """The highest Poisson rate that meets the objectives: doubling, then bisecting."""

    kind: Literal["search"]
    start_rate_rps: PositiveFloat = Field(description="First rate tried")
    max_rate_rps: PositiveFloat = Field(description="Highest rate tried")
    requests: PositiveInt = Field(description="Requests of one probe")
    max_probes: PositiveInt = Field(16, description="Probes in all; then the bracket is the answer")
    tolerance: float = Field(
        0.05, gt=0, lt=1, description="Ends when the bracket is this narrow, as a share"
    )

    @property
    def name(self) -> str:
        """search."""
        return "search"


AnyLevel = ClosedLevel | OpenLevel | TraceLevel | SearchLevel


# --- the client and its limits ---------------------------------------------------------------


class ClientConfig(Frozen):
    """The load generator's own processes."""

    processes: PositiveInt | None = Field(
        None, description="None: one per thousand streams, at most one per core but one"
    )
    timestamps: Literal["kernel", "user"] = Field(
        "kernel",
        description="kernel: the kernel's receive stamps where there are any; user: our own clock",
    )


class Limits(Frozen):
    """A level beyond one of these is void: its figures are shown as void and enter no cost."""

    schedule_lag_p99_s: PositiveFloat = Field(
        0.05, description="Open loop: how late the client sent, p99"
    )
    read_lag_p99_s: PositiveFloat = Field(
        0.5, description="How long received data waited to be read, p99, with kernel stamps"
    )
    user_read_lag_p99_s: PositiveFloat = Field(
        0.005, description="The same where the client's own clock takes the times"
    )
    client_cpu_share: Share = Field(
        0.95, description="CPU time of the busiest client process over wall time"
    )
    concurrency_share: Share = Field(
        0.95, description="Closed loop: mean requests in flight in the window, over those asked for"
    )
    count_mismatch_share: Share = Field(0.01, description="Client's tokens against the server's")
    length_missed_share: Share = Field(
        0.0, description="Answers whose length is not the one asked for"
    )
    undeclared_cache_share: Share = Field(
        0.02, description="Prompt tokens from the prefix cache beyond the declared share"
    )
    error_share: Share = Field(0.01, description="Requests that failed")
    drift_share: PositiveFloat = Field(
        0.2, description="Change of the rate or of TTFT over the window, if it is significant"
    )


class LoadWorkload(Frozen):
    """What the load generator sends."""

    kind: Literal["load"]
    name: Name
    content: Content = label(
        "chat", description="What the buyer's real requests are about; weighs measured behaviour"
    )
    prompts: Prompts
    output: Output
    levels: tuple[Annotated[AnyLevel, Field(discriminator="kind")], ...] = Field(min_length=1)
    warmup_requests: NonNegativeInt = Field(description="Sent and thrown away before each level")
    request_timeout_s: PositiveFloat = Field(description="A request without a whole answer fails")
    ramp_s: NonNegativeFloat | None = Field(
        None,
        description="Closed loop: the first requests start spread over this time;"
        " None: over one warm-up answer",
    )
    client: ClientConfig = ClientConfig()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _levels_fit(self) -> "LoadWorkload":
        names = [level.name for level in self.levels]
        doubled = {name for name in names if names.count(name) > 1}
        if doubled:
            raise ValueError(f"levels {', '.join(sorted(doubled))} occur more than once")
        for level in self.levels:
            if isinstance(level, TraceLevel | SearchLevel):
                continue
            if level.input_tokens and not isinstance(
                self.prompts, SyntheticPrompts | SharedPrefixPrompts
            ):
                raise ValueError(
                    f"level {level.name}: input_tokens needs prompts.kind=synthetic or"
                    " shared_prefix"
                )
            if level.output_tokens and not isinstance(self.output, FixedOutput):
                raise ValueError(f"level {level.name}: output_tokens needs output.kind=fixed")
        return self
