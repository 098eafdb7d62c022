"""harness.report.compare: what differs between two records, or two ways of judging, by cause."""

from typing import Any

import pytest

from harness.report.compare.changed import Change, different, named, of_judging, of_records
from tests.builders import cell, judge_config, level
from tests.report.compare.test_beside import brought


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

    assert named(found) == "hardware and workload"


def test_prices_of_machines_that_nobody_used_are_no_change() -> None:
    a, b = judge_config(), judge_config({"pricing.machines.cpu.mid_usd_per_hour": 4.0})

    assert what(of_judging(a, b, ["cpu"])) == {("price", "pricing.machines.cpu.mid_usd_per_hour")}
    assert of_judging(a, b, ["h100_sxm"]) == []


def test_a_row_whose_record_is_the_same_moves_by_the_other_rows() -> None:
    assert named(of_records(cell(), cell())) == "other rows of the sweep"


def test_a_record_that_was_edited_was_not_measured_again() -> None:
    found = of_records(cell(), cell(levels=(level(void=("late",)),)))

    assert what(found) == {
        ("record changed since", "levels"), ("outcome of the run", "void levels"),
    }  # fmt: skip
    assert named(found) == "record changed since"


def test_what_is_imported_anew_is_not_measured_again() -> None:
    one = brought({"output_tok_per_s": 100.0})
    assert one.origin is not None
    later = one.started_at.replace(year=2027)
    anew = one.model_copy(
        update={
            "started_at": later,
            "origin": one.origin.model_copy(update={"imported_at": later}),
        }
    )
    assert of_records(one, anew) == []

    files = tuple(file.model_copy(update={"sha256": "e" * 64}) for file in one.origin.files)
    other = anew.model_copy(update={"origin": one.origin.model_copy(update={"files": files})})
    assert named(of_records(one, other)) == "other files of the source"


def test_a_price_of_one_list_alone_is_no_price_that_goes() -> None:
    a, b = judge_config(), judge_config()
    only = b.pricing.model_copy(update={"machines": {}, "name": "short"})

    [named_, told] = of_judging(a, b.model_copy(update={"pricing": only}), ["cpu"])

    assert {named_.what, told.what} == {"pricing.name", "pricing.machines.cpu"}
    assert "which serves both sides" in named_.source + told.source
    assert (told.after, named_.after).count("none") == 0
