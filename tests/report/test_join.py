"""harness.report.join: a figure keeps its record; a missing one its reason, never a zero."""

import re
from pathlib import Path
from typing import Any

import pytest

from harness.errors import FactError
from harness.records.schema import Cell, Stage
from harness.report.columns import COLUMNS
from harness.report.join import Figure, Row, Table, headline, join
from harness.stats import Estimate, proportion
from tests.builders import (
    DAY,
    cell,
    developer,
    estimate,
    fact,
    failed_cell,
    finetune_result,
    instrument,
    judge_config,
    level,
    listing,
    model,
    parse_shipped_once,
    registry,
    score,
    write_registry,
    write_sweep,
)

SAFE, RISKY = "acme/tiny", "risky/tiny"
FACTS = registry(
    model(SAFE),
    model(RISKY, developer="risky"),
    developers=(
        developer("acme"),
        developer("risky", listings=(listing("flist"),), headquarters=fact("CN")),
    ),
    instruments=(
        instrument("flist", kind="federal_list", gates={"us_defence_contractor": "blocked"}),
    ),
)
ON = Stage(status="done")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    parse_shipped_once(monkeypatch)


def table(tmp_path: Path, *cells: Cell, changes: dict[str, Any] | None = None) -> Table:
    """These cells in one sweep, judged with round prices and the little registry."""
    facts = write_registry(tmp_path / "facts", FACTS)
    sweep = write_sweep(tmp_path / "unit", *cells)
    return join([sweep], judge_config(changes, (facts,)))


def row(tmp_path: Path, one: Cell, changes: dict[str, Any] | None = None) -> Row:
    [found] = table(tmp_path, one, changes=changes).rows
    return found


def risky(cell_id: str = "risky-chat-000000000002", **changes: Any) -> Cell:
    """A model whose maker stands on a federal list, twice as fast as the other."""
    config = {"model.name": "risky", "model.key": RISKY, "model.developer": "risky"}
    fast = level(output_tok_per_s=estimate(20.0))
    return cell(cell_id, **{"config": config, "levels": (fast,)} | changes)


def endpoint(**changes: Any) -> Cell:
    engine = {
        "kind": "endpoint",
        "base_url": "https://api.example",
        "served_model": "m",
    }
    return cell(config={"engine": engine}, **changes)


API = {
    "pricing.apis": {
        "tiny": {
            "input_usd_per_mtok": 0.2,
            "output_usd_per_mtok": 1.0,
            "source": "a price page",
            "as_of": "2026-11-25",
        }
    }
}


# --- shape -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "one",
    [cell(), failed_cell(), cell(levels=(level(failed=1),)), risky(), cell(levels=())],
    ids=["done", "failed", "void", "listed", "no levels"],
)
def test_every_row_has_every_column_and_a_missing_figure_its_reason(
    tmp_path: Path, one: Cell
) -> None:
    found = row(tmp_path, one)

    assert set(found.values) == {column.key for column in COLUMNS}
    for column in COLUMNS:
        value = found.values[column.key]
        assert isinstance(value, Figure) == (column.kind == "figure")
        if isinstance(value, Figure):
            assert (value.value is None) == bool(value.reason), column.key
        else:
            assert value


def test_every_measured_figure_names_the_record_it_comes_from(tmp_path: Path) -> None:
    found = row(tmp_path, cell())

    for value in found.values.values():
        if isinstance(value, Figure) and value.value is not None:
            assert value.source
    assert found.figure("output_tok_per_s").source == "unit/tiny-chat-000000000001/requests.parquet"


def test_rows_keep_the_order_of_the_records_and_are_not_ranked(tmp_path: Path) -> None:
    # In order of cell id; by cost, throughput or risk the order would be another.
    slow, fast, middle = (
        cell(f"{name}-chat-00000000000{i}", levels=(level(output_tok_per_s=estimate(rate)),))
        for i, (name, rate) in enumerate((("a", 5.0), ("b", 50.0), ("c", 20.0)))
    )

    found = table(tmp_path, middle, fast, slow)

    assert [r.cell.cell_id[0] for r in found.rows] == ["a", "b", "c"]


