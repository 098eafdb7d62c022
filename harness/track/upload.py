"""Offline runs -> W&B's server, in the order that gives the lineage its ends."""

import os
import socket
import subprocess
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from harness.errors import FactError, SetupError
from harness.track import offline, session

_PATTERN = "offline-run-*"
TIMEOUT_S = 3600.0
"""For one round: a sweep's samples over a slow line."""
_CONNECT_S = 10.0


def rounds(sweep_dir: Path) -> Iterator[list[Path]]:
    """Folders that may be uploaded side by side: every cell's first attempt, every second, ...

    `wandb sync` uploads what it is given at the same time. Attempts of one run must follow each
    other, and the report's runs come last: a record that the report is the first to upload would
    have no run that made it.
    """
    attempts: dict[str, list[Path]] = defaultdict(list)
    for folder in sorted((sweep_dir / "wandb").glob(_PATTERN)):
        attempts[folder.name.split("-", 3)[3]].append(folder)
    reports = [name for name in attempts if name.startswith(f"report-{sweep_dir.name}-")]
    for group in (sorted(set(attempts) - set(reports)), reports):
        for number in range(max((len(attempts[name]) for name in group), default=0)):
            yield [attempts[name][number] for name in group if number < len(attempts[name])]


def upload(sweep_dir: Path, only: str = "", timeout_s: float = TIMEOUT_S) -> int:
    """Run `wandb sync` on what lies offline, or of one run only; the number of folders.

    What was uploaded before is skipped, and a run that was cut off: it is written anew by
    `harness track`. Raises SetupError with W&B's last word when it cannot, and at once where its
    server cannot be reached: W&B would try again until the time is over.
    """
    # Without a name for the program W&B sends the path of the interpreter's script.
    env = os.environ | {"WANDB_PROGRAM": "harness"}
    count = 0
    for folders in rounds(sweep_dir):
        due = [each for each in folders if each.name.endswith(only) and _is_due(each, sweep_dir)]
        if due:
            if not count:
                _reach()
            _sync(due, sweep_dir, env, timeout_s)
            count += len(due)
    return count


def _reach() -> None:
    if urllib.request.getproxies().keys() - {"no"}:
        return  # a proxy reaches what this machine cannot
    address = urlsplit(session.server())
    host, port = address.hostname, address.port or (80 if address.scheme == "http" else 443)
    try:
        socket.create_connection((host, port), timeout=_CONNECT_S).close()
    except OSError as error:
        raise SetupError(
            f"cannot reach {host}:{port} ({error}); what lies offline is sent by the next"
            " harness track --mode online"
        ) from error


def _sync(folders: list[Path], sweep_dir: Path, env: dict[str, str], timeout_s: float) -> None:
    argv = [sys.executable, "-m", "wandb", "sync"]
    argv += [str(folder.relative_to(sweep_dir)) for folder in folders]
    try:
        # In the sweep's folder: the logs name their files from there.
        done = subprocess.run(
            argv,
            env=env,
            cwd=sweep_dir,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SetupError(f"wandb sync did not end in {timeout_s:g} s; try again") from None
    # Its exit status is 0 when the server refuses, too; it marks what it has uploaded.
    if not all(map(_is_uploaded, folders)):
        lines = f"{done.stdout}\n{done.stderr}".strip().splitlines()
        told = [line for line in lines if "ERROR" in line] or lines or ["no message"]
        raise SetupError(
            f"wandb sync failed: {told[-1].removeprefix('wandb: ').removeprefix('ERROR ')}"
        )


def _is_due(folder: Path, sweep_dir: Path) -> bool:
    logs = list(folder.glob("*.wandb"))
    if _is_uploaded(folder) or not logs:
        return False
    try:
        for log in logs:
            offline.make_relative(log, sweep_dir)
    except FactError:
        return False
    return True


def _is_uploaded(folder: Path) -> bool:
    return any(folder.glob("*.wandb.synced"))
