"""harness.load.prompts: exact length, none twice, the same from the same seed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.run import QuestionPrompts, SyntheticPrompts
from harness.errors import ConfigError
from harness.load.prompts import Vocabulary, make

QUESTIONS = QuestionPrompts(kind="questions")
IDS = Vocabulary(range(1000, 2000))


def synthetic(tokens: int) -> SyntheticPrompts:
    return SyntheticPrompts(kind="synthetic", input_tokens=tokens)


@settings(max_examples=40, deadline=None)
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


def test_more_questions_than_there_are_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match=r"workload\.levels: 10000 requests .* questions"):
        make(QUESTIONS, 10_000, IDS, "seed")
