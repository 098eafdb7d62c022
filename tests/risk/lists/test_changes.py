"""What came, went and changed between two snapshots of a list."""

from typing import Any

from harness.risk.lists.changes import changes
from harness.risk.lists.entry import Entry


def entry(name: str, **fields: Any) -> Entry:
    return Entry(
        **({"list_key": "l", "edition": "2026-01-01", "program": "", "row": 2} | fields), name=name
    )


def test_names_that_came_and_went_are_told_apart() -> None:
    found = changes([entry("Acme"), entry("Bolt")], [entry("Bolt"), entry("Cog")])
    assert [each.name for each in found.added] == ["Cog"]
    assert [each.name for each in found.removed] == ["Acme"]
    assert found.changed == ()


def test_row_edition_and_order_are_no_change() -> None:
    old = [entry("Acme"), entry("Bolt", aliases=("B", "C"))]
    new = [
        entry("Bolt", aliases=("C", "B"), row=9, edition="2026-02-01"),
        entry("Acme", edition="2026-02-01"),
    ]
    assert changes(old, new) == ((), (), ())


def test_a_new_alias_is_a_change_that_says_which() -> None:
    found = changes([entry("Acme", aliases=("A",))], [entry("Acme", aliases=("A", "Z"))])
    assert found.lines() == ("~ Acme: aliases +Z",)


def test_a_new_spelling_of_case_is_a_change_and_no_second_company() -> None:
    found = changes([entry("AVIC JONHON")], [entry("AVIC Jonhon")])
    assert found.lines() == ("~ AVIC JONHON: name AVIC JONHON -> AVIC Jonhon",)


def test_a_name_on_two_programmes_that_leaves_one_was_removed_there() -> None:
    old = [entry("Acme", program="EL"), entry("Acme", program="MEU")]
    found = changes(old, [entry("Acme", program="MEU")])
    assert found.lines() == ("- Acme (EL)",)
