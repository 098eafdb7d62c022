"""ML.ENERGY task files: small ones of the leaderboard's shape (theirs carry no licence)."""

from pathlib import Path
from typing import Any

import pytest

from harness.errors import FactError
from harness.imports import mlenergy
from tests.imports.given import source, values

ONE = {
    "model_id": "openai/gpt-oss-20b", "gpu_model": "H100", "num_gpus": 2, "max_num_seqs": 64,
    "avg_output_len": 2000.0, "energy_per_token_joules": 0.05, "energy_per_request_joules": 100.0,
    "output_throughput_tokens_per_sec": 10000.0, "avg_power_watts": 500.0,
    "weight_precision": "mxfp4", "median_itl_ms": 14.0,
}  # fmt: skip
TASK: dict[str, Any] = {
    "task": "gpqa", "task_display_name": "GPQA Diamond", "configurations": [ONE],
}  # fmt: skip


def with_one(**change: Any) -> dict[str, Any]:
    return TASK | {"configurations": [ONE | change]}


def test_throughput_and_energy_are_ours_and_its_itl_is_not(tmp_path: Path) -> None:
    [each] = mlenergy.read(source(tmp_path, TASK))

    assert values(each) == {
        "output_tok_per_s": 10000.0, "energy_j_per_output_tok": 0.05, "energy_j_per_answer": 100.0,
    }  # fmt: skip
    assert all(f.low is None and f.n is None for f in each.imported.figures.values())
    assert (each.model, each.gpu, each.imported.gpus) == ("openai/gpt-oss-20b", "H100", 2)
    assert each.imported.own["median_itl_ms"] == 14.0
    assert "bundled tokens" in each.imported.missing["itl_p50_s"]


def test_the_file_does_not_say_what_served_and_nothing_is_filled_in(tmp_path: Path) -> None:
    [each] = mlenergy.read(source(tmp_path, with_one(max_num_seqs=None)))

    assert (each.engine, each.imported.level) == (None, "batch without a limit")


def test_in_flight_are_as_many_as_the_batch_held_on_average_not_as_it_could(
    tmp_path: Path,
) -> None:
    [each] = mlenergy.read(source(tmp_path, with_one(max_num_seqs=512, avg_batch_size=96.5)))

    assert (each.imported.level, each.imported.concurrency) == ("batch of at most 512", 96.5)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        # 0.05 J x 10,000 tokens/s are 500 W: with 4,000 tokens/s the file is of the form that the
        # leaderboard corrected on 2026-01-01
        (with_one(output_throughput_tokens_per_sec=4000.0), "a file of before 2026-01-01"),
        (with_one(output_throughput_tokens_per_sec=-1), "must be above 0"),
        (with_one(energy_per_token_joules=float("nan")), "nan is no measurement"),
        (with_one(num_gpus=0), "num_gpus: 0 must be above 0"),
        (with_one(weight_precision=None), "weight_precision: expected text"),
        (TASK | {"configurations": []}, "configurations: none there"),
        (TASK | {"architecture": "diffusion"}, "it has no tokens to judge"),
        (TASK | {"model_id": "openai/gpt-oss-20b"}, "an ML.ENERGY model file"),
        ({"task": "gpqa"}, "no ML.ENERGY task file"),
        ('{"task": "gpqa", "configurations": [{"model_id"', "no JSON, perhaps cut off"),
    ],
)
def test_a_broken_file_or_another_form_is_one_line_that_names_the_place(
    tmp_path: Path, data: Any, said: str
) -> None:
    with pytest.raises(FactError) as caught:
        mlenergy.read(source(tmp_path, data))

    assert said in str(caught.value)
    assert "given.json" in str(caught.value)
