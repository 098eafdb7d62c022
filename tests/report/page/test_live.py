"""harness.report.page.live: what goes to the page's script."""

import json
from pathlib import Path

import pytest

from harness.report.page import live
from tests.builders import cell, failed_cell
from tests.report.judging import API, endpoint, risky, table


def test_an_apis_price_hangs_on_no_machine(tmp_path: Path) -> None:
    made = table(tmp_path, cell(), endpoint(cell_id="e-api-000000000003"), changes=API)

    assert live.payload([made])["scales"] == [0, 1]  # by folder: the API first


def test_a_text_goes_to_the_page_once_and_a_missing_figure_as_its_reason(tmp_path: Path) -> None:
    made = table(tmp_path, cell(), risky(), failed_cell("x-failed-000000000009"))

    told = live.payload([made])

    said = json.dumps(told)
    assert said.count(json.dumps(made.rows[0].text("hardware"))) == 1
    assert told["bill"]["value"] == [12.5, 25.0, None]
    assert told["dictionary"][told["bill"]["reason"][2]] == "not measured: not reached"
    assert told["done"] == [1, 1, 0]


def test_the_relevance_of_a_content_is_that_of_the_risk_configuration(tmp_path: Path) -> None:
    made = table(tmp_path, cell())
    risk, told = made.judge.risk, live.payload([made])

    for content, share in risk.behaviour_relevance.items():
        cut = {name: w * told["relevance"][content][name] for name, w in risk.weights.items()}
        whole = {name: weight / sum(cut.values()) for name, weight in cut.items()}
        assert whole == pytest.approx(risk.weights_for(content), rel=1e-4), share


def test_no_mark_that_turns_text_about_goes_to_the_page(tmp_path: Path) -> None:
    made = table(tmp_path, cell(config={"model.name": "a\u202eb"}))

    said = live.payload([made])["dictionary"]
    assert "a<U+202E>b" in said
    assert not any("\u202e" in text for text in said)


def test_a_fallback_is_named_by_the_place_of_its_cell(tmp_path: Path) -> None:
    made = table(tmp_path, cell(), risky())

    leaves = live.payload([made])["buyers"][0]["leave"]

    assert leaves[0][0] == 1  # from the listed one to the clean one
    assert leaves[1] is None  # and nothing is safer than that
