"""The page in a real browser: it reckons like harness.rank, and anyone can use it."""

import csv
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest

from harness import rank
from harness.report import ranked
from harness.report.clean import clean
from harness.report.join import Table, join_all
from harness.report.page.write import write_html
from tests.builders import cell, failed_cell, judge_config, level, score, write_sweep
from tests.report import synthetic
from tests.report.judging import FACTS, TWIN, risky
from tests.report.page.browsing import ready, turn
from tests.risk.making import write_registry

HOSTILE = '=HYPERLINK("http://evil.example")<b>x</b>\u202egnp'
SHOWN = '=HYPERLINK("http://evil.example")<b>x</b><U+202E>gnp'
"""The same as any reader may see it: the mark that turns text about is a sign."""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> list[Table]:
    """A clean model, a cheaper listed one, a hostile name, a void, a failed and an unknown cell."""
    folder = tmp_path_factory.mktemp("browser")
    accuracy = (score(task="hellaswag_100", metric="acc_norm", output_tokens=None),)
    twin = {"model.name": HOSTILE, "model.key": TWIN}
    sweep = write_sweep(
        folder / "unit",
        cell("a-clean-000000000001", scores=accuracy),
        risky(scores=accuracy),
        cell("c-twin-000000000003", config=twin),
        cell("d-void-000000000004", levels=(level(void=("errors",)),)),
        failed_cell("e-failed-000000000005"),
        cell("f-unknown-000000000006", config={"model.name": "new", "model.key": "new/model"}),
    )
    facts = write_registry(folder / "facts", FACTS)
    judges = [
        judge_config(
            {"buyer.profile": name, "buyer.bound_as": bound, "buyer.mtok_per_year": 500.0},
            (facts,),
        )
        for name, bound in (("private", ["us_person"]), ("defence", ["us_defence_contractor"]))
    ]
    return join_all([sweep], judges)


def ranks(page: Any) -> dict[str, str]:
    rows = page.locator("#explore tbody tr")
    return {
        rows.nth(i).get_attribute("data-cell"): rows.nth(i).locator("td").first.inner_text()
        for i in range(rows.count())
    }


def expected(table: Table, knobs: rank.Knobs) -> dict[str, int | None]:
    """The same ranks by harness.rank: one workload, one way of counting."""
    by_folder = {row.folder: row for row in table.rows}
    cases = [ranked.case(row, by_folder) for row in table.rows]
    values = [rank.adjusted(each, ranked.buyer(table.judge), knobs) for each in cases]
    places = rank.order(values, cases)
    return {row.cell.cell_id: place for row, place in zip(table.rows, places, strict=True)}


def shown(table: Table, knobs: rank.Knobs) -> dict[str, str]:
    return {
        name: "" if place is None else str(place) for name, place in expected(table, knobs).items()
    }


def numbers(found: dict[str, str]) -> dict[str, str]:
    plain = {name: text.removeprefix("≈ ") for name, text in found.items()}
    return {name: text if text.isdigit() else "" for name, text in plain.items()}


