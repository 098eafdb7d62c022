"""harness.load.prompts: exact length, none twice, the same from the same seed, declared sharing."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.workload import QuestionPrompts, SharedPrefixPrompts, SyntheticPrompts
from harness.errors import ConfigError
from harness.load.prompts import (
    Batch,
    Need,
    Prompt,
    Vocabulary,
    chats,
    random_tokens,
    repeated_share,
    trace_tokens,
)
from harness.load.trace import TraceRequest

QUESTIONS = QuestionPrompts(kind="questions")
IDS = Vocabulary(range(1000, 2000))
WORDS = Vocabulary(None)


def synthetic(tokens: int) -> SyntheticPrompts:
    return SyntheticPrompts(kind="synthetic", input_tokens=tokens)


def shared(prefix: int, unique: int, prefixes: int) -> SharedPrefixPrompts:
    return SharedPrefixPrompts(
        kind="shared_prefix", prefix_tokens=prefix, unique_tokens=unique, prefixes=prefixes
    )


def asked(batch: Batch) -> list[Prompt]:
    """The measured prompts of single-turn sessions."""
    assert all(len(session) == 1 for session in batch.sessions)
    return [session[0] for session in batch.sessions]


def ids(prompts: Sequence[Prompt]) -> list[tuple[int, ...]]:
    assert all(prompt.token_ids is not None for prompt in prompts)
    return [prompt.token_ids or () for prompt in prompts]


def row(tokens: int, blocks: tuple[int, ...] | None = None) -> TraceRequest:
    return TraceRequest(0.0, tokens, 1, blocks)


# --- synthetic -------------------------------------------------------------------------------


@settings(max_examples=40)
@given(tokens=st.integers(1, 300), count=st.integers(0, 20), seed=st.text())
def test_synthetic_prompts_have_exactly_the_tokens_asked_for(
    tokens: int, count: int, seed: str
) -> None:
    batch = random_tokens(synthetic(tokens), Need(count, 2), IDS, seed)

    assert (len(batch.sessions), len(batch.warmup)) == (count, 2)
    for prompt in [*asked(batch), *batch.warmup]:
        assert prompt.token_ids is not None
        assert len(prompt.token_ids) == tokens
        assert set(prompt.token_ids) <= set(range(1000, 2000))
        assert (prompt.text, prompt.messages) == (None, None)


def test_no_two_synthetic_prompts_share_a_beginning() -> None:
    # A server's prefix cache works in blocks of 16 tokens: none may be common.
    batch = random_tokens(synthetic(100), Need(200, 50), IDS, "seed")

    assert len({each[:16] for each in ids([*asked(batch), *batch.warmup])}) == 250
    assert batch.cache_share == 0


def test_the_same_seed_gives_the_same_prompts_and_another_seed_shares_none() -> None:
    first, again = (random_tokens(synthetic(20), Need(50, 5), IDS, "a") for _ in range(2))
    other = random_tokens(synthetic(20), Need(50, 5), IDS, "b")

    assert first == again
    assert not set(ids(asked(first))) & set(ids(asked(other)))
    assert not set(ids(first.warmup)) & set(ids(other.warmup))


def test_without_a_vocabulary_prompts_are_that_many_words() -> None:
    batch = random_tokens(synthetic(12), Need(3, 1), WORDS, "seed")

    texts = [prompt.text or "" for prompt in [*asked(batch), *batch.warmup]]
    assert [len(text.split()) for text in texts] == [12, 12, 12, 12]
    assert len(set(texts)) == 4


# --- shared prefixes -------------------------------------------------------------------------


def test_prompts_of_one_prefix_begin_alike_and_go_on_differently() -> None:
    batch = random_tokens(shared(32, 20, 1), Need(10, 0), IDS, "seed")

    made = ids(asked(batch))
    assert {len(each) for each in made} == {52}
    assert len({each[:32] for each in made}) == 1
    assert len({each[32:48] for each in made}) == 10


def test_several_prefixes_take_turns() -> None:
    batch = random_tokens(shared(32, 4, 3), Need(9, 0), IDS, "seed")

    beginnings = [each[:32] for each in ids(asked(batch))]
    assert len(set(beginnings)) == 3
    assert beginnings[:3] == beginnings[3:6] == beginnings[6:]


def test_the_warm_up_has_the_same_length_and_none_of_the_prefixes() -> None:
    batch = random_tokens(shared(32, 20, 2), Need(4, 3), IDS, "seed")

    warm = ids(batch.warmup)
    assert {len(each) for each in warm} == {52}
    assert len({each[:16] for each in [*warm, *ids(asked(batch))]}) == 3 + 2


def test_another_seed_has_other_prefixes() -> None:
    one, other = (random_tokens(shared(32, 4, 2), Need(4, 0), IDS, seed) for seed in "ab")

    assert not {each[:16] for each in ids(asked(one))} & {each[:16] for each in ids(asked(other))}


@pytest.mark.parametrize(
    ("prefixes", "requests", "share"),
    [
        # 10 prompts of 300 + 100 tokens; the first use of the one prefix is no hit: 9 x 300.
        (1, 10, 9 * 300 / (10 * 400)),
        # Of 4 prefixes 4 uses are first ones: 6 x 300.
        (4, 10, 6 * 300 / (10 * 400)),
        # More prefixes than requests: nothing is used twice.
        (20, 10, 0.0),
        (1, 1, 0.0),
    ],
)
def test_the_declared_share_of_shared_prefixes_is_all_but_their_first_uses(
    prefixes: int, requests: int, share: float
) -> None:
    batch = random_tokens(shared(300, 100, prefixes), Need(requests, 5), IDS, "seed")

    assert batch.cache_share == pytest.approx(share)


# --- traces ----------------------------------------------------------------------------------


def test_prompts_of_a_trace_have_the_lengths_of_its_rows() -> None:
    rows = [row(5), row(1100, (0, 1, 2)), row(512, (7,)), row(513, (7, 8))]

    batch = trace_tokens(rows, 0, IDS, "seed")

    assert [len(each) for each in ids(asked(batch))] == [5, 1100, 512, 513]


def test_blocks_of_the_same_id_are_the_same_tokens_and_others_differ() -> None:
    rows = [row(1024, (0, 1)), row(1024, (0, 2)), row(600, (0, 1)), row(1024, (2, 0))]

    one, two, short, turned = ids(asked(trace_tokens(rows, 0, IDS, "seed")))

    assert one[:512] == two[:512]
    assert one[512:528] != two[512:528]
    assert short == one[:600]
    assert turned == two[512:] + one[:512]


def test_a_trace_without_blocks_shares_nothing() -> None:
    batch = trace_tokens([row(100), row(100), row(100)], 0, IDS, "seed")

    assert len({each[:16] for each in ids(asked(batch))}) == 3
    assert batch.cache_share == 0


def test_the_declared_share_of_a_trace_is_what_earlier_rows_begin_with() -> None:
    rows = [
        row(1100, (0, 1, 2)),  # first uses: 0
        row(1100, (0, 1, 3)),  # 0 and 1: 1024
        row(600, (0, 1)),  # 512 and 88 of block 1: 600
        row(1024, (4, 1)),  # begins with an unseen block, so 1 is no hit: 0
        row(1100, (0, 1, 2)),  # all: 1100
        row(1200, (0, 1, 3)),  # 1024, and the 76 tokens of block 3 that there were: 1100
        row(100),  # 0
    ]

    share = trace_tokens(rows, 3, IDS, "seed").cache_share

    assert share == pytest.approx((1024 + 600 + 1100 + 1100) / (3 * 1100 + 600 + 1024 + 1200 + 100))


def test_the_warm_up_of_a_trace_has_the_first_lengths_and_no_block_of_it() -> None:
    rows = [row(600, (0, 1)), row(40)]

    batch = trace_tokens(rows, 3, IDS, "seed")

    warm = ids(batch.warmup)
    assert [len(each) for each in warm] == [600, 40, 600]
    assert len({each[:16] for each in [*warm, *ids(asked(batch))]}) == 5


def test_without_a_vocabulary_the_blocks_of_a_trace_are_words() -> None:
    one, two = asked(trace_tokens([row(512, (0,)), row(600, (0, 1))], 0, WORDS, "seed"))

    assert one.text
    assert two.text
    assert len(two.text.split()) == 600
    assert two.text.startswith(one.text + " ")


# --- conversations ---------------------------------------------------------------------------


def test_questions_go_through_the_chat_and_come_once_each() -> None:
    [batch] = chats(QUESTIONS, [Need(20, 5)], "seed")

    made = [*asked(batch), *batch.warmup]
    assert all(prompt.token_ids is None and prompt.text is None for prompt in made)
    assert {prompt.messages[0]["role"] for prompt in made if prompt.messages} == {"user"}
    assert len({json.dumps(prompt.messages) for prompt in made}) == 25
    assert batch.cache_share == 0


def test_several_levels_are_dealt_different_questions() -> None:
    batches = chats(QUESTIONS, [Need(6, 1), Need(6, 1), Need(6, 1)], "seed")

    made = [json.dumps(p.messages) for batch in batches for p in [*asked(batch), *batch.warmup]]
    assert len(set(made)) == 21


def test_another_seed_asks_the_questions_in_another_order() -> None:
    assert chats(QUESTIONS, [Need(25, 0)], "a") != chats(QUESTIONS, [Need(25, 0)], "b")


@pytest.mark.parametrize(
    "needs",
    [[Need(10_000, 0)], [Need(1, 9_999)], [Need(20, 0)] * 500],
    ids=["requests", "warm-up", "levels together"],
)
def test_more_questions_than_there_are_is_a_configuration_error(needs: list[Need]) -> None:
    with pytest.raises(ConfigError, match=r"workload\.levels: 10000 requests .* questions;"):
        chats(QUESTIONS, needs, "seed")


# --- the share that is repeated --------------------------------------------------------------


def test_a_beginning_counts_from_its_second_use_up_to_where_prompts_part() -> None:
    prompts = [
        [("a", 10), ("b", 5)],  # first uses
        [("a", 10), ("c", 5), ("b", 5)],  # a: 10; b follows something else
        [("a", 10), ("b", 5), ("d", 1)],  # a and b: 15
    ]

    assert repeated_share(prompts) == pytest.approx(25 / 51)


def test_pieces_of_different_length_are_the_same_as_far_as_both_reach() -> None:
    # The second prompt repeats 4 of its 10; the third 10, but not "x" behind its longer piece.
    prompts = [[("a", 4)], [("a", 10), ("x", 2)], [("a", 11), ("x", 2)]]

    assert repeated_share(prompts) == pytest.approx(14 / 29)


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), min_size=1, max_size=12))
def test_the_repeated_share_is_that_of_the_longest_common_beginnings(
    prompts: list[list[int]],
) -> None:
    # Pieces of length 1: the share must be what comparing each prompt with all before gives.
    def common(one: list[int], other: list[int]) -> int:
        same = [a == b for a, b in zip(one, other, strict=False)]
        return same.index(False) if False in same else len(same)

    repeated = sum(
        max((common(prompt, earlier) for earlier in prompts[:i]), default=0)
        for i, prompt in enumerate(prompts)
    )

    share = repeated_share([(piece, 1) for piece in prompt] for prompt in prompts)

    assert share == pytest.approx(repeated / sum(len(prompt) for prompt in prompts))


def test_no_prompt_repeats_nothing() -> None:
    assert repeated_share([]) == 0
