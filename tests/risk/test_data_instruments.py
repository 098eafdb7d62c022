"""The shipped instruments: what was in force when, and what each means for whom.

Days and citations that the tests repeat are those of the sources that the data name.
"""

import datetime as dt
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
import yaml

from harness.risk import load
from harness.risk.facts import Fact, facts_of
from harness.risk.registry import Instrument, Status

DATA = Path(str(resources.files("harness.risk").joinpath("data")))
TAGS = {
    "us_federal_agency", "us_intelligence_agency", "us_defence_contractor", "us_state_texas",
    "us_person", "eu_person",
}  # fmt: skip
FIRST_DAY, LAST_DAY = dt.date(2021, 6, 3), dt.date(2026, 11, 25)

Instruments = dict[str, Instrument]


@pytest.fixture(scope="module")
def instruments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instruments]:
    """The shipped file with its own sources and nothing else of the registry."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "sources").mkdir()
    for name in ("instruments.yaml", "sources/instruments.yaml"):
        copy(DATA / name, folder / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "shipped_folder", lambda: folder)
        yield load.load_registry().instruments


def days() -> Iterator[dt.date]:
    """Every day on which editions of Section 1260H are known."""
    for ordinal in range(FIRST_DAY.toordinal(), LAST_DAY.toordinal() + 1):
        yield dt.date.fromordinal(ordinal)


def facts(instruments: Instruments) -> list[Fact]:
    return [fact for each in instruments.values() for fact in facts_of(each)]


def verdicts(instrument: Instrument, tag: str, deployment: str) -> set[str]:
    return {
        effect.verdict
        for effect in instrument.effects
        if tag in effect.binds and deployment in effect.deployments
    }


def test_covers_at_least_thirty_instruments_of_several_countries(instruments: Instruments) -> None:
    countries = {each.jurisdiction[:2] for each in instruments.values()}
    assert len(instruments) >= 30
    assert {"US", "CN", "IT", "TW", "AU", "KR", "IN"} <= countries


def test_phases_are_in_order_and_touch(instruments: Instruments) -> None:
    for each in instruments.values():
        for earlier, later in zip(each.history, each.history[1:], strict=False):
            assert earlier.until is not None, each.key
            assert earlier.until == later.since, each.key
        for phase in each.history:
            assert not (phase.since and phase.until) or phase.since < phase.until, each.key


def test_no_phase_begins_after_the_last_reading(instruments: Instruments) -> None:
    last_read = max(fact.read for fact in facts(instruments))
    for each in instruments.values():
        assert all(phase.since is None or phase.since <= last_read for phase in each.history)


def test_what_is_in_force_was_read_or_is_marked_as_memory(instruments: Instruments) -> None:
    for fact in facts(instruments):
        assert fact.read >= dt.date(2026, 11, 25)
        assert fact.review_by > fact.read
        assert ("from memory" in fact.source) <= (fact.confidence == "inferred"), fact.source


def test_official_is_said_only_of_an_official_text(instruments: Instruments) -> None:
    official = [fact for fact in facts(instruments) if fact.confidence == "official"]
    assert official
    for fact in official:
        assert "govinfo.gov" in fact.source or "Federal Register text" in fact.source, fact.source


def test_every_source_is_used() -> None:
    def named(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from [node["source"]] if "source" in node else []
            node = list(node.values())
        if isinstance(node, list):
            for child in node:
                yield from named(child)

    sources = yaml.safe_load((DATA / "sources/instruments.yaml").read_text("utf-8"))
    used = set(named(yaml.safe_load((DATA / "instruments.yaml").read_text("utf-8"))))
    assert used == set(sources)


def test_effects_bind_only_known_buyers(instruments: Instruments) -> None:
    bound = {tag for each in instruments.values() for e in each.effects for tag in e.binds}
    assert bound == TAGS


def test_a_dated_warning_says_from_which_day_it_bites(instruments: Instruments) -> None:
    dated = [e for i in instruments.values() for e in i.effects if e.verdict == "dated_warning"]
    # NDAA FY24 s.805: direct contracts, and goods and services that include a listed firm's.
    assert {e.bites_on for e in dated} == {dt.date(2026, 6, 30), dt.date(2027, 6, 30)}


def test_exactly_one_edition_of_1260h_is_in_force_on_any_day(instruments: Instruments) -> None:
    editions = [each for each in instruments.values() if each.series == "us-1260h"]
    assert len(editions) == 6
    for day in days():
        assert [each.status(day) for each in editions].count("in_force") == 1, day


@pytest.mark.parametrize(
    ("day", "edition"),
    [
        ("2025-01-06", "us-1260h-2024-01-31"),
        ("2025-01-07", "us-1260h-2025-01-07"),
        ("2026-02-13", "us-1260h-2025-01-07"),
        ("2026-06-07", "us-1260h-2025-01-07"),
        ("2026-06-08", "us-1260h-2026-06-08"),
    ],
)
def test_an_edition_counts_from_its_day_to_the_next(
    instruments: Instruments, day: str, edition: str
) -> None:
    assert instruments[edition].status(dt.date.fromisoformat(day)) == "in_force"


def test_the_edition_withdrawn_on_its_day_is_never_in_force(instruments: Instruments) -> None:
    withdrawn = instruments["us-1260h-2026-02-13"]
    assert {withdrawn.status(day) for day in days()} == {None, "withdrawn"}
    assert withdrawn.status(dt.date(2026, 2, 13)) == "withdrawn"
    assert withdrawn.effects == ()


@pytest.mark.parametrize(
    ("day", "status"),
    [
        ("2025-09-28", None),
        ("2025-09-29", "in_force"),  # effective day of 90 FR 47201
        ("2025-10-15", "in_force"),
        ("2025-11-09", "in_force"),
        ("2025-11-10", "suspended"),
        ("2026-01-01", "suspended"),
        ("2026-11-09", "suspended"),  # last day of the suspension
        ("2026-11-10", "unknown"),
        ("2026-11-26", "unknown"),
    ],
)
def test_the_affiliates_rule_begins_rests_and_is_then_unknown(
    instruments: Instruments, day: str, status: Status | None
) -> None:
    rule = instruments["us-bis-affiliates-rule"]
    assert rule.status(dt.date.fromisoformat(day)) == status
    assert instruments["us-bis-entity-list"].affiliates_under == rule.key


def test_a_reported_order_without_primary_source_is_not_in_force(instruments: Instruments) -> None:
    order = instruments["us-fascsa-deepseek-2026"]
    assert all(phase.status != "in_force" for phase in order.history)
    assert "reported, unconfirmed" in order.history[-1].evidence.value


@pytest.mark.parametrize("key", ["us-s1638-2025", "us-hr8283-2026", "us-no-adversarial-ai-act"])
def test_a_bill_is_proposed_and_says_what_it_would_mean(instruments: Instruments, key: str) -> None:
    assert instruments[key].status(LAST_DAY) == "proposed"
    assert instruments[key].effects


def test_section_1532_blocks_the_named_and_splits_on_the_rest(instruments: Instruments) -> None:
    named, wide = (instruments[f"us-ndaa-fy26-s1532-{r}"] for r in ("narrow", "wide"))
    assert [(e.verdict, e.reading) for e in named.effects] == [("blocked", None)]
    assert {(e.reading, e.verdict) for e in wide.effects} == {
        ("wide", "blocked"),
        ("narrow", "needs_approval"),
    }
    # 10 U.S.C. 4872: covered nations.
    assert set(wide.reaches_domiciles) == {"CN", "RU", "IR", "KP"}
    assert wide.alternative_reading


def test_what_reaches_whole_jurisdictions_is_only_one_reading(instruments: Instruments) -> None:
    for each in instruments.values():
        assert not each.reaches_domiciles or each.alternative_reading, each.key


def test_the_entity_list_asks_for_review_of_the_api_and_leaves_weights_alone(
    instruments: Instruments,
) -> None:
    entity_list = instruments["us-bis-entity-list"]
    assert verdicts(entity_list, "us_person", "developer_api") == {"needs_approval"}
    assert verdicts(entity_list, "us_person", "self_hosted") == set()


@pytest.mark.parametrize(
    "key", ["us-ccmc-2021", "us-ns-cmic", "us-fcc-covered-list", "us-commerce-api-order-2026-06"]
)
def test_lists_that_forbid_other_things_gate_nobody(instruments: Instruments, key: str) -> None:
    assert instruments[key].effects == ()


def test_texas_blocks_products_of_listed_companies(instruments: Instruments) -> None:
    for edition in ("2023-02-06", "2025-01-31", "2026-01-26"):
        instrument = instruments[f"us-tx-prohibited-{edition}"]
        assert instrument.status(LAST_DAY) == "in_force"
        assert verdicts(instrument, "us_state_texas", "self_hosted") == {"blocked"}