def test_two_sweeps_stand_side_by_side_in_the_order_given(tmp_path: Path) -> None:
    facts = write_registry(tmp_path / "facts", FACTS)
    one = write_sweep(tmp_path / "one", cell("z-chat-000000000001"))
    two = write_sweep(tmp_path / "two", cell("a-chat-000000000001"))

    found = join([one, two], judge_config(registry_dirs=(facts,)))

    assert [r.folder.parent.name for r in found.rows] == ["one", "two"]


def test_a_folder_without_records_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FactError, match=re.escape(f"{tmp_path}: no cell records there")):
        join([tmp_path], judge_config())


def test_the_frame_shows_the_reason_where_a_figure_is_missing(tmp_path: Path) -> None:
    frame = table(tmp_path, cell(), failed_cell()).frame()

    assert frame["output_tok_per_s"].tolist() == [10.0, "not measured: not reached"]
    assert frame["output_tok_per_s_n"].isna().tolist() == [False, True]
    # The assumed hazard is a judgement and 0 for an unlisted maker; nothing measured may be 0.
    figures = {column.key for column in COLUMNS if column.kind == "figure"}
    measured = sorted(figures - {"withdrawal_hazard_per_year"})
    assert not (frame[measured] == 0).iloc[1].any()


# --- measured --------------------------------------------------------------------------------


def test_the_headline_is_the_fastest_level_without_failures_or_wrong_lengths() -> None:
    levels = (
        level(name="c1"),
        level(name="c8", output_tok_per_s=estimate(30.0)),
        level(name="c16", output_tok_per_s=estimate(90.0), failed=1),
        level(name="c32", output_tok_per_s=estimate(80.0), length_missed=1),
        level(name="r9", output_tok_per_s=None),
    )

    found = headline(cell(levels=levels))

    assert found is not None
    assert found.name == "c8"


def test_a_cell_whose_every_level_is_void_has_no_figure_and_says_why(tmp_path: Path) -> None:
    found = row(tmp_path, cell(levels=(level(failed=2), level(length_missed=1))))

    for key in ("output_tok_per_s", "ttft_p50_s", "cost_usd_per_mtok_output"):
        assert found.figure(key).value is None
        assert str(found.figure(key).reason).startswith("void: in every level")


def test_a_failed_cell_keeps_its_row_with_stage_and_reason(tmp_path: Path) -> None:
    found = row(tmp_path, failed_cell())

    assert found.text("status") == "failed in serve: port is taken"
    assert found.figure("cost_usd_per_mtok_total").reason == "not measured: not reached"
    assert found.text("gate") == "clear"


def test_a_cpus_figures_are_marked_as_such(tmp_path: Path) -> None:
    found = row(tmp_path, cell())

    assert found.text("evidence") == "measured on a CPU, not what a GPU does"
    assert found.text("hardware") == "A Processor, 2 cores, no GPU"


def test_an_endpoints_figures_are_not_marked_as_this_machines(tmp_path: Path) -> None:
    found = row(tmp_path, endpoint(), API)

    assert found.text("hardware") == "endpoint, hardware unknown"
    assert found.text("evidence") == "measured at an endpoint, hardware not ours"


def test_energy_is_joules_over_output_tokens(tmp_path: Path) -> None:
    found = row(tmp_path, cell(levels=(level(energy_j=720.0, energy_source="rapl"),)))

    # 720 J over 100 tokens; a million of them are 7.2e6 J = 2 kWh at 0.36 USD.
    assert found.figure("energy_j_per_output_tok").value == pytest.approx(7.2)
    assert found.figure("energy_usd_per_mtok_output").value == pytest.approx(0.72)


def test_energy_that_was_not_measured_keeps_its_reason(tmp_path: Path) -> None:
    found = row(tmp_path, cell())

    for key in ("energy_j_per_output_tok", "energy_usd_per_mtok_output"):
        assert found.figure(key).value is None
        assert found.figure(key).reason == "not measured: this machine shows no RAPL counter"


def scored(*scores: Any, **changes: Any) -> Cell:
    stages = cell().stages | {"accuracy": ON}
    return cell(scores=scores, stages=stages, **changes)


