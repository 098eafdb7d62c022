"""An offline run's log with the folders of this machine taken out.

W&B writes into the log where each file of an artifact lies on this machine, and its upload sends
that along. Here those places are made relative to the sweep's folder: nothing of the machine is
sent, and a sweep that was moved can still be uploaded. `wandb sync` must run in that folder.

The log is a LevelDB log after a header of 7 bytes: blocks of 32 KiB, counted from the start of the
file; in them chunks of checksum, length, type (1 whole, 2 first, 3 middle, 4 last) and data.
"""

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.errors import FactError

_MAGIC = b":W&B\xe1\xbe\x00"
_BLOCK = 32 * 1024
_HEADER = struct.Struct("<IHB")
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


def make_relative(log: Path, sweep_dir: Path) -> None:
    """Rewrite the log under a temporary name, then rename it.

    Raises FactError for a log of another form, or of a run that did not end; it stays as it is.
    """
    from wandb.proto.wandb_internal_pb2 import Record

    prefix = f"{sweep_dir.resolve()}{os.sep}"
    changed = []
    for data in read(log):
        record = Record.FromString(data)
        if record.WhichOneof("record_type") == "artifact":
            for item in record.artifact.manifest.contents:
                item.local_path = item.local_path.removeprefix(prefix)
        changed.append(record)
    if not changed or changed[-1].WhichOneof("record_type") != "exit":
        raise FactError(f"{log}: the run did not end; harness track writes it anew")
    partial = log.with_name(f".{log.name}.partial")
    partial.write_bytes(_framed(_bytes(changed)))
    partial.replace(log)


def _bytes(records: Iterable[Any]) -> Iterator[bytes]:
    for record in records:
        data: bytes = record.SerializeToString()
        yield data


def read(log: Path) -> Iterator[bytes]:
    """The records of a log, as bytes. Raises FactError where it is cut or damaged."""
    data = log.read_bytes()
    if not data.startswith(_MAGIC):
        raise FactError(f"{log}: not a W&B log of the form that this harness knows")
    at, whole = len(_MAGIC), b""
    while at < len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER.size:
            at += left
            continue
        start = at + _HEADER.size
        if start > len(data):
            raise FactError(f"{log}: cut at byte {at}")
        checksum, length, kind = _HEADER.unpack_from(data, at)
        chunk = data[start : start + length]
        if zlib.crc32(chunk, zlib.crc32(bytes([kind]))) != checksum:
            raise FactError(f"{log}: cut or damaged at byte {at}")
        at = start + length
        whole += chunk
        if kind in (_WHOLE, _LAST):
            yield whole
            whole = b""
    if whole:
        raise FactError(f"{log}: the last record is cut")


def _framed(records: Iterable[bytes]) -> bytes:
    out = bytearray(_MAGIC)
    for data in records:
        at = 0
        while True:
            left = _BLOCK - len(out) % _BLOCK
            if left < _HEADER.size:
                out += bytes(left)
                continue
            part = data[at : at + left - _HEADER.size]
            first, last = at == 0, at + len(part) == len(data)
            kind = (_WHOLE if last else _FIRST) if first else (_LAST if last else _MIDDLE)
            out += _HEADER.pack(zlib.crc32(part, zlib.crc32(bytes([kind]))), len(part), kind)
            out += part
            at += len(part)
            if last:
                break
    return bytes(out)
