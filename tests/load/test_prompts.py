"""harness.load.prompts: exact length, none twice, the same from the same seed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.run import (
    ClosedLevel,
    LoadWorkload,
    NaturalOutput,
    QuestionPrompts,
    SyntheticPrompts,
)
from harness.errors import ConfigError
from harness.load.prompts import Vocabulary, check, make

QUESTIONS = QuestionPrompts(kind="questions")
IDS = Vocabulary(range(1000, 2000))


def synthetic(tokens: int) -> SyntheticPrompts:
    return SyntheticPrompts(kind="synthetic", input_tokens=tokens)


def workload(spec: QuestionPrompts | SyntheticPrompts, requests: int, warmup: int) -> LoadWorkload:
    return LoadWorkload(
        kind="load",
        name="unit",
        prompts=spec,
        output=NaturalOutput(kind="natural", max_tokens=9),
        levels=(ClosedLevel(kind="closed", concurrency=1, requests=requests),),
        warmup_requests=warmup,
        request_timeout_s=1.0,
    )


@settings(max_examples=40)
@given(tokens=st.integers(1, 300), count=st.integers(0, 20), seed=st.text())
def test_synthetic_prompts_have_exactly_the_tokens_asked_for(
    tokens: int, count: int, seed: str
) -> None:
    made = make(synthetic(tokens), count, IDS, seed)

    assert len(made) == count
    for prompt in made:
        assert prompt.token_ids is not None
        assert len(prompt.token_ids) == tokens
        assert set(prompt.token_ids) <= set(range(1000, 2000))
        assert (prompt.text, prompt.chat) == (None, None)


def test_no_two_synthetic_prompts_share_a_beginning() -> None:
    # A server's prefix cache works in blocks of 16 tokens: none may be common.
    made = make(synthetic(100), 200, IDS, "seed")

    assert len({prompt.token_ids[:16] for prompt in made if prompt.token_ids}) == 200


def test_the_same_seed_gives_the_same_prompts_and_another_seed_shares_none() -> None:
    first, again = make(synthetic(20), 50, IDS, "a"), make(synthetic(20), 50, IDS, "a")
    other = make(synthetic(20), 50, IDS, "b")

    assert first == again
    assert not set(first) & set(other)


def test_without_a_vocabulary_prompts_are_that_many_words() -> None:
    made = make(synthetic(12), 3, Vocabulary(None), "seed")

    assert [len(prompt.text.split()) for prompt in made if prompt.text] == [12, 12, 12]


def test_questions_go_through_the_chat_and_come_once_each() -> None:
    made = make(QUESTIONS, 25, Vocabulary(None), "seed")

    assert all(prompt.chat and prompt.token_ids is None for prompt in made)
    assert len({prompt.chat for prompt in made}) == 25


def test_another_seed_asks_the_questions_in_another_order() -> None:
    assert make(QUESTIONS, 25, IDS, "a") != make(QUESTIONS, 25, IDS, "b")


@pytest.mark.parametrize(("requests", "warmup"), [(10_000, 0), (1, 10_000)])
def test_more_questions_than_there_are_is_a_configuration_error(requests: int, warmup: int) -> None:
    asked = workload(QUESTIONS, requests, warmup)

    with pytest.raises(ConfigError, match=r"workload\.levels: 1000\d requests .* questions"):
        check(asked)


@pytest.mark.parametrize("spec", [QUESTIONS, synthetic(5)], ids=["questions", "synthetic"])
def test_as_many_prompts_as_there_are_pass(spec: QuestionPrompts | SyntheticPrompts) -> None:
    check(workload(spec, 24, 1))


def test_synthetic_prompts_never_run_out() -> None:
    check(workload(synthetic(5), 10_000, 0))
