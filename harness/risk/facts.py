"""What a fact is: a value with its source. And all the facts found on one question."""

import datetime as dt
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from harness.fields import Frozen

Confidence = Literal["official", "reported", "alleged", "inferred"]
UNKNOWN = "unknown"
_RANK: tuple[Confidence, ...] = ("official", "reported", "inferred", "alleged")


def _begun(day: dt.date, info: ValidationInfo) -> dt.date:
    """Refuse a day after the `today` of the validation's context; without one, take any day."""
    today = (info.context or {}).get("today")
    if today and day > today:
        raise ValueError(f"{day} is in the future")
    return day


PastDay = Annotated[dt.date, AfterValidator(_begun)]


class Fact(Frozen):
    """One statement with its evidence."""

    value: str = Field(min_length=1, description="`unknown` where nothing is known")
    source: str = Field(min_length=4, description="Address or document that says so")
    publisher: str = Field(min_length=2)
    published: PastDay | None = Field(description="None: the source carries no date")
    read: PastDay
    confidence: Confidence
    review_by: dt.date = Field(description="After this day the fact counts as stale")
    at: str | None = Field(None, description="Where in the source: row, section, page, commit")

    @property
    def known(self) -> bool:
        """Whether it says anything."""
        return self.value != UNKNOWN

    def stale(self, today: dt.date) -> bool:
        """Whether the fact is past its review date."""
        return today > self.review_by


class Facts(Frozen):
    """All that was found on one question."""

    found: tuple[Fact, ...] = Field(min_length=1)

    @property
    def best(self) -> Fact:
        """The one that stands: known before unknown, then the surer, then the newer.

        Between facts that are equal in all of that the value decides, whatever their order.
        """
        return max(self.found, key=lambda fact: (strength(fact), fact.value, fact.source))

    @property
    def value(self) -> str:
        """What the best fact says."""
        return self.best.value

    @property
    def conflicts(self) -> tuple[Fact, ...]:
        """Known facts that say something else than the one that stands."""
        return tuple(f for f in self.found if f.known and f.value != self.value)


def strength(fact: Fact) -> tuple[bool, int, dt.date, dt.date]:
    """Order among facts on one question: known, then confidence, then newer."""
    return (
        fact.known,
        -_RANK.index(fact.confidence),
        fact.published or dt.date.min,
        fact.read,
    )


def facts_of(entry: Any) -> Iterable[Fact]:
    """All facts inside an entry, however deep."""
    if isinstance(entry, Fact):
        yield entry
    elif isinstance(entry, Frozen):
        for name in type(entry).model_fields:
            yield from facts_of(getattr(entry, name))
    elif isinstance(entry, tuple):
        for item in entry:
            yield from facts_of(item)
