"""harness.load.trace: recorded traces as due times, lengths and shared blocks."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import pytest

from harness.config.workload import TraceLevel
from harness.errors import ConfigError
from harness.load.trace import TraceRequest, read

AZURE_HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"


def level(
    path: Path,
    kind: Literal["mooncake", "azure"],
    requests: int,
    speed: float = 1.0,
    sha256: str | None = None,
) -> TraceLevel:
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "0" * 64
    return TraceLevel(
        kind="trace",
        path=path,
        sha256=sha256 or found,
        format=kind,
        requests=requests,
        speed=speed,
    )


def mooncake(folder: Path, *rows: Any) -> Path:
    path = folder / "trace.jsonl"
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def azure(folder: Path, *rows: str, header: str = AZURE_HEADER, end: str = "\r\n") -> Path:
    path = folder / "trace.csv"
    path.write_bytes(end.join((header, *rows, "")).encode())
    return path


def row(timestamp: Any, given: Any, asked: Any, ids: Any = None) -> dict[str, Any]:
    made = {"timestamp": timestamp, "input_length": given, "output_length": asked}
    return made if ids is None else made | {"hash_ids": ids}


def refusal(asked: TraceLevel) -> str:
    with pytest.raises(ConfigError) as caught:
        read(asked)
    [line] = str(caught.value).splitlines()
    return line


def test_a_mooncake_trace_gives_times_lengths_and_blocks(tmp_path: Path) -> None:
    # 1,100 tokens are two whole blocks of 512 and one of 76.
    path = mooncake(tmp_path, row(3000, 1100, 52, [0, 1, 2]), row(4500, 512, 7, [0]))

    assert read(level(path, "mooncake", 2)) == [
        TraceRequest(0.0, 1100, 52, (0, 1, 2)),
        TraceRequest(1.5, 512, 7, (0,)),
    ]


def test_an_azure_trace_gives_times_and_lengths(tmp_path: Path) -> None:
    # The first two lines of the conversation trace of 2023: 50.9951690 - 46.6805900 s.
    path = azure(
        tmp_path, "2023-11-16 18:15:46.6805900,374,44", "2023-11-16 18:15:50.9951690,396,109"
    )

    first, second = read(level(path, "azure", 2))

    assert first == TraceRequest(0.0, 374, 44, None)
    assert (second.input_tokens, second.output_tokens, second.blocks) == (396, 109, None)
    # Python's times end at the microsecond, the trace's at a tenth of it.
    assert second.due_s == pytest.approx(4.314579, abs=2e-6)


def test_times_of_the_later_azure_trace_with_and_without_fractions_are_read(
    tmp_path: Path,
) -> None:
    path = azure(
        tmp_path,
        "2024-05-12 00:00:00+00:00,10,1",
        "2024-05-12 00:00:00.250000+00:00,10,1",
        "2024-05-12 02:00:01+02:00,10,1",
        end="\n",
    )

    assert [each.due_s for each in read(level(path, "azure", 3))] == [0.0, 0.25, 1.0]


def test_speed_divides_the_times(tmp_path: Path) -> None:
    path = mooncake(tmp_path, row(0, 5, 5), row(3000, 5, 5))

    assert [each.due_s for each in read(level(path, "mooncake", 2, speed=4.0))] == [0.0, 0.75]


def test_only_the_first_requests_are_read_and_what_follows_may_be_wrong(tmp_path: Path) -> None:
    path = mooncake(tmp_path, row(0, 5, 5), row(1, 6, 6), "not JSON")

    assert [each.input_tokens for each in read(level(path, "mooncake", 2))] == [5, 6]


def test_a_request_without_input_or_output_is_left_out_and_no_time_is_closed_up(
    tmp_path: Path,
) -> None:
    path = mooncake(
        tmp_path,
        row(0, 0, 5, []),
        row(1000, 5, 5, [1]),
        row(2000, 5, 0, [1]),
        row(4000, 5, 6, [1]),
    )

    left = read(level(path, "mooncake", 2))

    assert [(each.due_s, each.output_tokens) for each in left] == [(0.0, 5), (3.0, 6)]


def test_blank_lines_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    path = mooncake(tmp_path, "\ufeff" + json.dumps(row(0, 5, 5)), "", row(1000, 6, 6))

    assert len(read(level(path, "mooncake", 2))) == 2


def test_a_wrong_hash_is_answered_with_the_one_found(tmp_path: Path) -> None:
    path = mooncake(tmp_path, "whatever")

    line = refusal(level(path, "mooncake", 1, sha256="a" * 64))

    found = hashlib.sha256(b"whatever\n").hexdigest()
    assert line.startswith("workload.levels, trace-mooncake-x1: sha256=aaaa")
    assert line.endswith(f"give sha256={found}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nothing.csv"

    line = refusal(level(path, "azure", 1))

    assert line == f"workload.levels, trace-azure-x1: path={path}: no such file"


def test_too_few_requests_are_counted(tmp_path: Path) -> None:
    path = mooncake(tmp_path, row(0, 5, 5), row(0, 0, 5))

    assert refusal(level(path, "mooncake", 2)).endswith(
        "has 1 requests with input and output, not 2; lower requests"
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("{", "no JSON"),
        ("[1]", "one JSON object a line is expected"),
        (row(None, 5, 5), "timestamp: milliseconds from 0 on expected, found None"),
        (row("0", 5, 5), "timestamp: milliseconds from 0 on expected, found '0'"),
        (row(True, 5, 5), "timestamp: milliseconds from 0 on expected, found True"),
        (row(-1, 5, 5), "timestamp: milliseconds from 0 on expected, found -1"),
        (row(float("nan"), 5, 5), "timestamp: milliseconds from 0 on expected, found nan"),
        (row(9, 5.5, 5), "input_length: a whole number of tokens expected, found 5.5"),
        (row(9, -5, 5), "input_length: a whole number of tokens expected, found -5"),
        (row(9, 5, True), "output_length: a whole number of tokens expected, found True"),
        ({"timestamp": 9, "input_length": 5}, "output_length: a whole number of tokens expected"),
        (row(9, 5, 5, ["x"]), "hash_ids: a list of whole numbers is expected"),
        (row(9, 5, 5, 7), "hash_ids: a list of whole numbers is expected"),
        (row(9, 513, 5, [1]), "hash_ids: 513 tokens are 2 blocks of 512, found 1 ids"),
        (row(9, 512, 5, [1, 2]), "hash_ids: 512 tokens are 1 blocks of 512, found 2 ids"),
        (row(7, 5, 5), "timestamp: before that of the line above; sort by time"),
    ],
)
def test_a_wrong_line_of_a_mooncake_trace_is_named_with_its_field(
    tmp_path: Path, wrong: Any, said: str
) -> None:
    path = mooncake(tmp_path, row(8, 5, 5), wrong)

    line = refusal(level(path, "mooncake", 2))

    assert line.startswith(f"workload.levels, trace-mooncake-x1: {path}, line 2: {said}")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("yesterday,5,5", "TIMESTAMP: a time like 2023-11-16 18:15:46.6805900 expected, found"),
        (",5,5", "TIMESTAMP: a time like"),
        ("2023-11-16 18:15:47,x,5", "ContextTokens: a whole number of tokens expected, found 'x'"),
        ("2023-11-16 18:15:47,5,-5", "GeneratedTokens: a whole number of tokens expected"),
        ("2023-11-16 18:15:47,5", "GeneratedTokens: a whole number of tokens expected, found None"),
        ("2023-11-16 18:15:45,5,5", "TIMESTAMP: before that of the line above; sort by time"),
    ],
)
def test_a_wrong_line_of_an_azure_trace_is_named_with_its_field(
    tmp_path: Path, wrong: str, said: str
) -> None:
    path = azure(tmp_path, "2023-11-16 18:15:46,5,5", wrong)

    line = refusal(level(path, "azure", 2))

    assert line.startswith(f"workload.levels, trace-azure-x1: {path}, line 3: {said}")


def test_an_azure_trace_without_its_header_is_told_the_header(tmp_path: Path) -> None:
    path = azure(tmp_path, header="time,ContextTokens,out")

    assert refusal(level(path, "azure", 1)).endswith(
        f"line 1: no column TIMESTAMP, GeneratedTokens; the header is to be {AZURE_HEADER}"
    )


def test_a_compressed_file_is_recognised_as_no_text(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes(b"\x1f\x8b\x08\xff\xfe")

    assert "is it compressed?" in refusal(level(path, "azure", 1))
