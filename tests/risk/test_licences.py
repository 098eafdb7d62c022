"""harness.risk.licences: which terms stand, how each falls on a buyer, how they drifted."""

import datetime as dt
from typing import Any

import pytest
from pydantic import ValidationError

from harness.config.judge import BuyerConfig
from harness.risk.licences import drift, settled, terms
from harness.risk.registry import Condition, Jurisdiction, Licence
from tests.risk.making import (
    COUNTRIES,
    DAY,
    FIRST,
    buyer,
    condition,
    fact,
    facts,
    jurisdiction,
    licence,
    model,
    registry,
)

EVE = FIRST - dt.timedelta(days=1)
Row = tuple[str, float, float]


def rows(
    one: Licence | None,
    who: BuyerConfig | None = None,
    countries: tuple[Jurisdiction, ...] = COUNTRIES,
) -> list[Row]:
    found = terms(one, who or buyer(), registry(jurisdictions=countries))
    return [(term.verdict, term.low, term.high) for term in found]


def row(one: Condition, countries: tuple[Jurisdiction, ...] = COUNTRIES, **changes: Any) -> Row:
    """How one condition of a conditional licence falls on the buyer."""
    limited = licence("LicenseRef-X", "conditional", conditions=(one,))
    [found] = rows(limited, buyer(**changes), countries)
    return found


# --- which terms stand -----------------------------------------------------------------------


def test_a_licence_stands_from_its_first_day_until_the_next() -> None:
    made = model(licences=(licence("Old", until=FIRST), licence("New", since=FIRST)))

    stand = [settled(made, day)[0] for day in (EVE, FIRST)]

    assert [each.id for each in stand if each] == ["Old", "New"]


def test_on_a_day_without_terms_none_stand() -> None:
    assert settled(model(licences=(licence(since=FIRST),)), EVE) == (None, ())


def test_the_official_source_stands_and_the_other_is_kept_against_it() -> None:
    blog = licence("MIT", evidence=fact("MIT", confidence="reported"))
    file = licence("LicenseRef-X", "non_commercial")

    for order in ((blog, file), (file, blog)):
        assert settled(model(licences=order), DAY) == (file, (blog,))


def test_an_unread_file_does_not_stand_against_one_that_was_read() -> None:
    unread = licence("unknown", "unknown")
    read = licence("MIT", evidence=fact("MIT", confidence="alleged"))

    assert settled(model(licences=(unread, read)), DAY) == (read, ())


def test_between_equal_sources_the_tighter_terms_stand_in_any_order() -> None:
    same = fact("LICENSE")
    loose = licence("MIT", evidence=same)
    tight = licence("LicenseRef-X", "non_commercial", evidence=same)

    assert settled(model(licences=(loose, tight)), DAY)[0] == tight
    assert settled(model(licences=(tight, loose)), DAY)[0] == tight


def test_terms_that_run_on_into_the_next_are_refused() -> None:
    # Whoever lost the newer entry would fall back on terms that no longer hold.
    with pytest.raises(
        ValidationError, match="Old and New overlap; give the earlier one its until"
    ):
        model(licences=(licence("Old"), licence("New", since=FIRST)))


# --- how they fall on a buyer ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (licence(), ("clear", 0.0, 0.0)),
        (licence("X", "non_commercial"), ("blocked", 1.0, 1.0)),
        (licence("X", "conditional"), ("unknown", 0.25, 1.0)),  # it has some, nobody read which
        (licence("unknown", "unknown"), ("unknown", 0.0, 1.0)),
        (None, ("unknown", 0.0, 1.0)),
    ],
    ids=["open", "non-commercial", "conditions unread", "unknown", "none"],
)
def test_what_a_grant_means(one: Licence | None, expected: Row) -> None:
    assert rows(one) == [expected]


def test_non_commercial_terms_leave_others_clear_but_not_without_a_duty() -> None:
    assert rows(licence("X", "non_commercial"), buyer(commercial=False)) == [("clear", 0.25, 0.25)]


def test_a_notice_is_part_of_an_open_licence_and_a_limit_is_not() -> None:
    notice = condition("notice", "duty")
    limit = condition("territory", "blocked", excludes=("US",))

    assert rows(licence(conditions=(notice,))) == [("clear", 0.0, 0.0)]
    assert rows(licence(conditions=(notice, limit))) == [
        ("clear", 0.0, 0.0), ("blocked", 1.0, 1.0),
    ]  # fmt: skip


