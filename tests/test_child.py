"""A child cannot outlive its parent, however the parent ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from harness.child import Child

# A child that starts a grandchild of its own session and ignores polite signals.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                       start_new_session=True).pid, flush=True)
time.sleep(600)
"""
PARENT = f"""
import os, sys, time
from pathlib import Path
from harness.child import Child
child = Child([sys.executable, "-c", {STUBBORN!r}], env=os.environ, log=Path(sys.argv[1]),
              stop_timeout_s=0.5)
time.sleep(600)
"""


def child(code: str, log: Path) -> Child:
    return Child([sys.executable, "-c", code], env=os.environ, log=log, stop_timeout_s=0.5)


def grandchild(log: Path) -> psutil.Process:
    for _ in range(200):
        if log.exists() and log.read_text().strip():
            return psutil.Process(int(log.read_text().split()[0]))
        time.sleep(0.05)
    raise AssertionError("the child never started")


def gone(process: psutil.Process) -> bool:
    try:
        process.wait(10)
    except psutil.TimeoutExpired:
        return False
    return True


def test_stopping_kills_grandchildren_that_left_the_session(tmp_path: Path) -> None:
    running = child(STUBBORN, tmp_path / "log")
    process = grandchild(tmp_path / "log")

    running.stop()

    assert gone(process)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_parent_that_is_killed_takes_its_child_along(tmp_path: Path, signum: int) -> None:
    log = tmp_path / "log"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(log)], stderr=subprocess.DEVNULL)
    process = grandchild(log)

    parent.send_signal(signum)
    parent.wait()

    assert gone(process)


def test_a_guard_that_is_killed_itself_takes_a_child_that_heeds_sigterm_along(
    tmp_path: Path,
) -> None:
    running = child("import os, time; print(os.getpid(), flush=True); time.sleep(600)",
                    tmp_path / "log")  # fmt: skip
    process = grandchild(tmp_path / "log")

    running._guard.kill()

    assert gone(process)
    running.stop()


@pytest.mark.parametrize(
    ("code", "expected"),
    [("pass", 0), ("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", -9)],
)
def test_the_exit_status_is_the_childs_own(tmp_path: Path, code: str, expected: int) -> None:
    with child(code, tmp_path / "log") as running:
        assert running.wait(10) == expected


def test_a_program_that_does_not_exist_is_named_in_the_log(tmp_path: Path) -> None:
    with Child(["/no/such/program"], env={}, log=tmp_path / "log", stop_timeout_s=1) as running:
        assert running.wait(10) == 127
        assert running.log_tail() == [
            "cannot start /no/such/program: [Errno 2] No such file or directory: '/no/such/program'"
        ]
