"""harness.report.workbook: what a reader may change recomputes as Python would have judged it."""

import subprocess
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

from harness import rank
from harness.report import ranked
from harness.report.columns import COLUMNS
from harness.report.join import Table, join_all
from harness.report.rows import Row
from harness.report.workbook import plan, risk
from harness.report.workbook.book import defined_name
from harness.report.workbook.money import SHEET as RESILIENCE
from harness.report.workbook.sheets import LEAD, TABLES
from harness.report.workbook.write import write_xlsx
from harness.risk.hazard import HazardDraws
from tests.builders import (
    cell,
    failed_cell,
    judge_config,
    level,
    parse_shipped_once,
    score,
    write_sweep,
)
from tests.report.judging import API, FACTS, TWIN, endpoint, risky
from tests.risk.making import write_registry

HOSTILE = '=HYPERLINK("http://evil.example","x")<b>\u202egnp'
LONG = "=1+" + "x" * 40_000
IMPORTED = "imported from somebody's bench 1.0; no interval published"
PRICE, UTILISATION, HAZARD, LISTING = 2.7, 0.5, 20.0, 0.6
CHANGES = {
    "usd_per_hour_cpu": PRICE, "utilisation": UTILISATION, "hazard_multiplier": HAZARD,
    "weight_listing": LISTING,
}  # fmt: skip
OWN_WEIGHTS = {
    "listing": 0.3, "compulsion": 0.1, "licence": 0.1, "licence_drift": 0.1, "lineage": 0.1,
    "serving_path": 0.1, "behaviour": 0.05, "security": 0.05, "transparency": 0.05,
    "replaceability": 0.05,
}  # fmt: skip
# Dearer than the machines, or nothing else would ever be the cheapest.
DEAR_API = {
    "pricing.apis": {
        "tiny": API["pricing.apis"]["tiny"]
        | {"input_usd_per_mtok": 50.0, "output_usd_per_mtok": 100.0}
    }
}
PRICED = tuple(column for column in COLUMNS if column.priced)
# A name that this file's readers look lines up by stands on one cell only.
CLEAN, RISKY, DATED, NEW, API_NAME = "clean", "risky", "dated", "new", "tiny"


def made(folder: Path, changes: dict[str, Any] | None = None) -> list[Table]:
    """Judged for a buyer who may use the listed model, and for one with own weights who may not."""
    accuracy = (score(task="hellaswag_100", metric="acc_norm", output_tokens=None),)
    sweep = folder / "unit"
    if not sweep.exists():
        write_sweep(
            sweep,
            cell("a-clean-000000000001", scores=accuracy, config={"model.name": CLEAN}),
            risky("b-risky-000000000002", scores=accuracy),
            risky("c-dated-000000000003", config={
                "model.name": DATED, "model.key": "risky/tiny", "model.developer": "risky",
            }),
            cell("d-twin-000000000004", config={"model.name": HOSTILE, "model.key": TWIN}),
            cell("e-void-000000000005", levels=(level(void=("errors",)),),
                 config={"model.name": LONG}),
            failed_cell("f-failed-000000000006", config={"model.name": "broken"}),
            cell("g-new-000000000007", config={"model.name": NEW, "model.key": "new/model"}),
            endpoint(cell_id="h-api-000000000008"),
        )  # fmt: skip
        write_registry(folder / "facts", FACTS)
    judges = [
        judge_config(
            DEAR_API | weights | (changes or {})
            | {"buyer.profile": name, "buyer.bound_as": bound, "buyer.mtok_per_year": 500.0},
            (folder / "facts",),
        ).with_buyers_weights()
        for name, bound, weights in (
            ("private", ["us_person"], {}),
            ("defence", ["us_defence_contractor"], {"buyer.weights": OWN_WEIGHTS}),
        )
    ]  # fmt: skip
    tables = join_all([sweep], judges)
    for table in tables:
        # Two days on which an instrument begins to bite, and one beyond the buyer's horizon.
        dated = by_model(table)[DATED]
        assert dated.hazard is not None
        days = [(0.5, np.full(2000, 0.3)), (1.5, np.full(2000, 0.2)), (90.0, np.full(2000, 0.9))]
        dated.hazard = HazardDraws(dated.hazard.rate, days)
        by_model(table)[HOSTILE].values["evidence"] = IMPORTED
    return tables


def by_model(table: Table) -> dict[str, Row]:
    """Its rows by the model's name."""
    return {row.text("model"): row for row in table.rows}