def test_conditions_of_a_non_commercial_licence_count_beside_it() -> None:
    limited = licence(
        "X", "non_commercial", conditions=(condition("territory", "blocked", excludes=("US",)),)
    )

    assert rows(limited, buyer(commercial=False)) == [("clear", 0.25, 0.25), ("blocked", 1.0, 1.0)]


@pytest.mark.parametrize(
    ("consequence", "expected"),
    [
        ("duty", ("clear", 0.25, 0.25)),
        ("needs_approval", ("needs_approval", 0.75, 0.75)),
        ("blocked", ("blocked", 1.0, 1.0)),
    ],
)
@pytest.mark.parametrize("kind", ["field_of_use", "outputs", "naming", "notice"])
def test_a_condition_means_what_it_says(kind: str, consequence: str, expected: Row) -> None:
    assert row(condition(kind, consequence)) == expected


EU = condition("territory", "blocked", excludes=("EU", "KR"))
CLEAR, BLOCKED = ("clear", 0.25, 0.25), ("blocked", 1.0, 1.0)
UNSURE = ("unknown", 0.25, 1.0)


@pytest.mark.parametrize(
    ("one", "territory", "expected"),
    [
        (EU, "US", CLEAR),
        (EU, "FR", BLOCKED),  # a member of the EU
        (EU, "EU", BLOCKED),
        (EU, "KR", BLOCKED),  # named, whether or not the registry knows the country
        (EU, "XX", UNSURE),  # a country that the registry does not know may be a member
        (condition("territory", "blocked", excludes=("FR",)), "EU", UNSURE),  # somewhere in it
        (condition("territory", "blocked", excludes=("CN",)), "EU", CLEAR),
        (condition("territory", "needs_approval", excludes=("US",)), "US",
         ("needs_approval", 0.75, 0.75)),
    ],
)  # fmt: skip
def test_a_territory_counts_by_country_and_union(
    one: Condition, territory: str, expected: Row
) -> None:
    assert row(one, territory=territory) == expected


USERS = condition("users", "needs_approval", above_monthly_users=100)
REVENUE = condition("revenue", "blocked", above_usd_per_year=1e6)


@pytest.mark.parametrize(
    ("one", "changes", "expected"),
    [
        (USERS, {"monthly_users": 49}, ("clear", 0.5, 0.5)),
        (USERS, {"monthly_users": 50}, ("clear", 0.75, 0.75)),  # near: half of it or more
        (USERS, {"monthly_users": 100}, ("clear", 0.75, 0.75)),
        (USERS, {"monthly_users": 101}, ("needs_approval", 1.0, 1.0)),
        (USERS, {"monthly_users": None}, ("unknown", 0.5, 1.0)),
        (REVENUE, {"revenue_usd_per_year": 4e5}, ("clear", 0.5, 0.5)),
        (REVENUE, {"revenue_usd_per_year": 1e6}, ("clear", 0.75, 0.75)),
        (REVENUE, {"revenue_usd_per_year": 1e6 + 1}, ("blocked", 1.0, 1.0)),
        (REVENUE, {"revenue_usd_per_year": None}, ("unknown", 0.5, 1.0)),
        (condition("users", "needs_approval"), {"monthly_users": 1}, ("unknown", 0.5, 1.0)),
    ],
)
def test_a_threshold_is_far_near_exceeded_or_unknown(
    one: Condition, changes: dict[str, Any], expected: Row
) -> None:
    assert row(one, **changes) == expected


@pytest.mark.parametrize("users", [1, 10**9, None])
def test_a_duty_above_a_threshold_stays_a_duty_for_any_buyer(users: int | None) -> None:
    logo = condition("users", "duty", above_monthly_users=100)

    assert row(logo, monthly_users=users) == ("clear", 0.25, 0.25)


