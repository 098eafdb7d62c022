import re
from pathlib import Path

import pytest
from wandb.proto.wandb_internal_pb2 import Record

from harness.errors import FactError
from harness.track import offline
from tests import wandb_file
from tests.track.conftest import Tracked


@pytest.fixture
def log(tmp_path: Path, tracked: Tracked) -> Path:
    """A real log, in whose artifacts the files lie in this sweep's folder again."""
    source = next((tracked.folder / "wandb").glob("offline-run-*-report-*/*.wandb"))
    copy = tmp_path / "run.wandb"
    copy.write_bytes(source.read_bytes())
    return copy


def _artifact(path: str, text: str = "") -> bytes:
    record = Record()
    record.artifact.description = text
    record.artifact.manifest.contents.add().local_path = path
    data: bytes = record.SerializeToString()
    return data


def _exit() -> bytes:
    record = Record()
    record.exit.exit_code = 0
    data: bytes = record.SerializeToString()
    return data


def test_a_rewritten_log_is_read_by_a_reader_that_was_written_apart(log: Path) -> None:
    before = [record.SerializeToString() for record in wandb_file.records(log)]
    offline.make_relative(log, log.parent)
    assert [record.SerializeToString() for record in wandb_file.records(log)] == before


@pytest.mark.parametrize("length", [10, 32_700, 32_736, 32_760, 100_000])
def test_only_places_in_the_sweeps_folder_change_whatever_the_blocks(
    tmp_path: Path, length: int
) -> None:
    log = tmp_path / "run.wandb"
    inside, outside = str(tmp_path / "wandb" / "x"), "/elsewhere/x"
    records = [_artifact(inside, "t" * length), _artifact(outside), _artifact(inside), _exit()]
    log.write_bytes(offline._framed(records))

    offline.make_relative(log, tmp_path)

    found = [record.artifact for record in wandb_file.records(log)][:3]
    assert [a.manifest.contents[0].local_path for a in found] == ["wandb/x", outside, "wandb/x"]
    assert len(found[0].description) == length


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: b"something else", "not a W&B log of the form"),
        (lambda data: data[:-3], "cut or damaged"),
        (lambda data: data[:10], "cut at byte 7"),
        (lambda data: data[:7], "the run did not end"),
        (lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:], "cut or damaged at byte 7"),
    ],
)
def test_a_log_of_another_form_is_refused_and_stays(log: Path, damage: object, said: str) -> None:
    broken = damage(log.read_bytes())  # type: ignore[operator]
    log.write_bytes(broken)
    with pytest.raises(FactError, match=re.escape(said)):
        offline.make_relative(log, log.parent)
    assert log.read_bytes() == broken