@dataclass
class Files:
    """The workbook as written, and computed anew by LibreOffice with and without changes."""

    written: Path
    same: Path
    changed: Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        parse_shipped_once(patch)
        yield tmp_path_factory.mktemp("workbook")


@pytest.fixture(scope="module")
def tables(folder: Path) -> list[Table]:
    return made(folder)


@pytest.fixture(scope="module")
def rejudged(folder: Path) -> list[Table]:
    """Judged anew by Python at the price and the utilisation that a reader puts in."""
    prices = {
        f"pricing.machines.cpu.{tier}_usd_per_hour": PRICE * factor
        for tier, factor in (("low", 0.5), ("mid", 1.0), ("high", 2.0))
    }
    return made(folder, prices | {"pricing.utilisation": UTILISATION})


@pytest.fixture(scope="module")
def files(tables: list[Table], folder: Path) -> Files:
    written = folder / "summary.xlsx"
    write_xlsx(tables, written)
    book = load(written, formulas=True)
    book.save(folder / "same.xlsx")  # drops every computed value
    for line in book["Assumptions"].iter_rows(min_row=2):
        if line[5].value in CHANGES:
            line[1].value = CHANGES[line[5].value]
    book.save(folder / "changed.xlsx")
    out = folder / "recalculated"
    subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{folder}/office", "--headless", "--convert-to",
         "xlsx", "--outdir", str(out), str(folder / "same.xlsx"), str(folder / "changed.xlsx")],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    return Files(written, out / "same.xlsx", out / "changed.xlsx")


def load(file: Path, *, formulas: bool = False) -> Any:
    with warnings.catch_warnings():
        # openpyxl does not know the newer kind of data bar.
        warnings.filterwarnings("ignore", message=".*extension is not supported")
        return openpyxl.load_workbook(file, data_only=not formulas)


def lines(file: Path, sheet: str, heading: str = "Model") -> list[dict[str, Any]]:
    """The lines of a sheet, or of the memo's table that begins with these headings."""
    rows = list(load(file)[sheet].iter_rows(values_only=True))
    first = next(i for i, row in enumerate(rows) if heading in row)
    found = []
    for row in rows[first + 1 :]:
        if row[0] is None:
            break
        found.append({str(head): value for head, value in zip(rows[first], row, strict=True)})
    return found


def resilience(file: Path, buyer: str) -> dict[str, dict[str, Any]]:
    return {line["Model"]: line for line in lines(file, RESILIENCE) if line["Buyer"] == buyer}


def starting(line: dict[str, Any], text: str) -> Any:
    [value] = [value for head, value in line.items() if head.startswith(text)]
    return value


# --- what recomputes -------------------------------------------------------------------------


def test_without_a_change_every_formula_gives_what_python_wrote_beside_it(files: Files) -> None:
    formulas, written, same = (
        load(files.written, formulas=True),
        load(files.written),
        load(files.same),
    )

    compared = 0
    for sheet in formulas:
        for line in sheet.iter_rows():
            for place in line:
                if place.data_type != "f":
                    continue
                was = written[sheet.title][place.coordinate].value
                now = same[sheet.title][place.coordinate].value
                if isinstance(was, str | None):
                    assert (now or "") == (was or ""), (sheet.title, place.coordinate)
                else:
                    assert now == pytest.approx(was, rel=1e-9), (sheet.title, place.coordinate)
                compared += 1
    assert compared > 100


def test_every_cost_recomputes_as_python_judges_at_the_changed_price(
    files: Files, rejudged: list[Table]
) -> None:
    found = list(load(files.changed)["Cost"].iter_rows(values_only=True))[1:]
    places = {key: 4 + 4 * number for number, key in enumerate(TABLES["Cost"])}

    compared = 0
    for line, row in zip(found, rejudged[0].rows, strict=True):
        for column in PRICED:
            if column.key not in places:
                continue  # fine-tuning's, on another sheet
            figure, place = row.figure(column.key), places[column.key]
            shown = line[place : place + 4]
            if figure.value is None:
                assert shown[0] == figure.reason
                continue
            for value, end in zip(
                shown, (figure.value, figure.low, figure.high, figure.n), strict=True
            ):
                assert value == (end if end is None else pytest.approx(end, rel=1e-9)), column.key
            compared += 1
    assert compared > 15


def test_a_price_per_token_of_a_hosted_api_moves_with_no_machine(files: Files) -> None:
    place = next(
        line for line in load(files.written, formulas=True)["Cost"].iter_rows(min_row=2)
        if line[0].value == API_NAME
    )  # fmt: skip

    assert isinstance(place[4].value, float)  # and no formula


