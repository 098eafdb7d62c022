"""A child process that cannot outlive us, however we end.

A small guard process stands between: it holds one end of a pipe whose other end is ours. When the
pipe closes (we ended, were killed, or asked it to stop) the guard stops the child and everything
the child started. The guard is a subreaper, so that grandchildren whose parent died come to it
instead of escaping to init (Linux; elsewhere it stops what it can still find as a descendant).
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


class Child:
    """A guarded child; its output goes to `log`. Also a context manager that stops it."""

    def __init__(
        self, argv: Sequence[str], *, env: Mapping[str, str], log: Path, stop_timeout_s: float
    ) -> None:
        self.log = log
        self._stop_timeout_s = stop_timeout_s
        with log.open("ab") as sink:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", __file__, str(stop_timeout_s), *argv],
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=dict(env),
                start_new_session=True,  # a Ctrl-C in the terminal reaches us, and only us
            )

    def returncode(self) -> int | None:
        """Exit status of the child (negative: the signal), or None while it runs."""
        code = self._guard.poll()
        return code if code is None or code < 128 else 128 - code

    def wait(self, timeout_s: float) -> int | None:
        """Wait up to `timeout_s` for the child to end by itself; None if it still runs."""
        try:
            self._guard.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        return self.returncode()

    def stop(self) -> None:
        """Stop the child and all that it started; returns when nothing of it is left."""
        if self._guard.stdin and not self._guard.stdin.closed:
            self._guard.stdin.close()
        try:
            self._guard.wait(2 * self._stop_timeout_s + 10)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()

    def log_tail(self, lines: int = 15) -> list[str]:
        """The last lines that the child printed."""
        text = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        return [line for line in text.splitlines() if line.strip()][-lines:]

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def run_job(main: Callable[[Path], None]) -> NoReturn:
    """In a child: run `main` on the job file named on the command line, and exit.

    A failure is printed whole, then once more as the last line, which the parent shows.
    """
    try:
        main(Path(sys.argv[1]))
    except Exception as error:  # any kind: the parent reads the last line, the log has the rest
        traceback.print_exc()
        print(f"ERROR {type(error).__name__}: {error}", flush=True)
        sys.exit(1)
    sys.exit(0)


def _descendants() -> set[int]:
    """All processes below this one, ended but not yet reaped ones too.

    Read from /proc, since the guard runs isolated, without psutil.
    """
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path("/proc", entry, "stat").read_text()
            except OSError:
                continue  # it ended while we were reading
            parents[int(entry)] = int(stat.rpartition(")")[2].split()[1])
    found: set[int] = set()
    fresh = {os.getpid()}
    while fresh:
        fresh = {pid for pid, ppid in parents.items() if ppid in fresh} - found
        found |= fresh
    return found


def _signal_all(signum: int) -> None:
    for pid in _descendants():
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            continue


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _stop_all(timeout_s: float) -> None:
    for signum in (signal.SIGTERM, signal.SIGKILL):
        _signal_all(signum)
        deadline = time.monotonic() + timeout_s
        while _descendants() and time.monotonic() < deadline:
            _reap()
            time.sleep(0.05)
        if not _descendants():
            return


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _guard(timeout_s: float, argv: list[str]) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda signum, _frame: asked.append(signum))
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            # Should somebody kill the guard itself, the kernel asks the child to end.
            preexec_fn=lambda: _prctl(  # noqa: PLW1509  # the guard has no threads
                _PR_SET_PDEATHSIG, signal.SIGTERM
            ),
        )
    except OSError as error:
        print(f"cannot start {argv[0]}: {error}", flush=True)
        return 127
    while child.poll() is None and not asked:
        readable, _, _ = select.select([0], [], [], 0.1)
        if readable and not os.read(0, 1):
            break
    code = child.poll()
    _stop_all(timeout_s)
    _reap()
    if code is None:
        return 128 + signal.SIGTERM
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(_guard(float(sys.argv[1]), sys.argv[2:]))
