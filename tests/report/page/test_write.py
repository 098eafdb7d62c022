"""harness.report.page.write: one file, no network, nobody else's script."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.report.chosen import MOST_IN_DETAIL, in_detail
from harness.report.join import Table, join
from harness.report.page import live, risk
from harness.report.page.write import write_html
from harness.report.tables import DISCLAIMER
from tests.builders import (
    cell,
    failed_cell,
    judge_config,
    parse_shipped_once,
    score,
    write_sweep,
)
from tests.report import synthetic
from tests.report.judging import API, endpoint
from tests.report.judging import table as judged
from tests.risk.making import fact, licence, model, registry, write_registry

SCRIPT = "<script>alert(1)</script>"
BREAKOUT = "</script><img src=x onerror=alert(2)>"


class Elements(HTMLParser):
    """Counts elements, their event handlers and outside addresses, as a browser would see them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]


def made(folder: Path) -> Table:
    accuracy = score(task="hellaswag_100", metric="acc_norm", output_tokens=None)
    hostile = {"model.name": f"{SCRIPT}{BREAKOUT}", "model.key": "acme/evil"}
    hostile_source = fact("open", source=f"{SCRIPT} on a page")
    facts = registry(model(), model("acme/evil@*", licences=(licence(evidence=hostile_source),)))
    sweep = write_sweep(
        folder / "unit",
        cell("a-done-000000000001", scores=(accuracy,)),
        failed_cell("b-failed-000000000002"),
        cell("c-hostile-000000000003", config=hostile, scores=(accuracy,)),
        cell("d-unknown-000000000004", config={"model.key": "new/model"}),
    )
    return join([sweep], judge_config(registry_dirs=(write_registry(folder / "facts", facts),)))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    with pytest.MonkeyPatch.context() as patch:
        parse_shipped_once(patch)
        yield made(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def html(table: Table, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("html") / "report.html"
    write_html([table], path)
    return path.read_text("utf-8")


@pytest.fixture(scope="module")
def elements(html: str) -> Elements:
    parser = Elements()
    parser.feed(html)
    return parser


def test_the_page_is_whole_without_a_network(elements: Elements) -> None:
    assert elements.addresses == []
    assert not {"link", "iframe", "img", "object"} & set(elements.tags)


def test_text_of_others_becomes_neither_script_nor_element(html: str, elements: Elements) -> None:
    assert elements.tags.count("script") == 4  # library, specs, live data, ours
    assert elements.handlers == []
    assert SCRIPT not in html
    assert "&lt;script&gt;alert(1)" in html


def test_a_models_name_cannot_end_the_script_that_holds_the_charts(html: str) -> None:
    found = re.search(r'<script type="application/json" id="specs">(.*?)</script>', html, re.S)

    assert found
    specs = json.loads(found[1])
    names = {point["model"] for data in specs[0]["datasets"].values() for point in data}
    assert f"{SCRIPT}{BREAKOUT}" in names


def test_a_chart_without_points_is_named_and_not_drawn(html: str) -> None:
    told = re.search(r"Not drawn, no cell has the figures: ([^<]*)", html)
    assert told
    assert "Cost against accuracy (Chinese)" in told[1]
    assert "Cost against risk" not in told[1]


def test_the_page_has_every_model_in_every_table_in_the_order_of_the_records(
    html: str, table: Table
) -> None:
    section = html.split('<h2 id="g1">', maxsplit=1)[1]
    decision = section.split("<tbody>")[1].split("</tbody>", maxsplit=1)[0]

    assert decision.count("<tr>") == len(table.rows)
    assert re.findall(r'<th scope="row">(.{4})', decision) == ["tiny", "tiny", "&lt;", "tiny"]


def test_a_missing_figure_is_marked_and_says_why(html: str) -> None:
    assert re.search(r'<td class="missing"[^>]*>not measured: not reached</td>', html)


def test_a_model_that_is_not_assessed_says_what_to_do(html: str) -> None:
    assert "harness risk add model new/model" in html


def test_the_page_says_that_it_is_no_legal_advice_and_that_a_cpu_is_no_gpu(html: str) -> None:
    assert DISCLAIMER in html
    assert "CPU figures." in html


def test_the_first_table_names_the_cheapest_model_that_may_be_ranked(html: str) -> None:
    verdict = html.split('aria-label="Verdict by buyer"')[1].split("</table>", maxsplit=1)[0]

    # Of four cells one failed and one is not assessed; tiny and the hostile one cost the same. The
    # one that is not assessed is called tiny too, so the repo tells.
    assert "<strong>tiny (acme/tiny)</strong>" in verdict
    assert "2 of 3 models may be ranked" in verdict
    assert "≈ " in verdict


def test_of_many_cells_each_model_keeps_its_cheapest_before_any_has_a_second(
    tmp_path: Path,
) -> None:
    rows = join([synthetic.write(tmp_path / "many", 4, 2, 12)], judge_config()).rows

    kept = in_detail(rows)

    assert len(rows) > MOST_IN_DETAIL
    assert len(kept) == 8  # four models, two workloads
    one = [row for row in rows if row.text("model") == "model_00"
           and row.text("workload") == "load_0"]  # fmt: skip
    cheapest = min(one, key=lambda row: row.figure("bill_usd_per_mtok_total").value or 0.0)
    assert cheapest in kept


def test_buyers_with_other_ways_of_use_stand_side_by_side(tmp_path: Path) -> None:
    cells = cell(), endpoint(cell_id="e-api-000000000003")
    hosted = API | {"buyer.profile": "hosted", "buyer.deployment": "third_party"}
    both = [
        judged(tmp_path / name, *cells, changes=changes)
        for name, changes in (("a", API), ("b", hosted))
    ]

    write_html(both, tmp_path / "report.html")

    assert [each["model"] for each in risk.gates(both)] == [
        "tiny (third party)",
        "tiny (self hosted)",
    ]
    first, second = live.payload(both)["buyers"]
    assert first["which"] == second["which"] == [0, 1]
