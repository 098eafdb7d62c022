"""harness.risk.factors and assess: one rubric, intervals, every level with its reasons."""

import datetime as dt
import random
from typing import Any

import pytest

from harness.config.judge import FACTORS
from harness.risk.assess import Assessment, assess
from harness.risk.factors import Level, Measured
from harness.risk.load import load_registry
from harness.risk.registry import Registry
from tests.risk.making import (
    DAY,
    FIRST,
    MODEL_KEY,
    base,
    buyer,
    effect,
    fact,
    facts,
    instrument,
    jurisdiction,
    licence,
    listing,
    model,
    party,
    phase,
    registry,
    risk,
)


def judged(made: Registry, key: str = MODEL_KEY, **changes: Any) -> Assessment:
    given = {"day": DAY} | changes
    return assess(made, made.models[key], buyer(), risk(), **given)


def level(made: Registry, name: str, **changes: Any) -> tuple[float, float]:
    found = next(f for f in judged(made, **changes).factors if f.name == name)
    return found.low, found.high


def test_a_clean_model_has_the_least_levels_and_spans_what_was_not_measured() -> None:
    found = judged(registry())

    assert {f.name: (f.low, f.high) for f in found.factors} == dict.fromkeys(FACTORS, (0, 0)) | {
        "compulsion": (0.25, 0.25),  # private
        "behaviour": (0, 1), "security": (0, 1), "replaceability": (0, 1),
    }  # fmt: skip
    assert all(f.reasons for f in found.factors)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("use_ban", 1.0), ("national_list", 0.75), ("state_list", 0.5), ("allegation", 0.25)],
)
def test_the_worse_the_instrument_the_higher_the_listing(kind: str, expected: float) -> None:
    made = registry(parties=(party(listings=(listing(),)),), instruments=(instrument(kind=kind),))

    assert level(made, "listing") == (expected, expected)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("approved_unpublished", 0.5), ("proposed", 0.25), ("suspended", 0.25)],
)
def test_a_listing_that_is_not_in_force_counts_less(status: str, expected: float) -> None:
    made = registry(
        parties=(party(listings=(listing(),)),),
        instruments=(instrument(history=(phase(status),)),),
    )

    assert level(made, "listing") == (expected, expected)


def test_a_list_that_nobody_checked_lifts_the_upper_end_only() -> None:
    made = registry(parties=(party(checks=()),), instruments=(instrument(kind="national_list"),))

    assert level(made, "listing") == (0.0, 0.75)


def test_one_of_two_readings_lifts_the_upper_end_only() -> None:
    made = registry(
        parties=(party(listings=(listing(),)),),
        instruments=(instrument(alternative_reading=True),),
    )

    assert level(made, "listing") == (0.0, 1.0)


@pytest.mark.parametrize(
    ("ownership", "law", "expected"),
    [
        ("foundation", "ordinary_process", (0.0, 0.0)),
        ("private", "compulsion_without_appeal", (0.5, 0.5)),
        ("state_controlled", "ordinary_process", (0.75, 0.75)),
        ("unknown", "ordinary_process", (0.0, 1.0)),
        ("private", "unknown", (0.25, 0.5)),
    ],
)
def test_compulsion_is_the_higher_of_ownership_and_law(
    ownership: str, law: str, expected: tuple[float, float]
) -> None:
    made = registry(
        parties=(party(ownership=facts(ownership)),), jurisdictions=(jurisdiction("US", law),)
    )

    assert level(made, "compulsion") == expected


def history(*grants: tuple[str, dt.date | None]) -> Registry:
    ends = [since for _, since in grants[1:]] + [None]
    steps = zip(grants, ends, strict=True)
    return registry(
        model(
            licences=tuple(
                licence(f"L{i}", grant, since=since, until=until)
                for i, ((grant, since), until) in enumerate(steps)
            )
        )
    )


@pytest.mark.parametrize(
    ("grants", "expected"),
    [
        ((("open", None),), (0.0, 0.0)),
        ((("conditional", None), ("open", FIRST)), (0.25, 0.25)),
        ((("open", None), ("conditional", FIRST)), (0.5, 0.5)),
        ((("open", None), ("conditional", FIRST), ("non_commercial", DAY)), (0.75, 0.75)),
    ],
)
def test_licence_drift(grants: Any, expected: tuple[float, float]) -> None:
    assert level(history(*grants), "licence_drift") == expected


