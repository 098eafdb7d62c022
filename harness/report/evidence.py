"""Whether a figure was measured by us, imported or estimated, and the sign that says so."""

from collections.abc import Mapping
from typing import Literal

from harness.report.columns import Column

Evidence = Literal["measured", "imported", "estimated"]
MARKS: Mapping[Evidence, str] = {"measured": "●", "imported": "◇", "estimated": "≈"}
SHAPES: Mapping[Evidence, str] = {
    "measured": "circle", "imported": "triangle-up", "estimated": "cross",
}  # fmt: skip
"""Of a mark in a plot."""
MEANINGS: Mapping[Evidence, str] = {
    "measured": "measured by this project's own runs, or such a figure times a price",
    "imported": "measured by another tool, which is named, or such a figure times a price",
    "estimated": "computed from counts, facts and stated assumptions, not measured: every score,"
    " hazard and cost of a withdrawal, and figures that a source computed",
}


def evidence_of(text: str) -> Evidence:
    """Of a row, from the words in its column of evidence."""
    first = text.split(maxsplit=1)[0] if text else ""
    return (
        "imported" if first == "imported" else "estimated" if first == "estimated" else "measured"
    )


def figure_evidence(row_evidence: str, column: Column) -> Evidence:
    """Of one figure of that row. What is judged for a buyer is never more than an estimate."""
    return "estimated" if column.judged else evidence_of(row_evidence)
