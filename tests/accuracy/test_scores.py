"""harness.accuracy.scores: what counts, what is left out, what is void."""

import dataclasses
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.accuracy.scores import Conditions, score
from harness.records.schema import Score
from harness.stats import proportion

CONDITIONS = Conditions(
    dtype="float32",
    chat_template=False,
    bos=False,
    lm_eval_version="0.4.13",
    max_cut_share=0.5,
    max_empty_share=0.5,
)


def choice(right: float, failed: bool = False) -> dict[str, Any]:
    """A log-likelihood item: no text, so nothing can be cut."""
    return {"acc": right, "request_failed": failed, "resps": [[(-1.0, True)]], "filter": "none"}


def answer(
    right: float,
    finish: str = "stop",
    text: str = "4",
    tokens: int | None = 10,
    failed: bool = False,
    name: str = "flexible-extract",
) -> dict[str, Any]:
    """A generated answer."""
    return {
        "exact_match": right,
        "filter": name,
        "request_failed": failed,
        "resps": [[text]],
        "ended": {"finish_reason": finish, "prompt_tokens": 7, "output_tokens": tokens},
    }


def scored(
    samples: list[dict[str, Any]],
    metric: str = "exact_match,flexible-extract",
    conditions: Conditions = CONDITIONS,
) -> Score:
    return score(
        "task",
        metric,
        samples,
        conditions,
        limit=None,
        num_fewshot=0,
        language="en",
        data_sha256=None,
    )


def test_a_score_is_the_share_of_right_items_with_wilsons_interval() -> None:
    found = scored([choice(1), choice(1), choice(0), choice(1)], "acc")

    assert found.value == proportion(3, 4)
    assert found.void_reason is None


@given(right=st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=60))
def test_the_standard_error_is_that_of_the_sample(right: list[float]) -> None:
    found = scored([choice(each) for each in right], "acc")

    expected = statistics.stdev(right) / len(right) ** 0.5
    assert found.stderr == pytest.approx(expected)


def test_one_item_has_no_standard_error() -> None:
    assert scored([choice(1)], "acc").stderr is None


def test_a_graded_metric_is_a_mean() -> None:
    found = scored([choice(0.25), choice(0.75)], "acc")

    assert found.value is not None
    assert found.value.value == 0.5


def test_items_whose_request_failed_are_left_out_and_counted() -> None:
    found = scored([choice(1), choice(0, failed=True), choice(0, failed=True)], "acc")

    assert found.failed == 2
    assert found.value == proportion(1, 1)


def test_only_the_filter_that_is_asked_for_counts() -> None:
    samples = [answer(1), answer(0, name="strict-match")]

    assert scored(samples).value == proportion(1, 1)
    assert scored(samples, "exact_match,strict-match").value == proportion(0, 1)


def test_no_answered_item_is_void_and_not_zero() -> None:
    found = scored([choice(0, failed=True)], "acc")

    assert (found.value, found.stderr) == (None, None)
    assert found.void_reason == "no item was answered"


def test_no_item_at_all_is_void() -> None:
    assert scored([], "acc").void_reason == "no item was answered"


@pytest.mark.parametrize(("cut", "void"), [(2, False), (3, True)])
def test_a_score_is_void_above_the_share_of_answers_cut_by_length(cut: int, void: bool) -> None:
    # The limit is half of four.
    samples = [answer(1, "length") for _ in range(cut)] + [answer(1) for _ in range(4 - cut)]

    found = scored(samples)

    assert found.cut == cut
    assert (found.value is None) is void
    assert (found.void_reason == f"{cut} of 4 answers were cut at the length limit") is void


@pytest.mark.parametrize(("empty", "void"), [(2, False), (3, True)])
def test_a_score_is_void_above_the_share_of_empty_answers(empty: int, void: bool) -> None:
    samples = [answer(0, text=" \n") for _ in range(empty)]
    samples += [answer(1) for _ in range(4 - empty)]

    found = scored(samples)

    assert found.empty == empty
    assert (found.value is None) is void


def test_a_share_of_zero_voids_a_single_cut_answer() -> None:
    strict = dataclasses.replace(CONDITIONS, max_cut_share=0.0)

    assert scored([answer(1, "length"), *[answer(1)] * 99], conditions=strict).value is None


def test_a_log_likelihood_task_can_be_neither_cut_nor_empty() -> None:
    found = scored([choice(1), choice(0)], "acc")

    assert (found.cut, found.empty, found.output_tokens) == (None, None, None)


def test_output_tokens_are_summed_over_the_answered_items() -> None:
    samples = [answer(1, tokens=10), answer(0, tokens=30), answer(0, tokens=99, failed=True)]

    assert scored(samples).output_tokens == 40
    assert scored(samples).prompt_tokens == 14  # 7 each, the failed one left out


def test_output_tokens_that_no_answer_told_are_unknown() -> None:
    assert scored([answer(1, tokens=None)]).output_tokens is None


def test_a_score_carries_its_conditions() -> None:
    made = score(
        "task",
        "acc",
        [choice(1)],
        dataclasses.replace(CONDITIONS, chat_template=True, bos=True),
        limit=5,
        num_fewshot=2,
        language="zh",
        data_sha256="ab",
        adapter=True,
    )

    assert (made.limit, made.num_fewshot, made.language, made.data_sha256) == (5, 2, "zh", "ab")
    assert (made.chat_template, made.bos, made.adapter, made.dtype) == (True, True, True, "float32")