def test_a_score_keeps_its_interval_and_sample_size(tmp_path: Path) -> None:
    found = row(tmp_path, scored(score())).figure("accuracy_maths")

    expected = proportion(40, 80)
    assert expected is not None
    assert (found.value, found.low, found.high, found.n) == (0.5, expected.low, expected.high, 80)


def test_a_void_score_shows_why_and_no_value(tmp_path: Path) -> None:
    void = score(value=None, stderr=None, void_reason="60 of 80 answers were cut")

    found = row(tmp_path, scored(void))

    assert found.figure("accuracy_maths").reason == "void: 60 of 80 answers were cut"
    assert found.figure("cost_usd_per_correct").value is None


def test_a_score_of_the_adapter_is_not_the_models(tmp_path: Path) -> None:
    found = row(tmp_path, scored(score(adapter=True)))

    assert found.figure("accuracy_maths").value is None


def test_a_task_that_was_not_asked_says_so(tmp_path: Path) -> None:
    found = row(tmp_path, scored(score()))

    assert found.figure("accuracy_zh").reason == "not measured: not among the tasks"


def test_a_stage_that_was_off_says_so(tmp_path: Path) -> None:
    found = row(tmp_path, cell())

    assert found.figure("accuracy_en").reason == "not measured: switched off"
    assert found.figure("finetune_gain").reason == "not measured: switched off"
    assert found.figure("finetune_cost_usd").reason == "not measured: switched off"


# --- priced ----------------------------------------------------------------------------------


def test_cost_by_hand(tmp_path: Path) -> None:
    # 3.60 USD an hour is 0.001 a second; 10 output tokens a second; a quarter of all is output.
    found = row(tmp_path, cell())

    assert found.figure("cost_usd_per_mtok_output").value == pytest.approx(100.0)
    assert found.figure("cost_usd_per_mtok_total").value == pytest.approx(25.0)
    assert found.figure("cost_at_low_price_usd_per_mtok_output").value == pytest.approx(50.0)
    assert found.figure("cost_at_high_price_usd_per_mtok_output").value == pytest.approx(200.0)


@pytest.mark.parametrize(("tokens_in", "tokens_out", "seconds"), [(300, 100, 10.0), (7, 5000, 33)])
def test_cost_times_tokens_is_the_bill_of_the_window(
    tmp_path: Path, tokens_in: int, tokens_out: int, seconds: float
) -> None:
    one = level(
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        duration_s=seconds,
        output_tok_per_s=estimate(tokens_out / seconds),
    )

    found = row(tmp_path, cell(levels=(one,))).figure("cost_usd_per_mtok_total")

    assert found.value is not None
    assert found.value * (tokens_in + tokens_out) / 1e6 == pytest.approx(3.6 * seconds / 3600)


def test_another_price_changes_costs_and_no_cell_id(tmp_path: Path) -> None:
    cheap = row(tmp_path / "a", cell())
    dear = row(
        tmp_path / "b",
        cell(),
        {
            "pricing.machines.cpu.mid_usd_per_hour": 36.0,
            "pricing.machines.cpu.high_usd_per_hour": 36.0,
        },
    )

    assert dear.text("cell_id") == cheap.text("cell_id")
    assert dear.figure("cost_usd_per_mtok_output").value == pytest.approx(1000.0)
    assert dear.figure("output_tok_per_s").value == cheap.figure("output_tok_per_s").value


@pytest.mark.parametrize("one", [cell(), failed_cell()], ids=["done", "failed"])
def test_a_machine_without_a_price_is_an_error_and_never_free(tmp_path: Path, one: Cell) -> None:
    with pytest.raises(FactError, match=r"no price for hardware cpu; add pricing\.machines\.cpu"):
        row(tmp_path, one, {"pricing.machines": {}})


def test_a_gpu_machine_is_paid_for_the_gpus_that_the_model_uses(tmp_path: Path) -> None:
    on_gpus = cell(
        config={
            "hardware.name": "cpu",  # priced in the test's pricing
            "hardware.kind": "gpu",
            "hardware.gpu_count": 8,
            "model.tensor_parallel_size": 2,
            "model.pipeline_parallel_size": 2,
        },
        cpu_only=False,
        environment=cell().environment | {"gpus": [{"name": "H100"}] * 8},
    )

    found = row(tmp_path, on_gpus)

    assert found.text("hardware") == "4 x H100"
    assert found.text("evidence") == "measured"
    assert found.figure("cost_usd_per_mtok_output").value == pytest.approx(400.0)


