"""The published example: its records against figures worked out from the files by others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.config import load
from harness.records import store
from harness.records.schema import Cell
from harness.report.imported import imported
from harness.report.rows import Row

SWEEP = Path(__file__).parents[2] / "results" / "published-mlenergy-2026-02"


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    return [cell for _, cell in store.cells(SWEEP)]


def of(cells: list[Cell], model: str, task: str) -> Iterator[Cell]:
    for cell in cells:
        config = cell.config
        names = (config["model"]["key"], config["workload"]["name"], config["hardware"]["name"])
        if names == (model, task, "h100_sxm"):
            yield cell


def test_all_configurations_are_there_with_their_source(cells: list[Cell]) -> None:
    assert len(cells) == 515
    origins = [cell.origin for cell in cells if cell.origin is not None]
    assert {(o.commit, o.engine, str(o.published)) for o in origins} == {
        ("0cd52da", "vllm 0.11.1", "2026-02-27")
    }
    assert {(o.files[0].name, len(o.files[0].sha256)) for o in origins} == {
        ("gpqa.json", 64), ("lm-arena-chat.json", 64),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("model", "task", "tok_per_s", "joules", "length", "answer_j", "usd", "usd_1k"),
    [
        # the configuration of least energy on H100 at 1.69 USD an hour, output carrying all cost
        ("meta-llama/Llama-3.1-8B-Instruct", "lm-arena-chat", 9806, 0.070, 397, 28, 0.048, 0.019),
        # 0.0550 x 0.64509 = 0.0355: 0.036 where the rounded price is multiplied
        ("Qwen/Qwen3-8B", "lm-arena-chat", 8535, 0.072, 645, 47, 0.055, 0.035),
        ("openai/gpt-oss-20b", "gpqa", 13521, 0.044, 2190, 97, 0.035, 0.076),
        ("openai/gpt-oss-120b", "gpqa", 5381, 0.086, 1721, 148, 0.087, 0.15),
        ("Qwen/Qwen3-235B-A22B-Thinking-2507-FP8", "gpqa", 354, 1.385, 9297, 12873, 1.33, 12.3),
    ],
)
def test_speed_energy_and_cost_of_the_leanest_configurations_are_the_known_ones(
    cells: list[Cell], model: str, task: str, tok_per_s: int, joules: float, length: int,
    answer_j: int, usd: float, usd_1k: float,
) -> None:  # fmt: skip
    judge = load.judge(["pricing=term_2026_06", "pricing.utilisation=1.0"])
    rows = [Row(cell, SWEEP / cell.cell_id) for cell in of(cells, model, task)]
    for row in rows:
        imported(row, judge)
    best = min(rows, key=lambda row: row.figure("energy_j_per_output_tok").value or 9e9)
    found = best.cell.imported
    assert found is not None

    def shown(key: str) -> float:
        value = best.figure(key).value
        assert value is not None
        return value

    assert round(shown("output_tok_per_s") / (found.gpus or 1)) == tok_per_s
    assert round(shown("energy_j_per_output_tok"), 3) == joules
    assert round(found.output_tokens_mean or 0) == length
    assert round(shown("energy_j_per_answer")) == answer_j
    # to the digits that are given
    assert float(f"{shown('bill_usd_per_mtok_output'):.{digits(usd)}f}") == usd
    assert float(f"{shown('cost_usd_per_1000_tasks'):.{digits(usd_1k)}f}") == usd_1k


def digits(value: float) -> int:
    return len(str(value).partition(".")[2])
