"""The page of two buyers with weights of their own: what it shows is what the tables hold."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.report.join import Table, join_all
from harness.report.tables import write_parquet
from tests.builders import cell, failed_cell, judge_config, level, write_sweep
from tests.report.compare.test_beside import brought
from tests.report.judging import FACTS, SAFE, risky
from tests.report.page.browsing import turn
from tests.risk.making import write_registry

CODE = {"workload.content": "code", "workload.name": "code"}
WEIGHTS = {
    "private": {},
    "defence": {"listing": 0.5, "behaviour": 0.21, "compulsion": 0.02, "licence": 0.02,
                "licence_drift": 0.02, "lineage": 0.02, "serving_path": 0.05, "security": 0.06,
                "transparency": 0.05, "replaceability": 0.05},
}  # fmt: skip
BOUND = {"private": ["us_person"], "defence": ["us_defence_contractor"]}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> list[Table]:
    """Two workloads of unlike content, one repo configured twice, an import, what has no rank."""
    folder = tmp_path_factory.mktemp("shown")
    own = {"model.name": "tiny-fp8", "model.key": SAFE}
    sweep = write_sweep(
        folder / "unit",
        cell("a-clean-000000000001"),
        risky(),
        cell("b-code-000000000003", config=CODE),
        cell("c-fp8-000000000004", config=own),
        cell("d-void-000000000005", levels=(level(void=("errors",)),)),
        failed_cell("e-failed-000000000006"),
        brought({"output_tok_per_s": 20.0, "ttft_p50_s": 0.2}, "i-import-000000000007"),
    )
    facts = write_registry(folder / "facts", FACTS)
    judges = [
        judge_config(
            {
                "buyer.profile": name,
                "buyer.bound_as": BOUND[name],
                "buyer.weights": weights or None,
            },
            (facts,),
        ).with_buyers_weights()
        for name, weights in WEIGHTS.items()
    ]
    return join_all([sweep], judges)


def scores(page: Any) -> dict[str, tuple[float | None, float | None]]:
    """Of each cell the score that the table shows, and the page's own arithmetic at its weights."""
    found = page.evaluate(
        """() => JSON.stringify(Object.fromEntries(now.risk.map((risk, i) => {
          const given = chosen(), kind = given.which[i];
          const own = kind === null ? null
            : rank.score(given.factors[kind], weightsFor(given.contents[kind]));
          return [say(live.texts.cell_id[i]), [risk, own]];
        })))"""
    )
    return {name: tuple(pair) for name, pair in json.loads(found).items()}


def cells(page: Any, cell_id: str) -> dict[str, str]:
    """A line of the table of all cells, by heading."""
    heads = page.locator("#explore thead th").all_inner_texts()
    line = page.locator(f"[data-cell='{cell_id}']").locator("th,td").all_inner_texts()
    return {head.split(" ▲")[0]: text for head, text in zip(heads, line, strict=True)}


def test_each_buyers_score_of_each_cell_is_that_of_the_parquet(
    page: Any, tables: list[Table], tmp_path: Path
) -> None:
    write_parquet(tables, tmp_path / "summary.parquet")
    frame = pd.read_parquet(tmp_path / "summary.parquet")
    for number, name in enumerate(WEIGHTS):
        page.select_option("#buyer", str(number))
        wanted = frame[frame["buyer"] == name].set_index("cell_id")["risk_score"]
        found = scores(page)
        assert set(found) == set(wanted.index)
        for cell_id, (shown, own) in found.items():
            assert shown == pytest.approx(wanted[cell_id], rel=1e-4)
            # The table's is the median of draws, the page's own arithmetic takes every middle.
            assert own == pytest.approx(wanted[cell_id], abs=0.012)


def test_what_a_workload_is_about_cuts_the_weights_of_its_cells_alone(page: Any) -> None:
    found = scores(page)

    chat, code = found["a-clean-000000000001"][1], found["b-code-000000000003"][1]
    assert chat is not None
    assert code is not None
    assert abs(chat - code) > 0.02
    assert "for code, behaviour x 0.05 and security x 0.05" in page.inner_text("#settings")


def test_another_buyer_brings_its_own_weights(page: Any) -> None:
    page.eval_on_selector_all("details", "all => all.forEach(each => { each.open = true; })")
    turn(page, "w-listing", 0.9)
    assert "weights changed: listing 0.9" in page.inner_text("#settings")

    page.select_option("#buyer", "1")

    assert page.input_value("#w-listing") == "0.5"
    assert "weights as judged" in page.inner_text("#settings")
    assert "w.listing" not in page.evaluate("location.hash")


def test_every_figure_says_by_a_sign_what_it_is(page: Any) -> None:
    ours, theirs = cells(page, "a-clean-000000000001"), cells(page, "i-import-000000000007")

    assert ours["Output throughput (tok/s)"] == "10 [9, 11] n=10"
    assert theirs["Output throughput (tok/s)"] == "◇ 20"
    for each in (ours, theirs):
        assert each["Risk score at these weights"].startswith("≈ ")
        assert each["Risk-adjusted cost per million tokens (USD)"].startswith("≈ ")
    classes = page.evaluate(
        """() => [...document.querySelectorAll("td.figure")].map(
          cell => [cell.textContent[0], cell.className.split(" ")[1]])"""
    )
    signs = {"imported": "◇", "estimated": "≈"}
    assert {kind for _, kind in classes} == {"measured", "imported", "estimated"}
    for first, kind in classes:
        assert first == signs[kind] if kind in signs else first not in "◇≈"


