"""harness.report.page.cells: how a figure reads on the page."""

from pathlib import Path

from harness.report.naming import called
from harness.report.page import cells
from tests.builders import cell
from tests.report.judging import risky
from tests.report.judging import table as judged


def test_what_is_judged_carries_the_sign_of_an_estimate_and_says_what_n_counts(
    tmp_path: Path,
) -> None:
    [row] = [r for r in judged(tmp_path, cell(), risky()).rows if r.text("model") == "risky"]

    def text(key: str) -> str:
        return cells.cell(row, key, called([row]))["text"]

    assert text("risk_score").startswith("≈ ")
    assert text("risk_score").endswith(" facts")
    assert text("switch_cost_usd").endswith(" 2,000 draws")
    assert text("output_tok_per_s") == "20.0 [18.0, 22.0] n=10"


def test_columns_that_hang_on_the_buyer_say_whose_they_are_and_what_brackets_hold(
    tmp_path: Path,
) -> None:
    found = cells.groups(judged(tmp_path, cell()).rows, "us private")

    notes = {group["title"]: group["notes"] for group in found}
    assert notes["Risk"] == ["As judged for us private.", cells.OF_DRAWS]
    assert notes["Speed"] == []
