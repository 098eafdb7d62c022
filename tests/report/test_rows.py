"""harness.report.rows: which level a cell is known by, and why there is none."""

from harness.report.rows import headline, task_level, why_no_load
from tests.builders import cell, estimate, failed_cell, level, shaped


def test_the_headline_is_the_fastest_valid_level() -> None:
    levels = (
        level(name="c1"),
        level(name="c8", output_tok_per_s=estimate(30.0), failed=1),
        level(name="c16", output_tok_per_s=estimate(90.0), void=("the client lagged",)),
        level(name="r9", output_tok_per_s=None),
    )

    found = headline(cell(levels=levels))

    assert found is not None
    assert found.name == "c8"


def test_a_level_with_lengths_of_its_own_is_no_headline_beside_one_of_the_workloads() -> None:
    # The workload asks for 100 in and 32 out; more output a request is more output a second.
    levels = (shaped(100, 32, 4.2), shaped(20, 64, 6.6))

    found = headline(cell(levels=levels))

    assert found is not None
    assert found.name == "c8-i100-o32"


def test_a_void_level_of_the_workloads_shape_is_not_replaced_by_one_of_another() -> None:
    levels = (shaped(100, 32, 4.2, void=("errors",)), shaped(20, 64, 6.6))

    assert headline(cell(levels=levels)) is None


def test_a_task_is_a_request_of_natural_length_where_there_is_one() -> None:
    natural = level(name="c4", output_tokens_asked=None, output_tok_per_s=estimate(3.0))
    levels = (level(name="c8", output_tok_per_s=estimate(30.0)), natural)

    found = task_level(cell(levels=levels))

    assert found is not None
    assert found.name == "c4"


def test_without_a_valid_level_of_natural_length_a_task_is_the_headlines() -> None:
    void = level(name="c4", output_tokens_asked=None, void=("errors",))

    found = task_level(cell(levels=(level(name="c8"), void)))

    assert found is not None
    assert found.name == "c8"


def test_a_cell_without_headline_says_every_reason_once() -> None:
    levels = (level(void=("errors", "counts disagree")), level(void=("errors",)))

    assert why_no_load(cell(levels=levels)) == "void: errors; counts disagree"
    assert why_no_load(cell(levels=())) == "not measured: not among the tasks"
    assert why_no_load(cell(levels=(level(output_tok_per_s=None),))) == (
        "not measured: no throughput"
    )
    assert why_no_load(failed_cell()) == "not measured: not reached"