def test_the_table_and_its_export_hold_intervals_and_what_n_counts(
    page: Any, tables: list[Table]
) -> None:
    [row] = [row for row in tables[0].rows if row.cell.cell_id == risky().cell_id]
    risk, cost = row.figure("risk_score"), row.figure("ranked_usd_per_mtok")
    line = cells(page, risky().cell_id)

    told = line["Risk score at these weights"]
    assert told == f"≈ {risk.value:.2f} [{risk.low:.2f}, {risk.high:.2f}] {risk.n} facts"
    assert (
        f"[{cost.low:.3f}, {cost.high:.3f}] 2,000 draws"
        in (line["Risk-adjusted cost per million tokens (USD)"])
    )
    assert "5% to 95% of draws" in page.inner_text("#brackets")
    with page.expect_download() as download:
        page.click("#export")
    exported = csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8")))
    [found] = [each for each in exported if each["Cell"] == risky().cell_id]
    title = "Risk score at these weights, estimated"
    assert float(found[f"{title}, 5% of draws"]) == pytest.approx(risk.low, rel=1e-4)
    assert float(found[f"{title}, 95% of draws"]) == pytest.approx(risk.high, rel=1e-4)
    assert found[f"{title}, facts"] == str(risk.n)
    assert found["Output throughput (tok/s), low end of 95%"] == "18"
    assert found["Output throughput (tok/s), n"] == "10"


def test_at_weights_of_ones_own_the_brackets_are_said_to_be_of_facts(page: Any) -> None:
    turn(page, "w-listing", 0.9)

    assert "all unknown facts at their best" in page.inner_text("#brackets")
    page.wait_for_selector("#waterfall-text:has-text('at their worst')")


def test_the_waterfalls_score_has_the_interval_of_the_draws(page: Any, tables: list[Table]) -> None:
    page.select_option("#model", label="risky")
    page.wait_for_selector("#waterfall-text:has-text('risky: ')")

    [risk] = [r.figure("risk_score") for r in tables[0].rows if r.text("model") == "risky"]
    ends = page.evaluate("() => JSON.stringify(now.byKind[state.model])")
    assert json.loads(ends)["low"] == pytest.approx(risk.low, rel=1e-4)
    drawn = page.locator("#waterfall .mark-rule path, #waterfall .mark-rule line").all()
    assert drawn[-1].bounding_box()["width"] > 10


def test_why_a_gate_stands_is_read_on_a_phone_and_on_paper(page: Any) -> None:
    page.set_viewport_size({"width": 380, "height": 800})
    for media in ("screen", "print"):
        page.emulate_media(media=media)
        assert page.is_visible("#why")
        told = page.inner_text("#why")
        assert "risky: blocked for defence." in told
        assert "forbids the use of a listed firm's models" in told
        assert "clear for every buyer" in told
    page.emulate_media(media="screen")
    name = page.locator("h3:has-text('What each buyer may use') + div tbody th").first
    assert name.bounding_box()["width"] < 140


def test_two_configurations_of_one_repo_both_stand_by_their_names(page: Any) -> None:
    gates = page.locator("h3:has-text('What each buyer may use') + div tbody th").all_inner_texts()
    choices = page.locator("#model option").all_inner_texts()

    assert {"tiny", "tiny-fp8"} <= set(gates)
    assert {"tiny, chat", "tiny-fp8", "tiny, code"} <= set(choices)


def test_the_facts_say_whose_they_are(page: Any) -> None:
    page.click("summary:has-text('Its facts')")
    assert page.inner_text("#facts-of") == "Weights, levels and findings as judged for private."

    page.select_option("#buyer", "1")
    page.wait_for_selector("#facts-of:has-text('the plot is of defence')")


def test_no_cell_is_kept_from_a_rank_without_a_reason(page: Any) -> None:
    for buyer in ("0", "1"):
        page.select_option("#buyer", buyer)
        told = page.locator("#explore tbody td:first-child").all_inner_texts()
        reasons = {each for each in told if not each.startswith("≈ ")}
        assert all(len(each) > len("not ranked: ") for each in reasons)
        assert not any("clear" in each or each.endswith("done") for each in reasons)
        assert {"not ranked: void: errors"} <= reasons


def test_on_paper_plots_stand_two_a_row_and_each_model_has_a_waterfall(page: Any) -> None:
    page.wait_for_selector("body[data-drawn]")
    page.set_viewport_size({"width": 1030, "height": 700})  # an A4 page on its side
    page.emulate_media(media="print")

    page.wait_for_selector("#paper figure")
    judged = page.evaluate("chosen().factors.length")
    assert page.locator("#paper figure").count() == judged
    assert page.locator("#paper figcaption").first.inner_text().count("≈") == 1
    first, second = (page.locator(".charts .plot").nth(i).bounding_box() for i in (0, 1))
    assert first["y"] == second["y"]
    assert first["x"] + first["width"] <= second["x"]
    for plot in page.locator(".charts .plot").all():
        box = plot.bounding_box()
        for drawn in plot.locator("svg.marks").all():
            assert drawn.bounding_box()["width"] <= box["width"] + 1
    assert page.evaluate("getComputedStyle(document.querySelector('.plot')).breakInside") == "avoid"
    # With a button in it a heading would stand on the first sheet only.
    assert page.is_hidden("#explore th button >> nth=0")
    assert page.is_visible("#explore th .on-paper >> nth=0")
    page.emulate_media(media="screen")