@pytest.mark.parametrize("number", [0, 1], ids=["private", "defence"])
def test_cost_with_risk_and_its_rank_recompute_as_python_ranks_at_the_changed_price(
    files: Files, rejudged: list[Table], number: int
) -> None:
    table = rejudged[number]
    by_folder = {row.folder: row for row in table.rows}
    cases = [ranked.case(row, by_folder) for row in table.rows]
    knobs = rank.Knobs(hazard=HAZARD)  # price and utilisation are in the costs already
    usd = [rank.adjusted(case, ranked.buyer(table.judge), knobs) for case in cases]
    places = rank.order(usd, cases)

    found = [
        line for line in lines(files.changed, RESILIENCE)
        if line["Buyer"] == table.judge.buyer.profile
    ]  # fmt: skip

    shown = {line["Model"][:20]: line for line in found}
    for row, value, place in zip(table.rows, usd, places, strict=True):
        line = shown[row.text("model")[:20].replace("\u202e", "<U+202E>")[:20]]
        adjusted = starting(line, "ƒ Risk-adjusted cost")
        if value is None:
            assert isinstance(adjusted, str), row.text("model")
        else:
            assert adjusted == pytest.approx(value, rel=1e-9), row.text("model")
        assert line["ƒ Rank"] == (place or "not ranked"), row.text("model")


def test_a_high_hazard_puts_the_cheap_listed_model_behind_the_clean_one(files: Files) -> None:
    before, after = resilience(files.same, "private"), resilience(files.changed, "private")

    assert before[RISKY]["ƒ Rank"] < before[CLEAN]["ƒ Rank"]
    assert after[RISKY]["ƒ Rank"] > after[CLEAN]["ƒ Rank"]
    [was] = {line["As judged"] for line in lines(files.changed, "Decision", "Buyer")[:1]}
    [now] = {starting(line, "ƒ Cheapest") for line in lines(files.changed, "Decision", "Buyer")[:1]}
    assert was != now


def test_break_even_recomputes_and_says_where_known_days_leave_it_without_a_formula(
    files: Files, rejudged: list[Table]
) -> None:
    table = rejudged[0]
    row, buyer = by_model(table)[RISKY], table.judge.buyer
    case = ranked.case(row, {each.folder: each for each in table.rows})
    assert case.leave is not None
    assert case.usd is not None
    # ((c1 - c) V + q) / R of docs/resilience.md
    saved = (case.leave.fallback_usd - case.usd) * buyer.mtok_per_year
    saved += case.leave.quality_usd_per_year
    moving = case.leave.unpriced_usd + case.leave.measured_usd

    found = resilience(files.changed, "private")

    assert starting(found[RISKY], "ƒ Break-even") == pytest.approx(saved / moving, rel=1e-9)
    assert "no closed form" in starting(found[DATED], "ƒ Break-even")
    assert found[DATED]["Days that are known"].count("probability") == 3


def test_scores_recompute_at_the_weights_of_the_buyer_whose_weights_were_changed(
    files: Files, tables: list[Table]
) -> None:
    found = {(line["Buyer"], line["Model"]): line for line in lines(files.changed, "Risk")}
    row = by_model(tables[0])[RISKY]
    assert row.judged is not None
    factors = {str(f.name): (f.low, f.high) for f in row.judged.assessment.factors}
    changed = tables[0].judge.risk.weights | {"listing": LISTING}
    own = by_model(tables[1])[RISKY].judged
    assert own is not None
    theirs = {str(f.name): (f.low, f.high) for f in own.assessment.factors}

    scores = {key: starting(line, "ƒ Risk score") for key, line in found.items()}

    assert scores["private", RISKY] == pytest.approx(rank.score(factors, changed), abs=1e-9)
    assert scores["defence", RISKY] == pytest.approx(rank.score(theirs, OWN_WEIGHTS), abs=1e-9)
    ranks = {model: starting(found["private", model], "ƒ Rank") for model in (RISKY, CLEAN)}
    assert ranks[RISKY] > ranks[CLEAN] >= 1


def test_the_memo_says_which_assumptions_were_changed(files: Files) -> None:
    def said(file: Path) -> list[str]:
        texts = (row[0] for row in load(file)["Decision"].iter_rows(values_only=True))
        return [text for text in texts if text and "ssumption" in text and "ƒ" not in text]

    assert said(files.same) == ["All assumptions stand as judged."]
    assert [text[:23] for text in said(files.changed)] == ["4 assumption(s) CHANGED"]
    marked = lines(files.changed, "Assumptions", "Assumption")
    assert {line["Name"] for line in marked if line["Changed?"] == "changed"} == set(CHANGES)