def test_the_cost_of_a_correct_answer_by_hand(tmp_path: Path) -> None:
    # 8000 tokens over 80 answers are 100 each, 0.01 USD at 100 USD a million; half are right.
    found = row(tmp_path, scored(score())).figure("cost_usd_per_correct")

    assert found.value == pytest.approx(0.02)


def test_no_correct_answer_has_no_cost(tmp_path: Path) -> None:
    found = row(tmp_path, scored(score(value=proportion(0, 80)))).figure("cost_usd_per_correct")

    assert found.value is None
    assert found.reason == "no bound: no answer was correct"


def test_fine_tuning_by_hand(tmp_path: Path) -> None:
    stages = cell().stages | {"finetune": ON}

    found = row(tmp_path, cell(finetune=finetune_result(), stages=stages))

    assert found.figure("finetune_gain").value == pytest.approx(0.25)  # 45/60 - 30/60
    assert found.figure("finetune_cost_usd").value == pytest.approx(1.8)  # half an hour at 3.60
    assert found.figure("finetune_peak_memory_gib").value == 2.0
    assert found.figure("finetune_seconds").value == 1800.0


def test_an_api_costs_what_its_price_page_says(tmp_path: Path) -> None:
    # 300 tokens in at 0.2 and 100 out at 1.0: 160 over 400.
    found = row(tmp_path, endpoint(), API)

    assert found.figure("cost_usd_per_mtok_output").value == 1.0
    assert found.figure("cost_usd_per_mtok_total").value == pytest.approx(0.4)
    assert found.figure("cost_usd_per_mtok_total").source == "a price page"


def test_an_api_without_a_price_is_an_error_that_says_where_to_add_it(tmp_path: Path) -> None:
    with pytest.raises(FactError, match=r"no API price for tiny; add pricing\.apis\.tiny"):
        row(tmp_path, endpoint())


@pytest.mark.parametrize(
    "key",
    [
        "cost_at_low_price_usd_per_mtok_output",
        "cost_at_high_price_usd_per_mtok_output",
        "energy_usd_per_mtok_output",
        "cost_usd_per_correct",
    ],
)
def test_what_an_api_cannot_have_is_not_called_void_when_its_load_was_clean(
    tmp_path: Path, key: str
) -> None:
    found = row(tmp_path, endpoint(), API).figure(key)

    assert found.value is None
    assert found.reason
    assert not found.reason.startswith("void")


# --- judged ----------------------------------------------------------------------------------


def test_a_model_outside_the_registry_is_not_assessed_and_still_has_its_costs(
    tmp_path: Path,
) -> None:
    unheard = cell(config={"model.key": "new/model", "model.developer": "newcomer"})

    found = row(tmp_path, unheard)

    assert found.text("gate") == "not_assessed"
    assert found.text("developer") == "newcomer"
    assert found.figure("risk_score").value is None
    assert "new/model is not in the registry" in str(found.figure("risk_score").reason)
    assert found.figure("cost_usd_per_mtok_total").value == pytest.approx(25.0)
    assert found.figure("risk_adjusted_usd_per_mtok_total").value is None


def test_risk_is_an_interval_with_its_factors_and_evidence(tmp_path: Path) -> None:
    found = row(tmp_path, risky())

    # listing 0.75 x 0.35 + private 0.25 x 0.2; nothing unknown.
    assert found.figure("risk_score").value == pytest.approx(0.3125)
    assert (found.figure("risk_score").low, found.figure("risk_score").high) == (
        pytest.approx(0.3125),
        pytest.approx(0.3125),
    )
    assert "listing 0.35 x [0.75, 0.75]" in found.text("risk_factors")
    assert "made up for tests" in found.text("risk_evidence")
    assert found.text("headquarters") == "CN"


def test_another_buyer_changes_the_gate_and_no_measurement(tmp_path: Path) -> None:
    private = row(tmp_path / "a", risky())
    defence = row(tmp_path / "b", risky(), {"buyer.profile": "us_defence_contractor"})

    assert private.text("gate") == "clear"
    assert defence.text("gate") == "blocked"
    assert "Acme Ltd. under The flist" in defence.text("gate_reasons")
    assert defence.figure("output_tok_per_s") == private.figure("output_tok_per_s")