@pytest.mark.parametrize(("sells", "verdict"), [(False, "clear"), (True, "needs_approval")])
def test_what_binds_sellers_of_the_model_leaves_others_alone(sells: bool, verdict: str) -> None:
    one = condition("users", "needs_approval", applies_to="model_service", above_monthly_users=100)

    assert row(one, monthly_users=10**6, sells_model_access=sells)[0] == verdict


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("territory", {}),
        ("users", {"excludes": ("EU",)}),
        ("revenue", {"above_monthly_users": 100}),
        ("users", {"above_usd_per_year": 1e6}),
    ],
)
def test_a_condition_whose_bound_belongs_to_another_kind_is_refused(
    kind: str, changes: dict[str, Any]
) -> None:
    # It would be passed over, and the licence look looser than it is.
    with pytest.raises(ValidationError):
        condition(kind, "blocked", **changes)


def test_a_union_is_known_by_its_members() -> None:
    lone = (jurisdiction("US"), jurisdiction("FR"))

    assert row(EU, lone, territory="FR") == CLEAR
    assert row(EU, COUNTRIES, territory="FR") == BLOCKED


# --- drift -----------------------------------------------------------------------------------


def drifted(
    *steps: tuple[str, str], released: str = "2020-01-01", day: dt.date = DAY
) -> tuple[float, float]:
    """Licences of id and grant, one a year from the release on."""
    first = dt.date(2020, 1, 1)
    starts = [None, *(first.replace(year=2020 + i) for i in range(1, len(steps)))]
    ends = [*starts[1:], None]
    made = model(
        released=facts(released),
        licences=tuple(
            licence(id, grant, since=since, until=until)
            for (id, grant), since, until in zip(steps, starts, ends, strict=True)
        ),
    )
    low, high, _ = drift(made, day)
    return low, high


OPEN, LIMITED = ("MIT", "open"), ("C", "conditional")
PRIVATE, UNREAD = ("N", "non_commercial"), ("unknown", "unknown")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([OPEN], (0.0, 0.0)),
        ([OPEN, OPEN], (0.0, 0.0)),  # read again, the same
        ([LIMITED, OPEN], (0.25, 0.25)),
        ([PRIVATE, LIMITED, OPEN], (0.25, 0.25)),
        ([OPEN, ("Apache-2.0", "open")], (0.25, 0.25)),  # a change, and no tighter
        ([OPEN, LIMITED], (0.5, 0.5)),
        ([LIMITED, PRIVATE], (0.5, 0.5)),
        ([OPEN, LIMITED, OPEN], (0.5, 0.5)),
        ([OPEN, LIMITED, PRIVATE], (0.75, 0.75)),
        ([OPEN, LIMITED, OPEN, LIMITED], (0.75, 0.75)),
        ([LIMITED, ("D", "conditional")], (0.25, 0.5)),  # tighter or not, nobody judged
        ([UNREAD], (0.0, 0.75)),
        ([OPEN, UNREAD], (0.0, 0.5)),
        ([OPEN, UNREAD, LIMITED], (0.0, 0.75)),
        ([OPEN, LIMITED, UNREAD], (0.5, 0.75)),
    ],
)
def test_drift_counts_changes_to_tighter_terms(
    steps: list[tuple[str, str]], expected: tuple[float, float]
) -> None:
    assert drifted(*steps) == expected


@pytest.mark.parametrize(
    ("released", "expected"),
    [
        ("2024-11-25", (0.0, 0.0)),  # 730 days before 2026-11-25
        ("2024-11-26", (0.0, 0.25)),
        ("2027-01-01", (0.0, 0.25)),
        ("unknown", (0.0, 0.25)),
    ],
)
def test_a_repo_shows_only_after_two_years_that_its_licence_holds(
    released: str, expected: tuple[float, float]
) -> None:
    assert drifted(OPEN, released=released) == expected


def test_a_change_counts_from_its_day() -> None:
    # The change is of 2021-01-01, a year and a day short of two years after the release.
    assert drifted(OPEN, LIMITED, day=dt.date(2020, 12, 31)) == (0.0, 0.25)
    assert drifted(OPEN, LIMITED, day=dt.date(2021, 1, 1)) == (0.5, 0.5)


def test_sources_that_disagree_on_one_stretch_are_no_change() -> None:
    blog = licence("MIT", evidence=fact("MIT", confidence="reported"))

    assert drift(model(licences=(blog, licence("X", "non_commercial"))), DAY)[:2] == (0.0, 0.0)


def test_the_order_of_the_history_does_not_matter() -> None:
    old, new = licence("MIT", until=FIRST), licence("X", "non_commercial", since=FIRST)

    assert drift(model(licences=(new, old)), DAY) == drift(model(licences=(old, new)), DAY)
