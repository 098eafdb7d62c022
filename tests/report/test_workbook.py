"""harness.report.workbook: what a reader may change recomputes as Python would have judged it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from harness import rank
from harness.report import live
from harness.report.columns import COLUMNS
from harness.report.join import Table, join_all
from harness.report.workbook import write_xlsx
from tests.builders import (
    cell,
    failed_cell,
    judge_config,
    level,
    parse_shipped_once,
    score,
    write_sweep,
)
from tests.report.judging import FACTS, TWIN, risky
from tests.risk.making import write_registry

HOSTILE = '=HYPERLINK("http://evil.example","x")<b>\u202egnp'
PRICE, UTILISATION, HAZARD, LISTING = 9.0, 0.5, 20.0, 0.6


def made(folder: Path, changes: dict[str, Any] | None = None) -> list[Table]:
    """A clean model, a cheaper listed one, a hostile name, a void, a failed and an unknown cell."""
    accuracy = (score(task="hellaswag_100", metric="acc_norm", output_tokens=None),)
    sweep = folder / "unit"
    if not sweep.exists():
        write_sweep(
            sweep,
            cell("a-clean-000000000001", scores=accuracy),
            risky(scores=accuracy),
            cell("c-twin-000000000003", config={"model.name": HOSTILE, "model.key": TWIN}),
            cell("d-void-000000000004", levels=(level(void=("errors",)),)),
            failed_cell("e-failed-000000000005"),
            cell("f-new-000000000006", config={"model.name": "new", "model.key": "new/model"}),
        )
        write_registry(folder / "facts", FACTS)
    judges = [
        judge_config(
            {"buyer.profile": name, "buyer.bound_as": bound, "buyer.mtok_per_year": 500.0}
            | (changes or {}),
            (folder / "facts",),
        )
        for name, bound in (("private", ["us_person"]), ("defence", ["us_defence_contractor"]))
    ]
    return join_all([sweep], judges)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        parse_shipped_once(patch)
        yield tmp_path_factory.mktemp("workbook")


@pytest.fixture(scope="module")
def tables(folder: Path) -> list[Table]:
    return made(folder)


@pytest.fixture(scope="module")
def file(tables: list[Table], folder: Path) -> Path:
    write_xlsx(tables, folder / "summary.xlsx")
    return folder / "summary.xlsx"


def lines(file: Path, sheet: str, head: str, head_line: int = 1) -> dict[str, dict[str, Any]]:
    """The lines of a sheet by the value in the column `head`."""
    book = openpyxl.load_workbook(file, data_only=True)
    rows = list(book[sheet].iter_rows(values_only=True))[head_line - 1 :]
    named = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    return {str(row[head]): row for row in named if row.get(head) is not None}


def starting(line: dict[str, Any], text: str) -> Any:
    [value] = [value for head, value in line.items() if head and str(head).startswith(text)]
    return value


@pytest.fixture(scope="module")
def recalculated(file: Path, folder: Path) -> Path:
    """The file with four assumptions changed, computed anew by LibreOffice."""
    book = openpyxl.load_workbook(file)
    changes = {
        "usd_per_hour_cpu": PRICE, "utilisation": UTILISATION, "hazard_multiplier": HAZARD,
        "weight_listing": LISTING,
    }  # fmt: skip
    for line in book["Assumptions"].iter_rows(min_row=2):
        if line[5].value in changes:
            line[1].value = changes[line[5].value]
    book.save(folder / "changed.xlsx")
    out = folder / "recalculated"
    profile = f"-env:UserInstallation=file://{folder}/office"
    subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", "xlsx", "--outdir", str(out),
         str(folder / "changed.xlsx")],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    return out / "changed.xlsx"


def test_costs_recompute_as_python_judges_at_the_changed_price(
    recalculated: Path, folder: Path
) -> None:
    prices = {
        f"pricing.machines.cpu.{tier}_usd_per_hour": PRICE * factor
        for tier, factor in (("low", 0.5), ("mid", 1.0), ("high", 2.0))
    }
    judged = made(folder, prices | {"pricing.utilisation": UTILISATION})[0]

    found = lines(recalculated, "Cost", "Model")

    by_name = {row.text("model"): row for row in judged.rows}
    for name in ("risky", "new"):
        line = found[name]
        for key in ("Whole bill per million tokens, in", "Cost of 1,000 tasks"):
            column = {"W": "bill_usd_per_mtok_total", "C": "cost_usd_per_1000_tasks"}[key[0]]
            assert starting(line, f"ƒ {key}") == pytest.approx(
                by_name[name].figure(column).value, rel=1e-9
            )


def test_adjusted_cost_rank_and_score_recompute_as_harness_rank_does(
    recalculated: Path, tables: list[Table]
) -> None:
    table = tables[0]
    weights = dict(table.judge.risk.weights_for("chat")) | {"listing": LISTING}
    knobs = rank.Knobs(
        price=PRICE / 3.6, utilisation=UTILISATION, hazard=HAZARD,
        weights={str(name): weight for name, weight in weights.items()},
    )  # fmt: skip
    by_folder = {row.folder: row for row in table.rows}
    cases = [live.case(row, by_folder) for row in table.rows]
    usd = [rank.adjusted(case, live.buyer(table), knobs) for case in cases]
    found = lines(recalculated, "Resilience", "Model")

    [risky_at] = [i for i, row in enumerate(table.rows) if row.text("model") == "risky"]
    line = found["risky"]
    assert starting(line, "ƒ Risk-adjusted cost") == pytest.approx(usd[risky_at], rel=1e-6)
    # Cheaper at first; with twenty times the hazard it is no longer.
    before = lines(recalculated.parent.parent / "summary.xlsx", "Resilience", "Model")
    assert starting(before["risky"], "ƒ Rank") == 1
    assert starting(line, "ƒ Rank") > 1
    assert starting(found["new"], "ƒ Rank") == "not ranked"
    memo = lines(recalculated, "Decision", "Model", head_line=11)
    assert starting(memo["risky"], "ƒ Rank") == starting(line, "ƒ Rank")
    factors = cases[risky_at].factors or {}
    assert starting(memo["risky"], "ƒ Risk score") == pytest.approx(
        rank.score(factors, knobs.weights or {}), abs=1e-9
    )


def test_the_memo_says_that_assumptions_were_changed_and_which(
    recalculated: Path, file: Path
) -> None:
    def state(path: Path) -> str:
        book = openpyxl.load_workbook(path, data_only=True)
        texts = [row[0] for row in book["Decision"].iter_rows(values_only=True) if row[0]]
        return next(text for text in texts if "ssumption" in text and "ƒ" not in text)

    assert state(file) == "All assumptions stand as judged."
    assert state(recalculated).startswith("4 assumption(s) CHANGED")
    marked = lines(recalculated, "Assumptions", "Name")
    assert [name for name, line in marked.items() if line["Changed?"] == "changed"] == [
        "usd_per_hour_cpu", "utilisation", "hazard_multiplier", "weight_listing",
    ]  # fmt: skip


def test_before_any_change_formulas_show_what_python_computed(
    file: Path, tables: list[Table]
) -> None:
    found = lines(file, "Cost", "Model")

    by_name = {row.text("model"): row for row in tables[0].rows}
    for name in ("risky", "new"):  # the other names stand for several cells
        shown = starting(found[name], "ƒ Whole bill per million tokens, in")
        expected = by_name[name].figure("bill_usd_per_mtok_total").value
        assert shown == pytest.approx(expected, rel=1e-12)


def test_verdicts_of_all_buyers_stand_side_by_side(file: Path) -> None:
    memo = lines(file, "Decision", "Model", head_line=11)

    assert memo["risky"]["Verdict: private"] != "blocked"
    assert memo["risky"]["Verdict: defence"] == "blocked"
    assert memo["new"]["Verdict: private"] == "not assessed"


def test_what_is_void_failed_or_unknown_says_why_and_ranks_nowhere(file: Path) -> None:
    cells = {line["Cell"]: line for line in lines(file, "Cells", "Cell").values()}

    assert "failed" in cells["e-failed-000000000005"]["Status"]
    figures = openpyxl.load_workbook(file, data_only=True)["Figures"].iter_rows(values_only=True)
    head, *rows = figures
    named = [dict(zip(head, row, strict=True)) for row in rows]
    missing = [row for row in named if row["Value, as judged"] is None]
    assert missing
    assert all(row["Reason"] for row in missing)
    void = [row for row in missing if row["Cell"] == "d-void-000000000004"]
    assert any(row["Reason"] == "void: errors" for row in void)


def test_every_figure_leads_to_its_evidence(file: Path) -> None:
    book = openpyxl.load_workbook(file)
    figures = book["Figures"]
    followed = 0
    for line in book["Cost"].iter_rows(min_row=2):
        for place in line:
            if place.hyperlink is None:
                continue
            target = figures[place.hyperlink.location.split("!")[1]]
            assert figures.cell(target.row, 1).value == line[0].value
            followed += 1
    assert followed > 20


def test_hostile_text_is_text_and_no_formula_but_ours(file: Path) -> None:
    book = openpyxl.load_workbook(file)
    found = 0
    for sheet in book:
        for line in sheet.iter_rows():
            for place in line:
                if place.data_type == "f":
                    assert "evil" not in str(place.value), place.coordinate
                elif str(place.value).startswith("=HYPERLINK"):
                    found += 1
                    assert place.data_type == "s"
                    assert "\u202e" not in str(place.value)
    assert found >= 3


def test_the_glossary_defines_every_column(file: Path) -> None:
    found = lines(file, "Glossary", "Key")

    assert [c.key for c in COLUMNS if not found[c.key]["Meaning"]] == []


def test_no_temporary_file_is_left(file: Path) -> None:
    assert not list(file.parent.glob(".summary*"))