def test_the_pages_arithmetic_is_that_of_python_on_random_cases(page: Any) -> None:
    draw = random.Random(1)
    buyer = rank.Buyer(
        mtok_per_year=1e5, horizon_years=3.0, discount_rate_per_year=0.05, utilisation=0.6
    )
    cases, knobs = [], []
    for _ in range(60):
        jumps = tuple((draw.uniform(0.1, 4), draw.random()) for _ in range(draw.choice((0, 1, 2))))
        leave = rank.Leave(
            fallback_usd=draw.uniform(0.01, 2),
            fallback_scales=draw.random() < 0.8,
            unpriced_usd=draw.uniform(0, 2e5),
            measured_usd=draw.uniform(0, 1e4),
            quality_usd_per_year=draw.choice((0.0, 5000.0)),
            hazard_per_year=draw.choice((0.0, draw.uniform(0, 1))),
            jumps=jumps,
        )
        cases.append(
            rank.Case(
                usd=draw.choice((None, draw.uniform(0.01, 2), draw.uniform(0.01, 2))),
                scales=draw.random() < 0.8,
                machine=draw.choice(("", "h100", "b200")),
                permitted=draw.random() < 0.9,
                done=draw.random() < 0.9,
                factors={"listing": (0.1, 0.5), "licence": (draw.random() / 2, 0.8)},
                leave=draw.choice((None, leave)),
            )
        )
        knobs.append(
            rank.Knobs(
                price=draw.uniform(0.1, 5), prices={"h100": draw.uniform(0.1, 5)},
                utilisation=draw.uniform(0.1, 1), hazard=draw.uniform(0, 10),
                weights={"listing": 0.3, "licence": 0.4},
            )
        )  # fmt: skip
    points = [[draw.randint(0, 4) / 4 for _ in range(3)] for _ in range(40)]
    told = json.loads(
        page.evaluate(
            """given => {
              const {cases, knobs, buyer, points} = JSON.parse(given);
              const usd = cases.map((one, i) => rank.adjusted(one, buyer, knobs[i]));
              return JSON.stringify({usd, order: rank.order(usd, cases), front: rank.front(points),
                score: cases.map((one, i) => rank.score(one.factors, knobs[i].weights))});
            }""",
            json.dumps(
                {
                    "cases": [each.model_dump() for each in cases],
                    "knobs": [each.model_dump() for each in knobs],
                    "buyer": buyer.model_dump(),
                    "points": points,
                }
            ),
        )
    )

    usd = [rank.adjusted(c, buyer, k) for c, k in zip(cases, knobs, strict=True)]
    assert told["usd"] == [None if u is None else pytest.approx(u, rel=1e-9) for u in usd]
    assert told["order"] == rank.order(usd, cases)
    assert told["front"] == rank.front(points)
    assert told["score"] == [
        pytest.approx(rank.score(c.factors or {}, k.weights or {}))
        for c, k in zip(cases, knobs, strict=True)
    ]


def test_sliders_and_buyer_rank_anew_as_python_does(page: Any, tables: list[Table]) -> None:
    private, defence = tables
    assert numbers(ranks(page)) == shown(private, rank.Knobs())
    # The listed model is cheaper until a withdrawal is likely enough.
    first = expected(private, rank.Knobs(hazard=0.0))["risky-chat-000000000002"]
    turn(page, "hazard", 0)
    assert first == 1
    assert numbers(ranks(page)) == shown(private, rank.Knobs(hazard=0.0))
    turn(page, "hazard", 10)
    turn(page, "price", 0.1)
    assert numbers(ranks(page)) == shown(private, rank.Knobs(hazard=10.0, price=0.1))
    assert shown(private, rank.Knobs(hazard=10.0, price=0.1)) != shown(
        private, rank.Knobs(hazard=0.0)
    )
    page.eval_on_selector_all("details", "all => all.forEach(each => { each.open = true; })")
    turn(page, "p-cpu", 5)
    dear = rank.Knobs(hazard=10.0, price=0.1, prices={"cpu": 5.0})
    assert numbers(ranks(page)) == shown(private, dear)
    cost = page.locator("[data-cell='a-clean-000000000001'] td").nth(7).inner_text()
    # 25 x 0.1 x 5: whole bill of the clean model; its throughput is 10 within a tenth.
    assert cost == f"12.500 [{12.5 / 1.1:.3f}, {12.5 / 0.9:.3f}] n=10"
    turn(page, "p-cpu", 1)
    page.select_option("#buyer", "1")
    found = numbers(ranks(page))
    assert found == shown(defence, rank.Knobs(hazard=10.0, price=0.1))
    assert found["risky-chat-000000000002"] == ""  # blocked for this buyer