def test_a_machine_of_any_name_gets_a_name_that_formulas_can_use() -> None:
    assert defined_name("usd_per_hour", "H100 (80 GB)", []) == "usd_per_hour_h100_80_gb"
    assert defined_name("p", "é=1", ["p_1"]) == "p_1_2"


# --- what a reader meets ---------------------------------------------------------------------


def test_the_memo_has_question_answer_verdicts_by_buyer_and_what_is_missing(files: Files) -> None:
    texts = [row[0] for row in load(files.written)["Decision"].iter_rows(values_only=True)]
    verdicts = {line["Model"]: line for line in lines(files.written, "Decision", "Headquarters")}
    figures = {line["Model"]: line for line in lines(files.written, "Decision", "Evidence")}
    missing = lines(files.written, "Decision", "Of how many")

    assert any(str(text).startswith("Question: which of these") for text in texts)
    assert "Evidence and arithmetic, not legal advice." in texts
    assert any(str(text).startswith("CPU figures") for text in texts)
    assert (verdicts[RISKY]["private"], verdicts[RISKY]["defence"]) == ("✓ clear", "✗ blocked")
    assert verdicts[NEW]["private"] == "? not assessed"
    why = {(line["Model"], line["For"]): line for line in lines(files.written, "Decision", "For")}
    assert why[RISKY, "defence"]["Verdict"] == "✗ blocked"
    assert "flist" in why[RISKY, "defence"]["Why"]
    assert why[NEW, "private, defence"]["Why"].startswith("not assessed: new/model is not in")
    # 40 of 80 right: Wilson's interval is 0.393 to 0.607
    assert starting(figures[RISKY], "Accuracy") == 0.5
    assert figures[RISKY]["95% interval, and n"] == "[0.393, 0.607] n=80"
    assert {"Energy per output token (J)", "Fine-tuning: held-out gain (share)"} <= {
        line["Figure"] for line in missing
    }
    assert all(line["Why"] for line in missing)


def test_void_failed_blocked_and_unknown_say_why_and_rank_nowhere(files: Files) -> None:
    for buyer, reasons in (
        ("private", {"broken": "failed in serve", NEW: "not assessed", LONG: "void: errors"}),
        ("defence", {RISKY: "gate: blocked"}),
    ):
        found = resilience(files.written, buyer)
        for model, reason in reasons.items():
            [line] = [line for name, line in found.items() if name[:9] == model[:9]]
            assert line["ƒ Rank"] == "not ranked"
            assert reason in line["Why not"]
    memo = lines(files.written, "Decision", "Evidence")
    assert {line["Model"] for line in memo if starting(line, "ƒ Rank") == "not ranked"} >= {
        "broken", NEW,
    }  # fmt: skip
    risk = [line for line in lines(files.written, "Risk") if line["Model"] == NEW]
    assert {starting(line, "ƒ Rank") for line in risk} == {"not ranked"}


def test_a_missing_figure_is_its_reason_and_no_number(files: Files) -> None:
    figures = lines(files.written, "Figures")
    void = [line for line in figures if line["Cell"] == "e-void-000000000005"]

    assert {line["Reason"] for line in void if line["Unit"] == "tok/s"} == {"void: errors"}
    assert all((line["Value, as judged"] is None) == bool(line["Reason"]) for line in figures)


def test_every_underlined_figure_leads_to_its_own_evidence(files: Files) -> None:
    book, values = load(files.written, formulas=True), load(files.written)
    head, *rows = values["Figures"].iter_rows(values_only=True)
    evidence = [dict(zip(head, row, strict=True)) for row in rows]

    followed = 0
    for name in ("Cost", "Accuracy", "Throughput", RESILIENCE):
        titles = [place.value for place in book[name][1]]
        for line in book[name].iter_rows(min_row=2):
            for place in line:
                if place.hyperlink is None:
                    continue
                target = int(place.hyperlink.location.split("!A")[1])
                found = evidence[target - 2]
                shown = values[name][place.coordinate].value
                assert found["Model"] == line[0].value
                assert found["Figure"] in titles[place.column - 1]
                assert shown in (found["Value, as judged"], found["Reason"])
                followed += 1
    assert followed > 50


