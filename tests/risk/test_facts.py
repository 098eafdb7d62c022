"""harness.risk.facts: which of several facts on one question stands, and when one is stale."""

import datetime as dt
from itertools import permutations

import pytest

from harness.risk.facts import Fact, facts_of
from tests.risk.making import DAY, check, fact, facts, party

OLD, NEW = dt.date(2024, 1, 1), dt.date(2026, 1, 1)


@pytest.mark.parametrize(
    ("stands", "other"),
    [
        (fact("a", confidence="alleged"), fact("unknown", confidence="official", published=NEW)),
        (fact("a", published=OLD), fact("b", confidence="reported", published=NEW)),
        (fact("a", confidence="reported"), fact("b", confidence="inferred", published=NEW)),
        (fact("a", confidence="inferred"), fact("b", confidence="alleged", published=NEW)),
        (fact("a", published=NEW), fact("b", published=OLD)),
        (fact("a", published=OLD), fact("b", published=None)),
        (fact("a", read=DAY), fact("b", read=DAY - dt.timedelta(days=1))),
    ],
    ids=[
        "known", "official", "reported", "inferred", "newer", "dated", "read later",
    ],
)  # fmt: skip
def test_the_known_then_the_surer_then_the_newer_fact_stands(stands: Fact, other: Fact) -> None:
    assert facts(other, stands).best == stands
    assert facts(stands, other).best == stands


def test_of_facts_that_are_equally_strong_the_same_stands_in_any_order() -> None:
    equal = [fact("a"), fact("b"), fact("c")]

    assert len({facts(*order).value for order in permutations(equal)}) == 1


def test_what_says_otherwise_is_kept_as_a_conflict_and_what_says_nothing_is_none() -> None:
    found = facts(
        fact("CN", published=NEW),
        fact("SG", published=OLD),
        fact("CN", confidence="reported"),
        fact("unknown"),
    )

    assert found.value == "CN"
    assert [each.value for each in found.conflicts] == ["SG"]


def test_a_fact_is_stale_the_day_after_its_review() -> None:
    reviewed = fact(review_by=DAY)

    assert not reviewed.stale(DAY)
    assert reviewed.stale(DAY + dt.timedelta(days=1))


def test_every_fact_of_an_entry_is_found_however_deep() -> None:
    # A name, four questions of one fact, one with two, and a check.
    made = party(ownership=facts("private", "unknown"), checks=(check(),))

    assert sorted(each.value for each in facts_of(made)) == sorted(
        ["Acme Ltd.", "US", "US", "US", "private", "unknown", "2019-01-01", "not found"]
    )