def test_what_failed_is_void_or_unknown_says_so_and_has_no_rank(page: Any) -> None:
    found = ranks(page)

    assert found["e-failed-000000000005"].startswith("not ranked: ")
    assert "failed" in found["e-failed-000000000005"]
    assert found["f-unknown-000000000006"].startswith("not ranked: not assessed")
    text = page.locator("[data-cell='d-void-000000000004']").inner_text()
    assert "void: errors" in text


def test_a_column_sorts_both_ways_with_what_is_missing_last(page: Any) -> None:
    def rates() -> list[str]:
        heads = page.locator("#explore thead th").all_inner_texts()
        place = next(i for i, text in enumerate(heads) if text.startswith("Output throughput"))
        rows = page.locator("#explore tbody tr")
        return [rows.nth(i).locator("th,td").nth(place).inner_text() for i in range(rows.count())]

    page.click("[data-sort='output_tok_per_s']")
    up = rates()
    page.click("[data-sort='output_tok_per_s']")
    down = rates()

    assert [text.split(" ")[0] for text in up[:4]] == ["10", "10", "10", "20"]
    assert down[0].startswith("20")
    assert up[4:] == ["void: errors", "not measured: not reached"] == down[4:]
    assert page.get_attribute("th:has([data-sort='output_tok_per_s'])", "aria-sort") == "descending"


def test_the_filter_narrows_the_table_and_the_export_holds_what_is_shown(page: Any) -> None:
    page.fill("#filter", "hyperlink done")
    with page.expect_download() as download:
        page.click("#export")
    text = Path(download.value.path()).read_text("utf-8")

    assert page.locator("#page-of").inner_text().startswith("1 of 6 cells")
    heads, line = list(csv.reader(io.StringIO(text)))
    values = dict(zip(heads, line, strict=True))
    assert values["Model"] == f"'{SHOWN}"  # a spreadsheet must not take it for a formula
    assert values["Output throughput (tok/s)"] == "10"


def test_a_link_shows_what_its_sender_saw(page: Any, browser: Any) -> None:
    turn(page, "hazard", 2.5)
    page.select_option("#buyer", "1")
    turn(page, "w-listing", 0.9)
    turn(page, "p-cpu", 2)
    page.select_option("#accuracy", "none")
    page.select_option("#model", "2")
    page.fill("#filter", "risky")
    sent, seen = page.evaluate("location.href"), ranks(page)

    other = browser.new_page()
    other.goto(sent)
    ready(other)

    assert ranks(other) == seen
    assert other.input_value("#hazard") == "2.5"
    assert other.input_value("#w-listing") == "0.9"
    assert other.input_value("#buyer") == "1"
    assert other.input_value("#filter") == "risky"
    assert other.input_value("#p-cpu") == "2"
    assert other.input_value("#accuracy") == "none"
    assert other.input_value("#model") == "2"
    assert other.inner_text("#settings") == page.inner_text("#settings")
    other.close()


def test_a_broken_link_gives_the_page_as_judged(browser: Any, address: str) -> None:
    shown = browser.new_page()
    shown.goto(
        f"{address}#hazard=x&price=-4&buyer=99&w.nothing=1&sort=none&page=1e9"
        "&model=7&workload=none&accuracy=model&p.toaster=3&weights=1&prices=2"
    )
    ready(shown)

    assert shown.input_value("#hazard") == "1"
    assert shown.input_value("#price") == "0.1"
    assert shown.locator("#explore tbody tr").count() == 6
    shown.close()


def test_the_front_is_that_of_python_among_what_may_be_used(page: Any, tables: list[Table]) -> None:
    page.select_option("#accuracy", "none")
    private, defence = tables
    said = "#pareto-text:has-text('cost and risk (accuracy is not compared')"
    page.wait_for_selector(said)
    of_private = page.inner_text(said)
    page.select_option("#buyer", "1")
    page.wait_for_selector(f"{said}:not(:has-text('risky'))")
    of_defence = page.inner_text(said)

    names = {clean(row.text("model")) for row in private.rows}
    assert {name for name in names if f" {name}" in of_private} == _front(private)
    assert {name for name in names if f" {name}" in of_defence} == _front(defence)
    assert "risky" in _front(private) - _front(defence)


