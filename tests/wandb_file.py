"""Read an offline W&B run back: records framed as in a LevelDB log, after a header of 7 bytes."""

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

BLOCK, HEADER = 32768, struct.Struct("<IHB")
FULL, LAST = 1, 4


def records(path: Path) -> Iterator[Any]:
    """Every record of a `.wandb` file; checksums are checked."""
    data = path.read_bytes()
    assert data[:4] == b":W&B"
    at, whole = 7, b""
    while at + HEADER.size <= len(data):
        left = BLOCK - at % BLOCK
        if left < HEADER.size:
            at += left
            continue
        crc, length, kind = HEADER.unpack_from(data, at)
        chunk = data[at + HEADER.size : at + HEADER.size + length]
        assert zlib.crc32(chunk, zlib.crc32(bytes([kind]))) == crc
        at += HEADER.size + length
        whole += chunk
        if kind in (FULL, LAST):
            yield Record.FromString(whole)
            whole = b""


def values(items: Any) -> dict[str, Any]:
    """Config, summary or history items as a flat dictionary."""
    return {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in items}