def test_a_young_repo_has_not_shown_yet_that_its_licence_holds() -> None:
    young = registry(model(released=facts("2026-10-01")))

    assert level(young, "licence_drift") == (0.0, 0.25)


def test_a_base_of_another_maker_counts_a_quarter_and_one_that_is_blocked_whole() -> None:
    def derived(**changes: Any) -> Registry:
        return registry(
            model(bases=(base("other/m@*"),), lineage=facts("derived")),
            model("other/m@*", "other"),
            parties=(party(), party("other", **changes)),
        )

    assert level(derived(), "lineage") == (0.25, 0.25)
    assert level(derived(listings=(listing(),)), "lineage") == (1.0, 1.0)


def test_an_unknown_base_spans_the_whole_range() -> None:
    assert level(registry(model(lineage=facts("unknown"))), "lineage") == (0.0, 1.0)


def test_self_hosted_and_api_are_different_rows() -> None:
    made = registry(
        model(api_operators=(fact("operator"),)),
        parties=(party(), party("operator", headquarters=facts("CN"))),
    )

    levels = {
        use: level(made, "serving_path", deployment=use)
        for use in ("self_hosted", "in_region_cloud", "third_party", "developer_api")
    }

    assert levels == {
        "self_hosted": (0.0, 0.0), "in_region_cloud": (0.25, 0.25),
        "third_party": (0.5, 0.75), "developer_api": (1.0, 1.0),
    }  # fmt: skip


def test_what_runs_measured_takes_the_place_of_unknown() -> None:
    measured = Measured(behaviour=Level(low=0.1, high=0.2, text="gap 5 points"))

    assert level(registry(), "behaviour", measured=measured) == (0.1, 0.2)


def test_the_surer_and_then_the_newer_source_stands_and_the_other_is_named() -> None:
    old = fact("private", published=dt.date(2024, 1, 1))
    new = fact("state_minority", published=dt.date(2026, 1, 1))
    blog = fact("military", confidence="alleged", published=dt.date(2026, 11, 1))
    made = registry(parties=(party(ownership=facts(old, blog, new)),))

    found = judged(made)

    assert level(made, "compulsion") == (0.5, 0.5)
    assert len(found.conflicts) == 2
    assert all("state_minority" in line and "stands against" in line for line in found.conflicts)


def test_jurisdictions_are_those_of_all_ancestors_by_weights() -> None:
    made = registry(
        model(bases=(base("other/m@*"),), lineage=facts("derived")),
        model("other/m@*", "other"),
        parties=(party(), party("other", headquarters=facts("CN"), control=facts("CN"))),
    )

    assert judged(made).jurisdictions == ("US", "CN")


def test_facts_past_their_review_are_counted() -> None:
    stale = fact("private", review_by=DAY - dt.timedelta(days=1))

    assert judged(registry(parties=(party(ownership=facts(stale)),))).stale_facts == 1


# --- the rest of the rubric ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seat", "expected"), [("US", (0.0, 0.0)), ("CN", (1.0, 1.0)), ("unknown", (0.0, 1.0))]
)
def test_a_law_on_a_country_counts_by_seat_for_those_whom_it_binds(
    seat: str, expected: tuple[float, float]
) -> None:
    made = registry(
        parties=(party(headquarters=facts(seat)),),
        instruments=(instrument(reaches_domiciles=("CN",)),),
    )
    elsewhere = instrument(reaches_domiciles=("CN",), effects=(effect(binds=("eu_person",)),))

    assert level(made, "listing") == expected
    assert level(
        made.model_copy(update={"instruments": {"ban": elsewhere}}), "listing"
    ) == (0.0, 0.0)  # fmt: skip


def test_a_bill_on_a_country_lifts_the_upper_end_where_the_seat_is_unknown() -> None:
    bill = instrument(kind="bill", history=(phase("proposed"),), reaches_domiciles=("CN",))
    made = registry(parties=(party(control=facts("unknown")),), instruments=(bill,))

    assert level(made, "listing") == (0.0, 0.25)


def test_a_licensor_whom_nobody_knows_may_be_listed_or_not() -> None:
    made = registry(model(licensor=facts("unknown")))

    assert level(made, "listing") == (0.0, 1.0)
    assert level(made, "compulsion") == (0.25, 1.0)  # at least the developer, private


