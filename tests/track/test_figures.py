import pandas as pd

from harness.report.evidence import SHAPES
from harness.track import figures

COLUMNS = (
    "bill_usd_per_mtok_total",
    "accuracy_en",
    "accuracy_zh",
    "risk_score",
    "output_tok_per_s",
)


def _frame(**changes: object) -> pd.DataFrame:
    line: dict[str, object] = {"model": "tiny", "status": "done", "evidence": "measured; CPU"}
    for key in COLUMNS:
        line |= {key: 1.0, f"{key}_low": None, f"{key}_high": None}
    return pd.DataFrame([line | changes]).astype(
        {f"{key}{end}": "float64" for key in COLUMNS for end in ("", "_low", "_high")}
    )


def test_each_plot_with_a_point_is_a_picture() -> None:
    made = dict(figures.pictures(_frame()))
    assert set(made) == {name for name, _, _ in figures.PLOTS}
    assert all(svg.startswith("<svg") for svg in made.values())
    assert "Whole bill per million tokens" in made["cost_against_risk"]


def test_a_plot_without_a_point_is_none() -> None:
    assert "cost_against_risk" not in dict(figures.pictures(_frame(risk_score=None)))


def test_a_cell_that_did_not_finish_is_not_drawn() -> None:
    assert dict(figures.pictures(_frame(status="failed in load: no memory"))) == {}


def test_kinds_of_evidence_have_marks_of_their_own() -> None:
    measured = dict(figures.pictures(_frame()))["cost_against_risk"]
    others = _frame(evidence="imported from ML.ENERGY 3", status="imported")
    imported = dict(figures.pictures(others))
    assert imported["cost_against_risk"] != measured
    assert len(set(SHAPES.values())) == len(SHAPES)
