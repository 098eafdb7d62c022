"""harness.risk.history and compare.over_time: what changed between two days."""

import datetime as dt

from harness.config import load
from harness.risk.compare import over_time
from harness.risk.history import changes, moved
from tests.risk.making import (
    DAY,
    FIRST,
    buyer,
    check,
    instrument,
    licence,
    listing,
    model,
    party,
    phase,
    registry,
    risk,
)

OFF = dt.date(2026, 9, 1)
MADE = registry(
    model(licences=(licence("A", until=OFF), licence("B", "non_commercial", since=OFF))),
    model("free/m@*", "free"),
    parties=(
        party(listings=(listing(since=FIRST, until=OFF),), checks=(check(),)),
        party("free"),
    ),
    instruments=(instrument(history=(phase(since=FIRST),)),),
)
EVE = FIRST - dt.timedelta(days=1)


def test_changes_are_dated_and_in_order() -> None:
    found = changes(MADE, EVE, DAY)

    assert [(c.on, c.what) for c in found] == [
        (FIRST, "Acme Ltd.: listed, The ban"),
        (FIRST, "The ban: in force"),
        (OFF, "Acme Ltd.: no longer listed, The ban"),
        (OFF, "acme/tiny@*: licence B"),
    ]
    assert changes(MADE, FIRST, OFF) == found[2:]


def test_models_that_a_change_moves_are_named_with_what_moved() -> None:
    [found] = moved(MADE, buyer(), risk(), EVE, FIRST)

    assert (found.model, found.gate) == ("acme/tiny@*", ("clear", "blocked"))
    assert found.factors["listing"] == ((0.0, 0.0), (1.0, 1.0))


def test_the_history_has_a_point_for_each_day_on_which_something_changed() -> None:
    judge = load.judge(["risk.draws=500"])

    found = over_time(MADE, [MADE.models["acme/tiny@*"]], judge, EVE, DAY)

    assert [(p.on, p.gate) for p in found] == [
        (EVE, "clear"), (FIRST, "blocked"), (OFF, "blocked"), (DAY, "blocked"),
    ]  # fmt: skip
    assert found[0].median < found[1].median
