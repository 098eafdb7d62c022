"""harness.load.client: one streamed request becomes one row, whatever the server does."""

import asyncio
import itertools
from typing import Any

import aiohttp
import pytest

from harness.config.run import FixedOutput, NaturalOutput
from harness.load.client import Request, send
from harness.load.prompts import Prompt
from tests.scripted_server import (
    DONE,
    Answer,
    ScriptedServer,
    Seen,
    chat_piece,
    event,
    last_usage,
    one_token_per_event,
    piece,
    usage,
    usage_at_the_end_only,
)

FIXED = FixedOutput(kind="fixed", tokens=4)
NATURAL = NaturalOutput(kind="natural", max_tokens=9)
TEXT = Prompt(text="some words")


def ask(
    answer: Answer,
    prompt: Prompt = TEXT,
    output: FixedOutput | NaturalOutput = FIXED,
    timeout_s: float = 20.0,
) -> tuple[Request, Seen]:
    """Send one request to a server that gives this answer."""
    request = Request("c1", 0, 0.0)

    async def go(url: str) -> None:
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await send(session, url, "served", prompt, output, request)

    with ScriptedServer(lambda _: answer) as server:
        asyncio.run(go(server.url))
    return request, server.seen[0]


def test_one_token_per_event_gives_one_time_per_token() -> None:
    request, _ = ask(one_token_per_event(4))

    assert request.ok
    assert request.token_counts == [1, 1, 1, 1]
    assert len(request.token_times_s) == 4
    assert (request.prompt_tokens, request.output_tokens) == (5, 4)
    assert request.finish_reason == "length"


def test_times_ascend_from_sending_to_the_end() -> None:
    request, _ = ask(one_token_per_event(6))

    times = [request.sent_s, *request.token_times_s, request.end_s]
    assert all(earlier <= later for earlier, later in itertools.pairwise(times))


def test_several_tokens_in_an_event_count_by_the_servers_running_count() -> None:
    # 7 tokens in 3 events: 1, then 4 more, then 2 more.
    pieces = [piece("a", 1), piece("bcde", 5), piece("fg", 7, "length"), last_usage(7), DONE]

    request, _ = ask(Answer(pieces))

    assert request.token_counts == [1, 4, 2]
    assert request.output_tokens == 7


def test_a_token_without_text_counts_when_the_servers_count_grows() -> None:
    # Half of a Chinese character: a token, but nothing to show yet.
    request, _ = ask(Answer([piece("", 1), piece("字", 2, "stop"), last_usage(2), DONE]))

    assert request.token_counts == [1, 1]


def test_the_role_in_a_chats_first_event_is_no_token() -> None:
    pieces = [
        chat_piece({"role": "assistant", "content": ""}, 0),
        chat_piece({"content": "a"}, 1),
        chat_piece({"content": "b"}, 2, "stop"),
        last_usage(2),
        DONE,
    ]

    request, _ = ask(Answer(pieces), Prompt(chat="hello"), NATURAL)

    assert request.token_counts == [1, 1]
    assert request.ok


def test_reasoning_counts_as_output() -> None:
    pieces = [
        chat_piece({"role": "assistant", "content": ""}, None),
        chat_piece({"reasoning_content": "hm"}, None),
        chat_piece({"content": "a"}, None, "stop"),
        last_usage(2),
        DONE,
    ]

    request, _ = ask(Answer(pieces), Prompt(chat="hello"), NATURAL)

    assert request.token_counts == [1, 1]


def test_an_empty_first_event_is_no_token_without_counts() -> None:
    request, _ = ask(Answer([piece("", None), piece("a", None, "stop"), last_usage(1), DONE]))

    assert request.token_counts == [1]


def test_without_running_counts_each_event_with_text_counts_one() -> None:
    request, _ = ask(usage_at_the_end_only(events=3, tokens=3))

    assert request.token_counts == [1, 1, 1]
    assert request.output_tokens == 3


def test_counts_that_come_only_with_the_last_choice_are_not_counted_twice() -> None:
    # As some hosted APIs stream: counts only in the event with the finish reason.
    pieces = [piece("a", None), piece("b", None), piece("", 2, "stop"), DONE]

    request, _ = ask(Answer(pieces))

    assert request.output_tokens == 2
    assert sum(request.token_counts) == 2


def test_keep_alive_comments_and_other_fields_are_passed_over() -> None:
    pieces = [b": ping\n\n", b"event: token\nid: 7\n", piece("a", 1, "stop"), b"\n\n: ping\n", DONE]

    request, _ = ask(Answer(pieces))

    assert request.ok
    assert request.token_counts == [1]


def test_lines_may_be_cut_anywhere_on_the_wire() -> None:
    whole = b"".join(one_token_per_event(3).pieces).replace(b"\n\n", b"\r\n\r\n")

    request, _ = ask(Answer([whole[i : i + 7] for i in range(0, len(whole), 7)]))

    assert request.ok
    assert request.token_counts == [1, 1, 1]


