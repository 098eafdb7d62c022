"""What somebody else measured: where it came from, and the figures that mean what ours mean."""

import datetime as dt
from typing import Literal

from pydantic import Field, FiniteFloat

from harness.fields import Frozen

NO_MACHINE = "unknown"
"""Name of the hardware of a cell whose figures are not priced, such as scores alone."""


class SourceFile(Frozen):
    """A file that figures were read from; the file itself is not kept."""

    name: str
    sha256: str


class Origin(Frozen):
    """Who measured a cell, with what, and how it got here."""

    format: str = Field(description="Of `harness import`")
    evidence: Literal["imported", "estimated"] = Field(
        "imported", description="Measured by somebody else, or computed and not measured at all"
    )
    tool: str = Field(description="What measured, or computed")
    tool_version: str = Field(description="As the source gives it; `unknown`: it gives none")
    engine: str = Field(description="Served by, with version; `unknown`: not given")
    files: tuple[SourceFile, ...]
    address: str | None = Field(None, description="Where the files were published")
    commit: str | None = None
    measured_on: dt.date | None = Field(None, description="None: the source does not say")
    published: dt.date | None = None
    attribution: str | None = Field(None, description="Whom to name beside the figures")
    licence_note: str | None = Field(None, description="What the source's licence allows, or lacks")
    given: tuple[str, ...] = Field(
        (), description="Of hardware, gpus, model and engine, what the import was told"
    )
    imported_at: dt.datetime

    def told(self) -> str:
        """The first words of every mark that a cell of this origin carries."""
        how = "estimated with" if self.evidence == "estimated" else "imported from"
        return f"{how} {self.tool}"


class ImportedFigure(Frozen):
    """A figure in our definition; what the source does not give stays unknown."""

    value: FiniteFloat
    n: int | None = Field(None, description="Observations; None: not published")
    low: FiniteFloat | None = Field(None, description="None: no interval published")
    high: FiniteFloat | None = None


class Imported(Frozen):
    """One imported measurement."""

    level: str = Field(description="The load, e.g. `64 in flight` or `2.5 requests/s`")
    concurrency: float | None = None
    rate_rps: float | None = None
    gpus: int | None = Field(None, description="That the throughput is of; None: not given")
    figures: dict[str, ImportedFigure] = Field(
        description="By the column of the summary that it means the same as"
    )
    input_tokens_mean: float | None = Field(None, description="Per answered request")
    output_tokens_mean: float | None = None
    total_tok_per_s: float | None = Field(None, description="Input and output, whole deployment")
    missing: dict[str, str] = Field({}, description="Column to the reason why it is not there")
    own: dict[str, float | str] = Field(
        {}, description="Figures of another definition under the source's own names; never ranked"
    )
    conditions: tuple[str, ...] = Field(
        (), description="What the figures depend on and differ from ours in"
    )
    void: tuple[str, ...] = Field((), description="Why the figures must not be used; empty: valid")
