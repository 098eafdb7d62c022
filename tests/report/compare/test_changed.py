"""harness.report.compare: what differs between two records, or two ways of judging, by cause."""

from typing import Any

import pytest

from harness.report.compare.changed import Change, different, named, of_judging, of_records
from tests.builders import cell, judge_config


def what(found: list[Change]) -> set[tuple[str, str]]:
    return {(each.cause, each.what) for each in found}


def test_keys_that_only_one_side_has_are_different_too() -> None:
    a, b = {"x": {"y": 1, "z": 2}, "gone": True}, {"x": {"y": 1, "z": 3, "new": "n"}}

    assert list(different(a, b)) == [
        ("x.z", "2", "3"),
        ("gone", "true", "none"),
        ("x.new", "none", "n"),
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"config": {"hardware.name": "h100"}}, ("hardware", "hardware.name")),
        ({"config": {"workload.name": "rag"}}, ("workload", "workload.name")),
        ({"config": {"model.dtype": "float16"}}, ("model settings", "model.dtype")),
        ({"config": {"engine.max_num_seqs": 8}}, ("engine settings", "engine.max_num_seqs")),
        ({"config": {"seed": 7}}, ("stages and seed", "seed")),
        ({"weights": {"content_id": "cd" * 32}}, ("model revision", "weights")),
        ({"environment": {"cpu": "Another", "cores": 2}}, ("hardware", "cpu")),
    ],
)
def test_a_difference_of_records_has_the_cause_that_it_belongs_to(
    changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert expected in what(of_records(cell(), cell(**changes)))


def test_equal_records_have_no_cause_and_a_label_is_none() -> None:
    assert of_records(cell(), cell(config={"sweep": "elsewhere"})) == []


def test_a_run_that_changed_several_things_cannot_part_them() -> None:
    found = of_records(cell(), cell(config={"hardware.name": "h100", "workload.name": "rag"}))

    assert named(found) == "hardware and workload, measured again"


def test_prices_of_machines_that_nobody_used_are_no_change() -> None:
    a, b = judge_config(), judge_config({"pricing.machines.cpu.mid_usd_per_hour": 4.0})

    assert what(of_judging(a, b, ["cpu"])) == {("price", "pricing.machines.cpu.mid_usd_per_hour")}
    assert of_judging(a, b, ["h100_sxm"]) == []
