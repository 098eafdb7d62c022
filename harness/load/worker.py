"""A process of the load generator: `python -m harness.load.worker DESCRIPTOR CORE`.

Talks with its parent over the inherited descriptor: gets a Job, opens its connections, says that
it is ready, gets the moment to start, gives back an Outcome. Ends when the parent is gone.
"""

import ctypes
import os
import sys
import time
from multiprocessing.connection import Connection as Pipe

from harness.load.client import Client, Job, Stop

_PR_SET_TIMERSLACK = 29


def main(descriptor: int, core: int) -> None:
    """Do jobs until the parent closes its end."""
    if core >= 0 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    if sys.platform == "linux":
        # Without it every wait ends some 50 us late.
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    pipe: Pipe[object, object] = Pipe(descriptor)
    try:
        while True:
            _work(pipe)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent has ended


def _work(pipe: "Pipe[object, object]") -> None:
    job = pipe.recv()
    assert isinstance(job, Job)
    told = time.monotonic()

    def control(done: int) -> None:
        nonlocal told
        if pipe.poll():
            raise Stop(str(pipe.recv()))
        if time.monotonic() - told > 0.2:
            told = time.monotonic()
            pipe.send(done)

    client = Client(job, control, pipe.fileno())
    client.prepare()
    pipe.send("ready")
    start_ns = pipe.recv()
    assert isinstance(start_ns, int)
    pipe.send(client.run(start_ns))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