def test_an_unchecked_list_of_unknown_status_lifts_the_upper_end_too() -> None:
    made = registry(
        parties=(party(checks=()),), instruments=(instrument(history=(phase("unknown"),)),)
    )

    assert level(made, "listing") == (0.0, 1.0)


@pytest.mark.parametrize(
    ("edge", "grade", "maker", "expected"),
    [
        ("weights", "declared", "acme", 0.0),  # own base under the same licence
        ("weights", "declared", "other", 0.25),
        ("weights", "fingerprinted", "other", 0.25),
        ("weights", "alleged", "other", 0.5),
        ("distilled_outputs", "declared", "other", 0.25),
        ("distilled_outputs", "alleged", "other", 0.5),
        ("architecture_or_tokenizer", "declared", "other", 0.0),
        ("data", "alleged", "other", 0.0),
    ],
)
def test_an_edge_counts_by_kind_and_proof(
    edge: str, grade: str, maker: str, expected: float
) -> None:
    made = registry(
        model(
            bases=(base("any/root@*", edge, grade),),
            lineage=facts("derived" if edge == "weights" else "from_scratch"),
        ),
        model("any/root@*", maker),
        parties=(party(), party("other")),
    )

    assert level(made, "lineage") == (expected, expected)


def test_an_own_base_under_other_terms_counts_a_quarter() -> None:
    made = registry(
        model(bases=(base("acme/root@*"),), lineage=facts("derived")),
        model("acme/root@*", licences=(licence("MIT"),)),
    )

    assert level(made, "lineage") == (0.25, 0.25)


def test_two_makers_whom_nobody_knows_are_not_taken_for_one() -> None:
    nobody = fact("unknown")
    made = registry(
        model(bases=(base("any/root@*"),), lineage=facts("derived"), developer=nobody),
        model("any/root@*", developer=nobody),
    )

    assert level(made, "lineage") == (0.25, 0.25)


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        ((), (0.5, 1.0)),
        (("acme",), (0.5, 0.5)),
        (("unknown",), (0.5, 1.0)),
        (("acme", "unknown"), (0.5, 1.0)),
        (("far",), (1.0, 1.0)),
    ],
)
def test_the_developers_api_counts_by_the_law_over_its_operators(
    operators: tuple[str, ...], expected: tuple[float, float]
) -> None:
    made = registry(
        model(api_operators=tuple(fact(each) for each in operators)),
        parties=(party(), party("far", control=facts("CN"))),
    )

    assert level(made, "serving_path", deployment="developer_api") == expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("open_data_code_evals", (0.0, 0.0)), ("data_summary", (0.5, 0.5)),
        ("weights_only", (0.75, 0.75)), ("nothing", (1.0, 1.0)), ("unknown", (0.0, 1.0)),
    ],
)  # fmt: skip
def test_transparency(shown: str, expected: tuple[float, float]) -> None:
    assert level(registry(model(transparency=facts(shown))), "transparency") == expected


# --- placebo ---------------------------------------------------------------------------------


def test_shuffled_headquarters_move_only_the_factors_of_law_and_ownership() -> None:
    made = load_registry()
    keys = list(made.parties)
    seats = [made.parties[key].headquarters for key in keys]
    random.Random(1).shuffle(seats)
    parties = {
        key: made.parties[key].model_copy(
            update={"headquarters": seat, "incorporation": seat, "control": seat}
        )
        for key, seat in zip(keys, seats, strict=True)
    }
    shuffled = made.model_copy(update={"parties": parties})
    # One model of each maker: those of one maker share all that the shuffle can move.
    one_each = {each.developer.value: each.key for each in made.models.values()}

    moved = set()
    for key in one_each.values():
        before, after = judged(made, key), judged(shuffled, key)
        through_a_block = before.gate.blocked_ancestors != after.gate.blocked_ancestors
        for old, new in zip(before.factors, after.factors, strict=True):
            if (old.low, old.high) != (new.low, new.high) and not (
                through_a_block and old.name == "lineage"
            ):
                moved.add(old.name)

    assert moved <= {"listing", "compulsion", "serving_path"}
    assert "compulsion" in moved  # the shuffle does bite
