"""A table of one's own and its mapping."""

from pathlib import Path

import pytest

from harness.errors import ConfigError, FactError
from harness.imports import csv_mapping
from harness.imports.found import Found
from tests.imports.given import source, values

MAPPING = """
tool: mine 1
columns: {model: model, gpu: gpu, gpus: n}
figures:
  output_tok_per_s: {column: tps, low: tps_low, high: tps_high}
  ttft_p50_s: {column: ttft_ms, times: 0.001, n: requests}
  ttft_p99_s: {column: ttft99_ms, times: 0.001, n: requests}
own: [odd]
"""
HEAD = "model,gpu,n,tps,tps_low,tps_high,ttft_ms,ttft99_ms,requests,odd\n"


def lines(tmp_path: Path, table: str, mapping: str = MAPPING) -> list[Found]:
    (tmp_path / "m.yaml").write_text(mapping, "utf-8")
    return csv_mapping.with_mapping(source(tmp_path, table, "t.csv"), tmp_path / "m.yaml")


def test_columns_are_read_as_mapped_with_unit_sample_size_and_interval(tmp_path: Path) -> None:
    [each] = lines(tmp_path, f"{HEAD}a/b,H100,1,900,850,950,250,400,700,7\n")

    assert values(each) == pytest.approx(
        {"output_tok_per_s": 900, "ttft_p50_s": 0.25, "ttft_p99_s": 0.4}
    )
    rate = each.imported.figures["output_tok_per_s"]
    assert (rate.low, rate.high) == (850, 950)
    assert each.imported.figures["ttft_p50_s"].n == 700
    assert each.imported.own == {"odd": "7"}


def test_an_empty_place_and_a_p99_of_few_requests_are_not_measured(tmp_path: Path) -> None:
    [each] = lines(tmp_path, f"{HEAD}a/b,H100,1,,,,100,200,9,\n")

    assert values(each) == pytest.approx({"ttft_p50_s": 0.1})
    assert each.imported.missing == {
        "output_tok_per_s": "not measured: tps is empty in the source",
        "ttft_p99_s": "not measured: p99 needs 662 observations, the source has 9",
    }


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("model,gpu\na/b,H100\n", r"t.csv: no column n, tps"),
        (HEAD, "no line below the header"),
        (f"{HEAD}a/b,H100,1,900\n", "t.csv:2: not as many columns as the header"),
        (f"{HEAD}a/b,H100,1,fast,,,,,,\n", "t.csv:2: tps: expected a number, got 'fast'"),
        (f"{HEAD}a/b,H100,1,-900,,,,,,\n", "t.csv:2: tps: -900 must be above 0"),
        (f"{HEAD}a/b,H100,1,nan,,,,,,\n", "t.csv:2: tps: nan is no measurement"),
        (f"{HEAD},H100,1,900,,,,,,\n", "t.csv:2: model: empty"),
    ],
)
def test_a_broken_table_is_one_line_that_names_the_place(
    tmp_path: Path, table: str, said: str
) -> None:
    with pytest.raises(FactError, match=said):
        lines(tmp_path, table)


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        (MAPPING.replace("output_tok_per_s", "tok_per_s"), "tok_per_s: no such name"),
        (MAPPING.replace("model: model, ", ""), "columns.model is needed"),
        (MAPPING.replace("times: 0.001", "times: -1"), "m.yaml"),
        ("tool: [", "m.yaml"),
    ],
)
def test_a_broken_mapping_is_one_line_that_names_it(
    tmp_path: Path, mapping: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        lines(tmp_path, HEAD, mapping)


def test_the_printed_template_is_a_mapping_that_holds(tmp_path: Path) -> None:
    with pytest.raises(FactError, match=r"t.csv: no column model"):
        lines(tmp_path, "a,b\n1,2\n", csv_mapping.TEMPLATE)


def test_a_table_without_a_mapping_says_where_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="harness import csv template"):
        csv_mapping.with_mapping(source(tmp_path, HEAD, "t.csv"), None)