def test_a_stream_without_the_closing_mark_is_whole_when_it_has_a_finish_reason() -> None:
    request, _ = ask(Answer([piece("a", 1, "stop")]))

    assert request.ok


def test_an_error_event_fails_the_request_with_its_text() -> None:
    request, _ = ask(Answer([piece("a", 1), event({"error": {"message": "out of memory"}}), DONE]))

    assert request.error_kind == "error_event"
    assert "out of memory" in str(request.error)


def test_a_stream_that_ends_without_a_finish_reason_is_cut() -> None:
    request, _ = ask(Answer([piece("a", 1), piece("b", 2)]))

    assert request.error_kind == "cut"


def test_a_connection_lost_inside_the_stream_is_a_failure() -> None:
    request, _ = ask(Answer([piece("a", 1), piece("b", 2)], break_off=True))

    assert request.error_kind == "connection"
    assert request.token_counts == [1, 1]


@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_an_http_error_is_named_by_its_status(status: int) -> None:
    request, _ = ask(Answer([b"slow down"], status=status))

    assert (request.error_kind, request.error) == (f"http_{status}", "slow down")
    assert request.token_times_s == []


def test_a_long_error_page_is_shortened() -> None:
    request, _ = ask(Answer([b"x" * 9000], status=500))

    assert request.error == "x" * 500


@pytest.mark.parametrize(
    "line",
    [b'{"choices": [', b"null", b"[]", b"7", b'{"choices": [], "usage": {"total_tokens": 3}}'],
    ids=["no JSON", "null", "list", "number", "other counts"],
)
def test_a_malformed_event_fails_the_request_and_raises_nothing(line: bytes) -> None:
    request, _ = ask(Answer([piece("a", 1), b"data: " + line + b"\n\n", DONE]))

    assert request.error_kind == "malformed"
    assert request.end_s >= request.sent_s > 0


@pytest.mark.parametrize(
    "line", [b'{"choices": [{"index": 0, "delta": null}]}', b'{"choices": null}']
)
def test_null_where_a_delta_or_a_list_is_due_brings_no_token_and_raises_nothing(
    line: bytes,
) -> None:
    request, _ = ask(Answer([piece("a", 1), b"data: " + line + b"\n\n", DONE]))

    assert request.token_counts == [1]
    assert request.end_s >= request.sent_s > 0


def test_an_answer_without_token_counts_fails_the_request() -> None:
    request, _ = ask(Answer([piece("a", None), piece("b", None, "stop"), DONE]))

    assert request.error_kind == "no_usage"


def test_a_server_that_stops_talking_is_a_timeout() -> None:
    request, _ = ask(Answer([piece("a", 1)], stall=True), timeout_s=0.3)

    assert request.error_kind == "timeout"


def test_nobody_at_the_address_is_a_connection_failure() -> None:
    request = Request("c1", 0, 0.0)

    async def go() -> None:
        async with aiohttp.ClientSession() as session:
            await send(session, "http://127.0.0.1:9", "served", TEXT, FIXED, request)

    asyncio.run(go())

    assert request.error_kind == "connection"


@pytest.mark.parametrize(
    ("prompt", "path", "asked"),
    [
        (Prompt(token_ids=(3, 1, 2)), "/v1/completions", {"prompt": [3, 1, 2]}),
        (Prompt(text="abc"), "/v1/completions", {"prompt": "abc"}),
        (
            Prompt(chat="hello"),
            "/v1/chat/completions",
            {"messages": [{"role": "user", "content": "hello"}]},
        ),
    ],
    ids=["ids", "text", "chat"],
)
def test_a_prompt_goes_where_its_kind_belongs(
    prompt: Prompt, path: str, asked: dict[str, Any]
) -> None:
    _, seen = ask(one_token_per_event(1), prompt)

    assert seen.path == path
    assert asked.items() <= seen.body.items()


def test_a_fixed_length_is_asked_for_from_both_sides() -> None:
    _, seen = ask(one_token_per_event(4), TEXT, FIXED)

    assert (seen.body["max_tokens"], seen.body["min_tokens"], seen.body["ignore_eos"]) == (
        4,
        4,
        True,
    )


def test_a_natural_length_only_has_a_limit() -> None:
    _, seen = ask(one_token_per_event(4), TEXT, NATURAL)

    assert seen.body["max_tokens"] == 9
    assert not {"min_tokens", "ignore_eos"} & set(seen.body)


def test_every_request_streams_greedily_with_running_counts() -> None:
    _, seen = ask(one_token_per_event(1))

    assert (seen.body["model"], seen.body["stream"], seen.body["temperature"]) == (
        "served",
        True,
        0,
    )
    assert seen.body["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}


def test_a_row_holds_every_field_for_the_table_on_disk() -> None:
    request, _ = ask(Answer([event({"choices": [], "usage": usage(5, 0)}), DONE]))

    assert request.row()["prompt_tokens"] == 5
    assert request.row()["token_times_s"] == []
