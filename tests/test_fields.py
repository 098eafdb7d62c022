"""harness.fields: frozen, strict, finite; a value with its source."""

import datetime as dt
from typing import Any

import pytest
from pydantic import ValidationError

from harness.fields import Frozen, Sourced, label


class Thing(Frozen):
    """For the tests."""

    count: int
    share: float = 0.5
    note: str = label("", description="a note")


@pytest.mark.parametrize(
    "given",
    [
        {"count": 1, "colour": "red"},
        {"count": "1"},
        {"count": 1.0},
        {"count": True},
        {"count": 1, "share": "0.5"},
        {"count": 1, "share": float("nan")},
        {"count": 1, "share": float("-inf")},
        {},
    ],
)
def test_what_is_not_exactly_of_the_type_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Thing(**given)


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Thing(count=1).count = 2


def test_a_label_is_marked_as_outside_the_identity_and_keeps_its_description() -> None:
    note, count = (Thing.model_fields[name] for name in ("note", "count"))

    assert note.json_schema_extra == {"identity": False}
    assert note.description == "a note"
    assert count.json_schema_extra is None


@pytest.mark.parametrize(
    "given",
    [
        {"value": 1.0, "as_of": dt.date(2026, 1, 1)},
        {"value": 1.0, "source": "", "as_of": dt.date(2026, 1, 1)},
        {"value": 1.0, "source": "a page"},
        {"value": "x", "source": "a page", "as_of": dt.date(2026, 1, 1)},
    ],
    ids=["no source", "empty source", "no date", "wrong value"],
)
def test_a_value_without_source_or_date_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Sourced[float](**given)