def test_facts_are_judged_on_the_day_that_is_asked_for(tmp_path: Path) -> None:
    before = table(tmp_path / "a", risky(), changes={"risk.as_of": "2026-05-31"})
    first = table(tmp_path / "b", risky(), changes={"risk.as_of": "2026-06-01"})

    assert [str(t.day) for t in (before, first)] == ["2026-05-31", "2026-06-01"]
    hazards = [t.rows[0].figure("withdrawal_hazard_per_year").value for t in (before, first)]
    assert hazards == [0.0, 0.11]


# --- resilience ------------------------------------------------------------------------------


def test_a_model_that_may_be_withdrawn_is_priced_with_the_cheapest_safer_fallback(
    tmp_path: Path,
) -> None:
    # Own cost 12.5 (20 tokens a second), fallbacks at 25 and 50 USD per million in and out.
    dear = cell("slow-chat-000000000003", levels=(level(output_tok_per_s=estimate(5.0)),))

    rows = {r.text("model"): r for r in table(tmp_path, cell(), risky(), dear).rows}
    found = rows["risky"]

    assert found.text("fallback").startswith("tiny ")
    # (25 - 12.5) x 1e5 / 150000
    assert found.figure("break_even_hazard_per_year").value == pytest.approx(8.3333, abs=1e-4)
    # p = 1 - exp(-0.33) = 0.281076, in use 2.555238 years:
    # (12.5 x 2.555238 + 25 x 0.444762 + 150000 x 0.281076 / 1e5) / 3 = 14.4937
    adjusted = found.figure("risk_adjusted_usd_per_mtok_total")
    assert adjusted.value == pytest.approx(14.4937, abs=1e-3)
    assert "fallback tiny-chat-000000000001" in adjusted.source


def test_a_model_without_hazard_costs_its_own_cost(tmp_path: Path) -> None:
    found = row(tmp_path, cell())

    own, adjusted = (
        found.figure("cost_usd_per_mtok_total"),
        found.figure("risk_adjusted_usd_per_mtok_total"),
    )
    assert adjusted == own
    assert str(found.figure("break_even_hazard_per_year").reason).startswith("not applicable")


def test_without_a_permitted_safer_model_there_is_no_adjusted_cost(tmp_path: Path) -> None:
    found = row(tmp_path, risky())

    assert found.text("fallback") == "none"
    assert found.figure("risk_adjusted_usd_per_mtok_total").value is None


@pytest.mark.parametrize(
    "other",
    [
        cell(config={"workload.name": "another"}),
        cell(config={"hardware.name": "cpu", "hardware.nvml_name": "other"}),
        cell(config={"model.key": "new/model"}),
        cell(levels=(level(failed=1),)),
        failed_cell(),
        risky("twin-chat-000000000009"),
    ],
    ids=["other workload", "other machine", "not assessed", "void", "failed", "as exposed"],
)
def test_a_model_that_cannot_stand_in_is_no_fallback(tmp_path: Path, other: Cell) -> None:
    rows = table(tmp_path, risky(), other).rows

    [found] = [r for r in rows if r.cell.cell_id.startswith("risky-")]
    assert found.text("fallback") == "none"


def test_a_move_that_costs_nothing_has_no_break_even_and_says_so(tmp_path: Path) -> None:
    rows = table(tmp_path, cell(), risky(), changes={"buyer.switch_cost_usd": 0.0}).rows

    found = next(r for r in rows if r.text("model") == "risky")
    figure = found.figure("break_even_hazard_per_year")
    assert figure.value is None
    assert figure.reason


def test_the_day_of_a_report_is_the_one_judged_by(tmp_path: Path) -> None:
    assert table(tmp_path, cell()).day == DAY


def test_an_estimate_without_ends_stays_without_them(tmp_path: Path) -> None:
    bare = level(output_tok_per_s=Estimate(value=10.0, n=1))

    found = row(tmp_path, cell(levels=(bare,))).figure("cost_usd_per_mtok_output")

    assert (found.value, found.low, found.high) == (pytest.approx(100.0), None, None)
