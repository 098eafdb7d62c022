"""InferenceX: results of the shapes that its process_result.py wrote, 2025-09 to 2026-08."""

from pathlib import Path
from typing import Any

import pytest

from harness import cost
from harness.errors import FactError
from harness.imports import inferencex
from tests.imports.given import source, values

EARLY: dict[str, Any] = {
    "hw": "h100", "tp": 2, "conc": 64, "model": "openai/gpt-oss-120b", "framework": "vllm",
    "precision": "fp4", "tput_per_gpu": 3000.0, "median_ttft": 0.4, "median_tpot": 0.02,
    "median_intvty": 50.0, "mtp": "off",
}  # fmt: skip
ONE_NODE = EARLY | {
    "is_multinode": False, "pp": 2, "pcp_size": 1, "dcp_size": 1, "ep": 1, "isl": 1024,
    "osl": 8192, "image": "vllm/vllm-openai:v0.20.0", "output_tput_per_gpu": 1000.0,
    "input_tput_per_gpu": 2000.0,
}  # fmt: skip
TWO_PARTS = {key: value for key, value in ONE_NODE.items() if key not in ("tp", "pp")} | {
    "is_multinode": True, "num_prefill_gpu": 4, "num_decode_gpu": 8, "output_tput_per_gpu": 1500.0,
}  # fmt: skip


def one(tmp_path: Path, data: Any) -> Any:
    [each] = inferencex.read(source(tmp_path, data))
    return each


def test_its_throughput_is_per_gpu_and_ours_of_the_whole_deployment(tmp_path: Path) -> None:
    each = one(tmp_path, ONE_NODE)

    # tensor parallel 2 x pipeline parallel 2
    assert each.imported.gpus == 4
    assert values(each)["output_tok_per_s"] == 4000.0
    assert each.imported.total_tok_per_s == 12000.0
    assert values(each)["ttft_p50_s"] == 0.4
    assert (each.engine, each.workload) == ("vllm/vllm-openai:v0.20.0", "in-1024-out-8192")


def test_of_two_parts_the_output_is_of_the_decoding_gpus_and_the_bill_of_all(
    tmp_path: Path,
) -> None:
    each = one(tmp_path, TWO_PARTS)

    assert each.imported.gpus == 12
    assert values(each)["output_tok_per_s"] == 8 * 1500
    assert each.imported.total_tok_per_s == 12 * 3000
    assert "they charge the output to 8 of 12 GPUs, here to all" in each.imported.conditions[-1]


def test_the_early_form_has_input_and_output_together(tmp_path: Path) -> None:
    each = one(tmp_path, EARLY)

    assert "output_tok_per_s" not in values(each)
    assert each.imported.missing["output_tok_per_s"] == (
        "not measured: the source gives input and output together"
    )
    assert each.imported.total_tok_per_s == 6000.0


@pytest.mark.parametrize(
    ("power", "energy", "why"),
    [
        ({"power_metric_schema_version": 2, "power_valid": 1}, 0.2, None),
        ({"power_metric_schema_version": 2, "power_valid": 0}, None, "calls its power metrics"),
        ({"power_valid": 1}, None, "of version None, known is 2"),
        ({"power_metric_schema_version": 3, "power_valid": 1}, None, "of version 3, known is 2"),
    ],
)
def test_energy_is_taken_only_in_the_version_that_is_of_the_whole_deployment(
    tmp_path: Path, power: dict[str, Any], energy: float | None, why: str | None
) -> None:
    each = one(tmp_path, ONE_NODE | power | {"joules_per_output_token": 0.2})

    assert values(each).get("energy_j_per_output_tok") == energy
    assert (why or "") in each.imported.missing.get("energy_j_per_output_tok", "")


@pytest.mark.parametrize(
    ("usd_per_hour", "tok_per_s", "usd"),
    [
        # utils.test.ts of InferenceX-app (commit 77ca49a): total, output and input price
        (5.0, 1000.0, 1.389), (3.0, 1000.0, 0.833), (5.0, 2000.0, 0.694),
        (2.8, 1000.0, 0.778), (1.4, 1000.0, 0.389), (0.7, 1000.0, 0.194),
        (2.8, 200.0, 3.889), (1.4, 200.0, 1.944), (0.7, 200.0, 0.972),
    ],
)  # fmt: skip
def test_a_million_tokens_cost_by_its_formula_what_its_own_tests_say(
    usd_per_hour: float, tok_per_s: float, usd: float
) -> None:
    assert round(cost.inferencex_usd_per_mtok(usd_per_hour, tok_per_s), 3) == usd


def test_its_prices_of_input_and_output_pay_for_the_gpu_twice() -> None:
    output, total, inputs = (
        cost.inferencex_usd_per_mtok(1.69, n) for n in (1000.0, 3000.0, 2000.0)
    )

    # of 3,000 tokens a second 2,000 are input and 1,000 output
    assert inputs * 2 / 3 + output / 3 == pytest.approx(2 * total)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (ONE_NODE | {"median_tpot": 20.0}, "are not each other's inverse; in ms?"),
        (ONE_NODE | {"tput_per_gpu": 10.0}, "below output_tput_per_gpu, which it contains"),
        (ONE_NODE | {"tput_per_gpu": float("nan")}, "nan is no measurement"),
        (ONE_NODE | {"conc": 0}, "conc: 0 must be above 0"),
        (TWO_PARTS | {"num_prefill_gpu": 0, "num_decode_gpu": 0}, "no GPU at all"),
        ({"hw": "h100"}, "no InferenceX result: conc, framework"),
        ([], "the list is empty"),
        ('[{"hw": "h100", "tp"', "no JSON, perhaps cut off"),
    ],
)
def test_a_broken_result_is_one_line_that_names_the_place(
    tmp_path: Path, data: Any, said: str
) -> None:
    with pytest.raises(FactError) as caught:
        inferencex.read(source(tmp_path, data))

    assert said in str(caught.value)
    assert "given.json" in str(caught.value)
