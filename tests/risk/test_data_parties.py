"""harness/risk/data/parties: what the shipped facts on parties must hold against the lists."""

import csv
import datetime as dt
import re
from itertools import pairwise

import pytest

from harness.risk.base_rates import first_listings
from harness.risk.facts import facts_of
from harness.risk.load import load_registry, shipped_folder
from harness.risk.registry import Listing, Registry
from harness.risk.standing import covers

EDITIONS = ("2021-06-03", "2022-10-05", "2024-01-31", "2025-01-07", "2026-06-08")
# Nobody can be looked for there: one list is not founded yet, the other is not published.
NO_NAMES = {"us-hr8283-2026", "us-bis-entity-list-unpublished"}


@pytest.fixture(scope="module")
def shipped() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def rows() -> dict[int, dict[str, str]]:
    """Rows of the shipped Section 1260H table by line of the file, header = 1."""
    (path,) = (shipped_folder() / "lists").glob("**/us-1260h.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return dict(enumerate(csv.DictReader(file), start=2))


def on_1260h(registry: Registry) -> list[tuple[str, Listing]]:
    return [
        (party.key, listing)
        for party in registry.parties.values()
        for listing in party.listings
        if listing.instrument.removeprefix("us-1260h-") in EDITIONS
    ]


def test_each_1260h_listing_is_the_row_that_it_names(
    shipped: Registry, rows: dict[int, dict[str, str]]
) -> None:
    found = on_1260h(shipped)

    assert len(found) > 15
    for party, listing in found:
        at = re.match(r"row (\d+)", listing.evidence.at or "")
        assert at, party
        row = rows[int(at[1])]
        assert (party, listing.entry) == (party, row["Name"])
        # The tables of 2022 and 2024 hold additions only: that an entry stayed on is inferred.
        if listing.evidence.confidence != "inferred":
            assert listing.instrument == f"us-1260h-{row['Start date']}"


def test_no_party_stands_in_an_edition_without_a_listing(
    shipped: Registry, rows: dict[int, dict[str, str]]
) -> None:
    def plain(text: str) -> str:
        return " ".join(re.findall(r"\w+", text.lower()))

    found = set()
    for row in rows.values():
        printed = {plain(row[field]) for field in ("Name", "Clean Name", "Alias")} - {""}
        for party in shipped.parties.values():
            if printed & {plain(name.value) for name in party.names}:
                found.add((party.key, f"us-1260h-{row['Start date']}"))

    listed = {(party, listing.instrument) for party, listing in on_1260h(shipped)}
    assert found
    assert found <= listed


def test_an_entry_that_stays_on_has_no_gap_between_editions(shipped: Registry) -> None:
    by_party: dict[str, list[Listing]] = {}
    for party, listing in on_1260h(shipped):
        by_party.setdefault(party, []).append(listing)

    for party, listings in by_party.items():
        for before, after in pairwise(listings):
            assert (party, before.until) == (party, after.since)
        last = listings[-1]
        assert (party, last.until is None) == (party, last.instrument.endswith(EDITIONS[-1]))


def test_each_party_is_listed_or_was_looked_for_under_whatever_gates(shipped: Registry) -> None:
    gates = [
        instrument
        for instrument in shipped.instruments.values()
        if instrument.effects and not instrument.reaches_domiciles
    ]
    missing = [
        (party.key, instrument.key)
        for party in shipped.parties.values()
        for instrument in gates
        if instrument.key not in NO_NAMES
        and not any(listing.instrument == instrument.key for listing in party.listings)
        and not any(covers(shipped, check, instrument) for check in party.checks)
    ]

    assert missing == []


def test_what_comes_from_memory_is_never_more_than_inferred(shipped: Registry) -> None:
    entries = (*shipped.parties.values(), *shipped.jurisdictions.values())
    remembered = [
        fact
        for entry in entries
        for fact in facts_of(entry)
        if fact.source.startswith("from memory")
    ]

    assert remembered
    assert {fact.confidence for fact in remembered} == {"inferred"}


def test_holdings_of_the_own_state_are_recorded_on_all_sides(shipped: Registry) -> None:
    seats = {
        party.headquarters.value
        for party in shipped.parties.values()
        if party.ownership.value in ("state_minority", "state_controlled")
    }

    assert {"AE", "CH", "CN", "FR", "KR"} <= seats


def test_eight_start_ups_had_one_federal_listing_in_31_years(shipped: Registry) -> None:
    # Counted by hand from public notices, 2019-01-01 to 2026-08-22: Zhipu, 1 in 31.1.
    start_ups = {
        "deepseek", "zhipu", "moonshot", "minimax", "stepfun", "zero_one_ai", "baichuan",
        "modelbest",
    }  # fmt: skip
    parties = {key: shipped.parties[key] for key in start_ups}
    found = first_listings(
        shipped.model_copy(update={"parties": parties}),
        "prc_llm_2026",
        ("us-bis-entity-list", "us-1260h", "us-ccmc"),
        dt.date(2019, 1, 1),
        dt.date(2026, 8, 22),
    )

    assert (found.events, len(found.counted)) == (1, 8)
    assert found.years == pytest.approx(31.1, abs=0.05)