def test_what_others_measured_carries_their_sign_before_every_number(files: Files) -> None:
    shown = {line[0].value: line for line in load(files.written)["Cost"].iter_rows(min_row=2)}
    [theirs] = [line for name, line in shown.items() if str(name).startswith("=HYPERLINK")]

    assert theirs[3].value.startswith("◇ imported")
    assert theirs[4].number_format.startswith('"◇ "')
    assert shown[CLEAN][3].value.startswith("● measured")
    assert "◇" not in shown[CLEAN][4].number_format


def test_hostile_names_are_text_are_cut_and_turn_nothing_round(files: Files) -> None:
    found = 0
    for sheet in load(files.written, formulas=True):
        for line in sheet.iter_rows():
            for place in line:
                text = str(place.value)
                if place.data_type == "f":
                    assert "evil" not in text, place.coordinate
                    assert "xxx" not in text, place.coordinate
                    continue
                assert len(text) <= 32_767
                assert "\u202e" not in text
                found += text.startswith(("=HYPERLINK", "=1+xxx"))
    assert found > 10


def test_rules_of_colour_also_show_in_grey(files: Files) -> None:
    rules = [
        rule
        for sheet in load(files.written, formulas=True)
        for ranges in sheet.conditional_formatting
        for rule in ranges.rules
    ]

    assert {rule.type for rule in rules} == {"cellIs", "beginsWith", "dataBar"}
    for rule in rules:
        if rule.type != "dataBar":
            assert rule.dxf.font.b or rule.dxf.font.strike


def test_headings_stay_in_sight_and_every_column_has_a_place(files: Files) -> None:
    book = load(files.written)
    placed = {key for keys in TABLES.values() for key in keys} | set(LEAD)
    headings = {
        str(place.value).removeprefix("ƒ ")
        for sheet in book if sheet.title not in ("Glossary", "Decision")
        for place in sheet[1]
    }  # fmt: skip
    # The factors have a column each, and a line for every fact.
    elsewhere = {"risk_evidence", "fallback"}

    assert all(sheet.freeze_panes for sheet in book)
    # On paper a wide sheet takes several pages beside each other instead of tiny print.
    assert (book["Decision"].page_setup.fitToWidth or 1) <= 2
    assert (book["Cost"].page_setup.fitToWidth or 1) >= 3
    for column in COLUMNS:
        if column.key not in placed | elsewhere:
            names = (column.title, column.title.split(",")[0])
            assert any(head.startswith(names) for head in headings), column.key


def test_the_facts_behind_risk_have_source_dates_and_confidence(files: Files) -> None:
    facts = [line for line in lines(files.written, risk.FACTS) if line["Model"] == RISKY]
    listed = [line for line in facts if line["Question"] == "listing" and line["Source"]]

    assert listed
    assert all(line["Publisher"] and line["Read"] and line["Confidence"] for line in listed)
    gates = {(line["Buyers"], line["Instrument"]) for line in facts if line["Question"] == "gate"}
    assert ("defence", "flist") in gates


def test_the_glossary_defines_every_column(files: Files) -> None:
    found = {line["Key"]: line for line in lines(files.written, "Glossary", "Key")}

    assert [c.key for c in COLUMNS if not found[c.key]["Meaning"]] == []


# --- very many cells, and failure ------------------------------------------------------------


def test_of_very_many_cells_the_memos_have_sheets_and_the_memo_says_so(
    tables: list[Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "MOST_FIGURES", 170)

    write_xlsx(tables, tmp_path / "summary.xlsx")

    texts = [
        row[0] for row in load(tmp_path / "summary.xlsx")["Decision"].iter_rows(values_only=True)
    ]
    memo = lines(tmp_path / "summary.xlsx", "Decision", "Evidence")
    assert "The other sheets hold the cells of table 3; summary.csv holds all." in texts
    assert any("such choices more are in summary.csv" in str(text) for text in texts)
    assert len(lines(tmp_path / "summary.xlsx", "Cost")) == len(memo) < len(tables[0].rows)
    assert sorted(starting(line, "ƒ Rank") for line in memo) == [1, 2]  # the cheapest stay


def test_a_failure_on_the_way_leaves_the_old_file_and_no_half_of_a_new_one(
    tables: list[Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "summary.xlsx").write_text("old")

    def fails(*_: object) -> None:
        raise RuntimeError("on the way")

    monkeypatch.setattr("harness.report.workbook.write.write_glossary", fails)

    with pytest.raises(RuntimeError, match="on the way"):
        write_xlsx(tables, tmp_path / "summary.xlsx")

    assert [path.name for path in tmp_path.iterdir()] == ["summary.xlsx"]
    assert (tmp_path / "summary.xlsx").read_text() == "old"
