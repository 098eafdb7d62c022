"""harness.records.schema: what a record may hold."""

from typing import Any

import pytest
from pydantic import ValidationError

from harness.records.schema import SCHEMA_VERSION, Cell, Energy
from tests.builders import cell, failed_cell, finetune_result, level, score


@pytest.mark.parametrize(
    "made",
    [cell(), failed_cell(), cell(scores=(score(),), finetune=finetune_result())],
    ids=["done", "failed", "everything"],
)
def test_a_record_survives_json_unchanged(made: Cell) -> None:
    assert Cell.model_validate_json(made.model_dump_json()) == made


def test_a_record_carries_the_version_of_its_schema() -> None:
    assert cell().schema_version == SCHEMA_VERSION


def test_a_record_cannot_be_changed() -> None:
    made = cell()

    with pytest.raises(ValidationError, match="frozen"):
        made.status = "failed"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "10", None])
def test_a_figure_is_a_finite_number_or_the_record_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match="duration_s"):
        level(duration_s=value)


def test_what_was_not_measured_is_none_and_stays_none() -> None:
    unknown = Energy(energy_j=None, source="not measured: telemetry is off")
    made = cell(levels=(level(output_tok_per_s=None, energy=unknown),))

    [again] = Cell.model_validate_json(made.model_dump_json()).levels
    assert (again.output_tok_per_s, again.energy.energy_j) == (None, None)


def test_a_stage_has_one_of_the_known_names() -> None:
    with pytest.raises(ValidationError, match="stages"):
        cell(stages={"lunch": cell().stages["load"]})
