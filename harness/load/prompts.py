"""What is asked: random tokens of exact length, or conversations through the chat template.

Every prompt of a level is drawn anew, also its shared beginnings: what a server has cached from
another level, another seed or the warm-up is of no use to it. Two draws could only agree by
chance: 16 tokens (a block of vLLM's prefix cache on GPUs) of a vocabulary of 30,000 do so once in
30,000^16 times.
"""

import functools
import itertools
import random
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.config.workload import (
    FilePrompts,
    QuestionPrompts,
    SharedPrefixPrompts,
    SyntheticPrompts,
)
from harness.errors import ConfigError
from harness.load import conversations
from harness.load.trace import BLOCK_TOKENS, TraceRequest

_WORDS = ["time", "year", "people", "way", "day", "thing", "life", "world", "school", "state"]


@dataclass(frozen=True)
class Prompt:
    """One request's input: token ids, plain text, or the messages of a chat."""

    token_ids: tuple[int, ...] | None = None
    text: str | None = None
    messages: tuple[dict[str, Any], ...] | None = None


@dataclass(frozen=True)
class Vocabulary:
    """The token ids that random prompts may use; None where the tokenizer is not at hand."""

    ordinary_ids: Sequence[int] | None


@dataclass(frozen=True)
class Batch:
    """The prompts of one level."""

    sessions: list[tuple[Prompt, ...]]  # turns that follow one another
    warmup: list[Prompt]
    # Share of the prompt tokens that earlier prompts of the level begin with as well, so that they
    # could come from a prefix cache. The cache keeps whole blocks (of 16 tokens in vLLM on GPUs)
    # and computes the last token of a prompt anew, so it may give less. Of chats: estimated.
    cache_share: float


@dataclass(frozen=True)
class Need:
    """What a level takes from a file of conversations."""

    requests: int
    warmup: int


# --- random tokens ---------------------------------------------------------------------------


def random_tokens(
    spec: SyntheticPrompts | SharedPrefixPrompts,
    need: Need,
    vocabulary: Vocabulary,
    seed: str,
) -> Batch:
    """Prompts of exactly the length asked for; the same seed gives the same prompts.

    Shared prefixes take turns: request i begins with prefix i modulo their number. The warm-up's
    prompts are as long and share nothing. Without a vocabulary they are that many English words,
    and the count of tokens is the server's to tell.
    """
    draw = _Draw(vocabulary)
    prefixes: list[tuple[int, ...]] = [()]
    if isinstance(spec, SyntheticPrompts):
        length = unique = spec.input_tokens
    else:
        length, unique = spec.prefix_tokens + spec.unique_tokens, spec.unique_tokens
        rng = random.Random(f"{seed}/prefixes")
        prefixes = [draw.tokens(rng, spec.prefix_tokens) for _ in range(spec.prefixes)]
    rng, warm = random.Random(seed), random.Random(f"{seed}/warmup")
    return Batch(
        [
            (draw.prompt(prefixes[i % len(prefixes)] + draw.tokens(rng, unique)),)
            for i in range(need.requests)
        ],
        [draw.prompt(draw.tokens(warm, length)) for _ in range(need.warmup)],
        repeated_share(
            [(i % len(prefixes), length - unique), (f"unique {i}", unique)]
            for i in range(need.requests)
        ),
    )


def trace_tokens(
    rows: Sequence[TraceRequest], warmup: int, vocabulary: Vocabulary, seed: str
) -> Batch:
    """Random tokens of each row's length; blocks with the same hash id are the same tokens.

    The warm-up's prompts are as long as the first rows (again from the first, where there are
    fewer) and share nothing.
    """
    draw = _Draw(vocabulary)
    rng, warm = random.Random(seed), random.Random(f"{seed}/warmup")

    @functools.cache
    def block(hash_id: int) -> tuple[int, ...]:
        return draw.tokens(random.Random(f"{seed}/block {hash_id}"), BLOCK_TOKENS)

    def tokens(row: TraceRequest) -> tuple[int, ...]:
        if row.blocks is None:
            return draw.tokens(rng, row.input_tokens)
        whole = itertools.chain.from_iterable(block(hash_id) for hash_id in row.blocks)
        return tuple(itertools.islice(whole, row.input_tokens))

    return Batch(
        [(draw.prompt(tokens(row)),) for row in rows],
        [
            draw.prompt(draw.tokens(warm, row.input_tokens))
            for row in itertools.islice(itertools.cycle(rows), warmup)
        ],
        repeated_share(_pieces(row, i) for i, row in enumerate(rows)),
    )