def _front(table: Table) -> set[str]:
    by_folder = {row.folder: row for row in table.rows}
    points = {}
    for row in table.rows:
        each = ranked.case(row, by_folder)
        usd = rank.adjusted(each, ranked.buyer(table.judge), rank.Knobs())
        if usd is not None and each.done and each.permitted and each.factors:
            points[clean(row.text("model"))] = (
                usd,
                rank.score(each.factors, table.judge.risk.weights),
            )
    on = rank.front(list(points.values()))
    return {name for name, is_on in zip(points, on, strict=True) if is_on}


def test_a_models_risk_adds_up_beside_its_facts_with_source_and_date(
    page: Any, tables: list[Table]
) -> None:
    page.select_option("#model", label="risky")
    page.wait_for_selector("#waterfall-text:has-text('risky: ')")
    page.click("summary:has-text('Its facts')")

    [risky] = [row for row in tables[0].rows if row.text("model") == "risky"]
    factors = ranked.case(risky, {row.folder: row for row in tables[0].rows}).factors
    assert factors
    score = rank.score(factors, tables[0].judge.risk.weights)
    told = page.inner_text("#waterfall-text")
    assert f"the bars end at {score:.2f}, every factor at its middle" in told
    table = risky.figure("risk_score")
    assert table.low is not None
    assert table.high is not None
    assert told.startswith(f"risky: ≈ {table.value:.2f} [{table.low:.2f}, {table.high:.2f}]")
    facts = page.inner_text("#facts")
    assert "nobody: made up for tests" in facts
    assert "2027-" in facts  # review by: ninety days after the day of the test registry


def test_a_hostile_name_is_text(page: Any) -> None:
    row = page.locator("[data-cell='c-twin-000000000003'] th")

    assert row.inner_text() == SHOWN
    assert "\u202e" not in page.content()
    assert page.locator("#explore b").count() == 0


def test_the_page_prints_with_its_tables_and_without_its_knobs(page: Any) -> None:
    page.emulate_media(media="print")

    assert not page.is_visible("#hazard")
    assert page.is_visible("#explore")
    assert page.inner_text("#settings").startswith("Shown: private; prices x 1;")
    page.set_viewport_size({"width": 1030, "height": 700})  # an A4 page on its side
    assert page.evaluate("document.documentElement.scrollWidth") <= 1030
    assert len(page.pdf()) > 20_000
    page.emulate_media(media="screen")


@pytest.mark.parametrize("width", [1280, 380])
def test_no_serious_fault_of_accessibility(page: Any, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page.set_viewport_size({"width": width, "height": 900})
    page.eval_on_selector_all("details", "all => all.forEach(each => { each.open = true; })")

    found = axe.Axe().run(page).response["violations"]

    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in serious] == []


@pytest.mark.slow
def test_ten_thousand_cells_make_a_page_that_is_small_and_soon_ready(
    browser: Any, tmp_path: Path
) -> None:
    sweep = synthetic.write(tmp_path / "many")
    tables = join_all([sweep], [judge_config()])
    write_html(tables, tmp_path / "report.html")

    shown = browser.new_page()
    shown.goto((tmp_path / "report.html").as_uri())
    ready(shown)
    timing = shown.evaluate("performance.now()")
    turn(shown, "hazard", 5)

    assert len(tables[0].rows) == 10_000
    assert (tmp_path / "report.html").stat().st_size < 5_000_000
    assert shown.locator("#explore tbody tr").count() == 50
    assert "stand in summary.parquet" in shown.inner_text("#brackets")
    # From navigation to knobs, table and live plots drawn.
    assert timing < 2000
    shown.close()
