"""One request as it went: what was sent, when, and what came back."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Request:
    """One row of requests.parquet; times in seconds on the machine's monotonic clock.

    A token's time is known to lie in [low, high]: with one event a read the two are equal and are
    the read's receive stamp; events that were read together are bounded by the read before.
    """

    level: str
    index: int
    session: int  # turns of one conversation share it
    turn: int
    scheduled_s: float  # open loop: when it was due; closed loop: when it was sent
    sent_s: float = 0.0
    first_byte_s: float | None = None
    end_s: float = 0.0
    token_low_s: list[float] = field(default_factory=list)  # one entry per event with tokens
    token_high_s: list[float] = field(default_factory=list)
    token_counts: list[int] = field(default_factory=list)  # tokens that the event brought
    answer_from: int | None = None  # first entry that is not reasoning
    prompt_tokens: int | None = None
    cached_tokens: int | None = None  # of the prompt, from the server's prefix cache
    output_tokens: int | None = None
    counted_by: str = "server"  # or "tokenizer"
    finish_reason: str | None = None
    stamps: str = "kernel"  # or "user": who took the times
    read_lag_s: list[float] = field(default_factory=list)  # per read: stamp to our read
    merged: int = 0  # events that have bounds instead of a time
    token_seen_s: list[float] = field(default_factory=list)  # when we read it, by our own clock
    token_text: list[str] = field(default_factory=list)  # only until its tokens are counted
    error_kind: str | None = None
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether a whole answer came."""
        return self.error_kind is None

    def row(self) -> dict[str, Any]:
        """For the table on disk: without the answer's text and what is summed up elsewhere."""
        plain = asdict(self)
        for name in ("token_text", "token_seen_s", "read_lag_s"):
            plain.pop(name)
        return plain