def _pieces(row: TraceRequest, index: int) -> list[tuple[Hashable, int]]:
    if row.blocks is None:
        return [(f"unique {index}", row.input_tokens)]
    return [
        (hash_id, min(BLOCK_TOKENS, row.input_tokens - i * BLOCK_TOKENS))
        for i, hash_id in enumerate(row.blocks)
    ]


class _Draw:
    """Random tokens, as places in the vocabulary's ids or in a list of English words."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._as_words = vocabulary.ordinary_ids is None
        ids = vocabulary.ordinary_ids
        self._pool: Sequence[int] = range(len(_WORDS)) if ids is None else ids

    def tokens(self, rng: random.Random, count: int) -> tuple[int, ...]:
        return tuple(rng.choices(self._pool, k=count))

    def prompt(self, tokens: tuple[int, ...]) -> Prompt:
        if self._as_words:
            return Prompt(text=" ".join(_WORDS[token] for token in tokens))
        return Prompt(token_ids=tokens)


# --- conversations ---------------------------------------------------------------------------


def chats(spec: QuestionPrompts | FilePrompts, needs: Sequence[Need], seed: str) -> list[Batch]:
    """One batch for each need, dealt from all conversations in seeded random order, none twice.

    A need is met when its sessions hold so many turns; its last session is cut to fit. Warm-up
    prompts are first turns. Raises ConfigError when the conversations do not go round.
    """
    whole = conversations.read(spec)
    at_most = spec.max_turns if isinstance(spec, FilePrompts) else 1
    deck = iter(random.Random(seed).sample(range(len(whole)), len(whole)))
    try:
        return [_deal(whole, deck, at_most, need) for need in needs]
    except _Short:
        asked = sum(need.requests + need.warmup for need in needs)
        of_turns = f" of up to {at_most} turns" if at_most > 1 else ""
        raise ConfigError(
            f"workload.levels: {asked} requests in all levels with their warm-up, but only"
            f" {len(whole)} conversations{of_turns} come from {conversations.name(spec)}; repeated"
            " prompts would come from the cache: lower requests or give more text"
        ) from None


class _Short(Exception):
    """There are too few conversations."""


def _deal(
    whole: Sequence[conversations.Conversation], deck: Iterator[int], at_most: int, need: Need
) -> Batch:
    sessions: list[tuple[conversations.Conversation, ...]] = []
    left = need.requests
    drawn = (conversations.turns(whole[i], at_most) for i in deck)
    while left:
        turns = next(drawn, None)
        if turns is None:
            raise _Short
        sessions.append(turns[:left])
        left -= len(sessions[-1])
    warmup = [turns[0] for turns in itertools.islice(drawn, need.warmup)]
    if len(warmup) < need.warmup:
        raise _Short
    return Batch(
        [tuple(Prompt(messages=messages) for messages in turns) for turns in sessions],
        [Prompt(messages=messages) for messages in warmup],
        repeated_share(
            [((said["role"], said["content"]), len(said["content"])) for said in messages]
            for turns in sessions
            for messages in turns
        ),
    )


# --- what a prefix cache could give ----------------------------------------------------------


def repeated_share(prompts: Iterable[Sequence[tuple[Hashable, int]]]) -> float:
    """Share of all prompts' length that lies in beginnings which an earlier prompt has as well.

    A prompt is a sequence of pieces (identity, length); pieces of the same identity are the same
    text as far as both reach. The first use of a beginning is not a repetition. Lengths in tokens
    give the exact share of tokens; lengths of messages in characters estimate it, since characters
    a token vary and the chat template's own tokens are not counted.
    """
    # Beginnings as a tree: (parent, identity) -> its number and the longest seen of its last piece.
    seen: dict[tuple[int, Hashable], tuple[int, int]] = {}
    total = repeated = 0
    for pieces in prompts:
        parent, known = 0, True
        for identity, length in pieces:
            number, longest = seen.get((parent, identity), (len(seen) + 1, 0))
            total += length
            if known:
                repeated += min(length, longest)
            known = known and length <= longest
            seen[parent, identity] = (number, max(length, longest))
            parent = number
    return repeated / total if total else 0.0
