"""harness.report.explain.explain: every figure leads back to its files, and is computed again."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.config import load
from harness.errors import ConfigError, FactError
from harness.records.schema import SearchResult
from harness.report.columns import COLUMNS
from harness.report.explain.explain import EXPLAINERS, explain
from harness.report.explain.explained import Explained, shown
from harness.report.join import Table, join
from tests.builders import (
    cell,
    energy,
    estimate,
    failed_cell,
    finetune_result,
    level,
    score,
    shaped,
)
from tests.report.compare.test_beside import brought
from tests.report.explain.test_raw import request, write
from tests.report.judging import API, ON, endpoint, risky, scored, table
from tests.risk.test_measured import control, gap
from tests.risk.test_measured import found as behaved

EXAMPLE = Path(__file__).parents[3] / "results" / "demo-cpu-example"
FOR_DEFENCE = {"buyer.bound_as": ["us_defence_contractor"]}


@pytest.fixture(scope="module")
def example() -> Table:
    """The committed sweep, judged as shipped."""
    return join([EXAMPLE], load.judge([]))


def one(found: Table, column: str, model: str = "tiny") -> Explained:
    [explained] = explain(found, model, column)
    return explained


def text(explained: Explained) -> str:
    return "\n".join(explained.lines())


def agreed(explained: Explained) -> list[bool | None]:
    return [check.agrees for check in explained.checks]


def test_every_column_has_an_explanation() -> None:
    assert set(EXPLAINERS) == {column.key for column in COLUMNS}


def test_every_column_of_the_committed_example_leads_to_its_sources(example: Table) -> None:
    for column in COLUMNS:
        for model in ("qwen2_5_coder_0_5b", "smollm2_135m"):
            found = one(example, column.key, model)
            assert found.inputs, f"{column.key}: no explanation"
            assert found.meaning
            assert all(each.source for each in found.inputs), column.key
            assert False not in agreed(found), text(found)


def test_every_field_that_is_named_is_in_the_record(example: Table, tmp_path: Path) -> None:
    theirs = brought({"output_tok_per_s": 100.0, "finetune_seconds": 60.0})
    for there in (example, table(tmp_path, theirs)):
        for row in there.rows:
            record = json.loads((row.folder / "cell.json").read_text("utf-8"))
            for column in COLUMNS:
                [told] = explain(there, row.cell.cell_id, column.key)
                for each in told.inputs:
                    match = re.match(r"cell\.json, ([^\s:]+)", each.source)
                    if match and each.value != "none":
                        value = in_record(record, match[1])
                        if isinstance(value, int | float | str):
                            assert each.value.startswith(shown(value)), (column.key, each)


def in_record(record: Any, field: str) -> Any:
    """What stands at this field; a list is asked for its number, or by name or task."""
    for number, key, name in re.findall(r"\[(\d+)\]|\[([^\]]+)\]|([^.\[\]]+)", field):
        if number:
            record = record[int(number)]
        elif key:
            record = next(each for each in record if key in (each.get("name"), each.get("task")))
        else:
            record = record[name]
    return record


def test_every_measured_figure_of_the_example_is_counted_again(example: Table) -> None:
    raw = ("output_tok_per_s", "itl_p99_s", "e2e_p50_s", "bill_usd_per_mtok_total",
           "accuracy_en", "finetune_gain", "finetune_seconds")  # fmt: skip

    again = {key: one(example, key, "smollm2_135m").checks for key in raw}

    for key, checks in again.items():
        files = [c for c in checks if re.search(r"parquet|jsonl|outcome\.json", c.what)]
        assert files, key
        assert all(c.agrees for c in files), key


def test_a_bill_is_shown_with_its_numbers_and_the_price_with_its_source(tmp_path: Path) -> None:
    found = one(table(tmp_path, cell()), "bill_usd_per_mtok_total")

    # 3.6 USD an hour is 0.001 USD a second; ten seconds over 400 tokens.
    assert found.value == pytest.approx(25.0)
    assert "10 s x 0.001 USD/s / 0.0004 million tokens = 25 USD" in found.steps
    assert "made up for tests" in text(found)
    assert "levels[c1].window.output_tokens" in text(found)


@pytest.mark.parametrize(
    ("column", "step"),
    [
        ("cost_usd_per_1000_tasks", "10 s x 0.001 USD/s / (4 / 1000 requests) = 2.5 USD"),
        ("bill_usd_per_mtok_output", "10 s x 0.001 USD/s / 0.0001 million tokens = 100 USD"),
        ("accuracy_maths", "40 right / 80 answered = 0.5 share"),
        # 100 tokens an answer at 100 USD per million, half of the answers right.
        ("cost_usd_per_correct", "0.01 / 0.5 right = 0.02 USD"),
        ("finetune_gain", "0.75 - 0.5 = 0.25 share"),
        ("finetune_cost_usd", "1800 s / 3600 x 3.6 USD / 1 = 1.8 USD"),
        ("finetune_peak_memory_gib", "2,147,483,648 / 1.07374e+09 = 2 GiB"),
        ("idle_power_w", "as recorded: 40 W"),
        # 500 J in ten seconds over a hundred tokens, and at 0.36 USD per kWh.
        ("energy_j_per_output_tok", "500 J / 10 s x 10 s / 100 = 5 J"),
        ("energy_usd_per_mtok_output", "5 J x 1e6 / 3.6e6 x 0.36 = 0.5 USD"),
        ("co2e_g_per_answer", "125 J x 1 / 3.6e6 x 500 = 0.0173611 g"),
    ],
)
def test_formulas_have_their_numbers_put_in(tmp_path: Path, column: str, step: str) -> None:
    metered = level(energy=energy(energy_j=500.0, source="rapl", window_s=10.0, idle_w=40.0))
    tuned = cell().stages | {"accuracy": ON, "finetune": ON}
    whole = cell(levels=(metered,), scores=(score(),), finetune=finetune_result(), stages=tuned)

    found = one(table(tmp_path, whole), column)

    assert step in found.steps
    assert "the formula with these numbers" in text(found) or "the record, against" in text(found)
    assert False not in agreed(found)


def test_split_prices_show_the_levels_as_equations_that_they_solve(tmp_path: Path) -> None:
    # 10 x 100 in and 10 x 10 out in 4 s, 10 x 10 in and 10 x 40 out in 5 s: b = 0.0118 a token.
    two = cell(levels=(shaped(100, 10, 4.0), shaped(10, 40, 5.0)))

    found = one(table(tmp_path, two), "split_usd_per_mtok_output")

    assert "c8-i100-o10: 4 s measured, 4 s fitted" in found.steps
    assert "fitted seconds of these levels add up to the measured ones" in text(found)
    assert False not in agreed(found)


def test_an_api_is_explained_by_its_list(tmp_path: Path) -> None:
    found = one(table(tmp_path, endpoint(), changes=API), "bill_usd_per_mtok_total")

    # 300 tokens in at 0.2 and 100 out at 1.0 USD per million, over 400 tokens.
    assert found.value == pytest.approx(0.4)
    assert "a price page" in text(found)
    assert False not in agreed(found)


def test_requests_that_do_not_bear_the_record_out_are_called_different(tmp_path: Path) -> None:
    found = table(tmp_path, cell())
    rows = [request(0.0, [1.0, 2.0], level="c1"), request(5.0, [6.0, 9.0], level="c1")]
    pd.DataFrame(rows).to_parquet(found.rows[0].folder / "requests.parquet")

    shown = text(one(found, "bill_usd_per_mtok_total"))

    # 24 tokens in ten seconds instead of 400.
    assert "DIFFERS: counts taken again from 2 rows of requests.parquet" in shown
    assert "416.667, not 25" in shown


def test_a_share_of_the_peak_is_recomputed_from_the_servers_counters(tmp_path: Path) -> None:
    used = level()
    busy = level(server=used.server.model_copy(update={"mfu": 0.25, "mbu": None}))
    peak = {"value": 100.0, "source": "a data sheet", "as_of": "2026-11-25"}
    found = table(
        tmp_path,
        cell(levels=(busy,), config={"hardware.peak_dense_bf16_tflops": peak}),
    )
    folder = found.rows[0].folder
    pd.DataFrame([request(0.0, [1.0], level="c1")]).to_parquet(folder / "requests.parquet")
    flops = "vllm:estimated_flops_per_gpu_total"
    pd.DataFrame({"time_s": [0.0, 20.0], flops: [0.0, 5e14]}).to_parquet(
        folder / "server_metrics.parquet"
    )

    shown = one(found, "mfu")

    # 2.5e14 operations in ten seconds of a machine that could do 1e14 a second.
    assert "2.5e+14 / (10 s x 100 x 1e+12) = 0.25 share" in shown.steps
    assert False not in agreed(shown)


def test_restarts_show_the_figure_of_each(tmp_path: Path) -> None:
    again = level(output_tok_per_s=estimate(20.0))
    found = table(
        tmp_path, cell(), cell("tiny-chat-000000000009", config={"repeat": 1}, levels=(again,))
    )

    first, _ = explain(found, "tiny", "output_tok_per_s_restarts")

    assert "(10 + 20) / 2 = 15 tok/s" in first.steps


def test_a_search_shows_each_rate_that_it_tried(tmp_path: Path) -> None:
    probe = level(name="p1", kind="probe", rate_rps=4.0, slo_met=estimate(0.99, 400))
    search = SearchResult(
        objectives="fast",
        rate_rps=4.0,
        failed_rate_rps=4.5,
        probes=("p1",),
        ended="the bracket is narrow",
    )

    found = one(table(tmp_path, cell(levels=(probe,), searches=(search,))), "goodput_rps")

    assert "99.0% of 400 within all objectives" in text(found)
    assert "highest rate that passed: 4 requests/s" in found.steps


def test_behaviour_is_counted_again_in_its_samples(tmp_path: Path) -> None:
    did = gap("zh", 0.0, -0.5, 0.5).model_copy(update={"name": "difference_in_differences"})
    contrasts = gap("en", 0.5, -0.1, 1.0), gap("zh", 0.5, -0.1, 1.0), did
    record = behaved(*contrasts, control("hijack", 1 / 3, 0.1, 0.7))
    on = cell().stages | {"behaviour": ON}
    judged = table(tmp_path, cell(behaviour=record, stages=on))
    arms = ("sensitive_prc", "sensitive_other")
    paired = [
        {"kind": "paired", "language": language, "item_id": item, "group": arm, "label": label}
        for language in ("en", "zh")
        for item, labels in (("one", ("refusal", "substance")), ("two", ("substance",) * 2))
        for arm, label in zip(arms, labels, strict=True)
    ]
    probes = [
        {"kind": "hijack", "group": "en", "language": "en", "item_id": str(i), "label": label}
        for i, label in enumerate(("obeyed", "resisted", "resisted"))
    ]
    write(judged.rows[0].folder / "behaviour" / "samples.jsonl", paired + probes)

    gaps, hijack = one(judged, "evasion_gap_en"), one(judged, "hijack_share")

    assert [check.agrees for check in gaps.checks] == [True, True]
    assert "counted again in behaviour/samples.jsonl: 0.5" in text(gaps)
    assert "the highest of these = 0.333333 share" in hijack.steps
    assert "agrees: en counted again in behaviour/samples.jsonl: 0.333333" in text(hijack)
    assert "gap in Chinese - gap in English" in text(one(judged, "evasion_did_zh"))
    assert "rules" in text(one(judged, "behaviour_conditions"))


def test_a_gate_ends_at_the_fact_and_its_source(tmp_path: Path) -> None:
    found = one(table(tmp_path, cell(), risky(), changes=FOR_DEFENCE), "gate", "risky")

    [why] = [each for each in found.inputs if each.what == "blocked"]
    assert "official" in why.source or "reported" in why.source
    assert any("blocked" in step for step in found.steps)


def test_a_score_shows_weights_intervals_and_the_middle(tmp_path: Path) -> None:
    found = one(table(tmp_path, cell()), "risk_score")

    factors = [each for each in found.inputs if each.what.startswith("factor ")]
    assert len(factors) == 10
    middles = re.findall(r"weight ([\d.e-]+) x \[([\d.]+), ([\d.]+)\]", text(found))
    expected = sum(float(w) * (float(a) + float(b)) / 2 for w, a, b in middles)
    [beside] = [check for check in found.checks if "middle of each interval" in check.what]
    assert float(beside.found) == pytest.approx(expected, rel=1e-4)


def test_a_hazard_is_the_sum_of_its_parts(tmp_path: Path) -> None:
    found = one(table(tmp_path, cell(), risky()), "withdrawal_hazard_per_year", "risky")

    assert "mean of the draws is the sum of the parts" in text(found)
    assert True in agreed(found)


@pytest.mark.parametrize(
    "column",
    ["fallback", "switch_cost_usd", "break_even_hazard_per_year", "warm_fallback_usd",
     "risk_adjusted_usd_per_mtok_total", "below_fallback_share", "recovery_days"],
)  # fmt: skip
def test_what_a_withdrawal_costs_names_the_buyers_numbers(tmp_path: Path, column: str) -> None:
    # The risky model is the cheaper one, so the safe one is what it would fall back on.
    found = one(table(tmp_path, cell(), risky()), column, "risky")

    assert found.reason is None
    assert "us_private.yaml" in text(found) or column == "fallback"
    assert False not in agreed(found)


def test_a_model_without_facts_is_explained_by_what_is_missing(tmp_path: Path) -> None:
    unknown = cell(config={"model.key": "new/model"})

    for column in ("gate", "risk_evidence", "developer", "licence"):
        assert "new/model" in text(one(table(tmp_path, unknown), column)) or column == "licence"


def test_a_figure_that_is_not_there_shows_what_the_stages_say(tmp_path: Path) -> None:
    found = one(table(tmp_path, failed_cell()), "output_tok_per_s")

    assert found.value is None
    assert "port is taken" in text(found)


def test_void_levels_are_named_where_they_leave_no_figure(tmp_path: Path) -> None:
    void = cell(levels=(level(void=("client lagged: 0.2 s",)),))

    assert "client lagged: 0.2 s" in text(one(table(tmp_path, void), "ttft_p50_s"))


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("output_tok_per_s", "no interval published"),
        # 0.001 USD a second over 400 tokens a second, and over two answers a second.
        ("bill_usd_per_mtok_total", "0.001 USD/s / 400 tok/s x 1e6 = 2.5 USD"),
        ("cost_usd_per_1000_tasks", "0.001 USD/s / (100 / 50) x 1000 = 0.5 USD"),
        ("finetune_cost_usd", "1800 s x 0.001 USD/s = 1.8 USD"),
        ("itl_p99_s", "the tool gives a mean"),
        ("level", "prompts of its own"),
        ("evidence", "sometool"),
    ],
)
def test_an_imported_figure_names_the_tool_and_its_file(
    tmp_path: Path, column: str, said: str
) -> None:
    given = {"output_tok_per_s": 100.0, "finetune_seconds": 1800.0}

    found = one(table(tmp_path, brought(given)), column)

    assert said in text(found)
    assert f"sha256 {'ab' * 32}" in text(found)
    assert False not in agreed(found)


def test_a_column_is_found_by_its_title_and_a_model_by_repo_or_cell(tmp_path: Path) -> None:
    found = table(tmp_path, scored(score()))

    for model in ("acme/tiny", "TINY", found.rows[0].cell.cell_id):
        assert explain(found, model, "TTFT p50")[0].column == "ttft_p50_s"


def test_what_is_not_there_is_one_line_with_what_is(tmp_path: Path) -> None:
    found = table(tmp_path, cell())

    with pytest.raises(FactError, match=r"^nope: not among the models of .*; models there: tiny$"):
        explain(found, "nope", "status")
    with pytest.raises(ConfigError, match="did you mean output_tok_per_s"):
        explain(found, "tiny", "output_tok_s")
