"""One process of the load generator: sends what is due, reads what has come, decodes afterwards."""

import contextlib
import ctypes
import gc
import heapq
import os
import select
import struct
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from harness.load.clock import WallClock
from harness.load.connection import Address, Connection
from harness.load.decode import Capture, decode
from harness.load.request import Request

_CLOCK_NS = 100_000_000  # between readings of the wall clock, of deadlines, and of progress
_MANY, _NAP_NS = 50, 1_000_000  # above so many streams, look at most once in a millisecond
_SPIN_NS = 200_000  # a sleeping process wakes some 100 us late: the rest is waited out awake
_AT_ONCE_NS = 50_000  # a poll that returns within this did not wait
_CONNECT_TIMEOUT_S = 5.0
_HOPELESS = 10  # this many failures and no answer: the rest is not tried
_HELD_BYTES = 1 << 30  # undecoded answers beyond this are decoded while the clock runs


@dataclass(frozen=True)
class Turns:
    """One session for this process: whole HTTP requests, ready to be sent."""

    session: int
    first_index: int
    requests: tuple[bytes, ...]
    due_ns: int | None  # from the start
    think_ns: int = 0


@dataclass(frozen=True)
class Job:
    """What one process does of one level."""

    level: str
    address: Address
    sessions: Sequence[Turns]
    concurrency: int | None
    ramp_ns: int
    connections: int
    kernel_stamps: bool
    timeout_s: float
    max_in_flight: int | None


@dataclass
class Outcome:
    """What one process brings back."""

    requests: list[Request] = field(default_factory=list)
    wall_s: float = 0.0
    cpu_s: float = 0.0
    events: int = 0
    late_connections: int = 0
    clock_step_s: float | None = None
    stopped_early: str | None = None


class Stop(Exception):
    """The parent wants no more of this."""


@dataclass
class _Active:
    """A request in flight."""

    turns: Turns
    turn: int
    capture: Capture
    deadline_ns: int


class Client:
    """Runs one job. `prepare` opens the connections; `run` starts at a given moment."""

    def __init__(self, job: Job, control: Callable[[int], None], control_fd: int | None = None):
        """`control` is told the number of finished requests now and then, and at once when
        `control_fd` becomes readable; it may raise Stop."""
        self._job = job
        self._control = control
        self._control_fd = control_fd
        self._epoll = select.epoll()
        self._timer = _Timer()
        self._clock = WallClock()
        self._idle: list[Connection] = []
        self._connections: dict[int, Connection] = {}
        self._active: dict[int, _Active] = {}
        self._waiting: deque[Turns] = deque()  # closed loop: sessions not yet begun
        # (moment, order, session and turn; None: the next waiting session)
        self._due: list[tuple[int, int, tuple[Turns, int] | None]] = []
        self._order = 0
        self._captured: list[Capture] = []
        self._held_bytes = 0
        self._failed = self._answered = 0
        self._looked = self._waiting_since = time.monotonic_ns()
        self._outcome = Outcome()

    def prepare(self) -> None:
        """Open the connections. What cannot be opened now is tried again when it is needed."""
        for _ in range(self._job.connections):
            try:
                self._idle.append(self._open())
            except OSError:
                return

    def run(self, start_ns: int) -> Outcome:
        """Send all sessions, wait for their answers, decode them."""
        job = self._job
        self._epoll.register(self._timer.fileno, select.EPOLLIN)
        if self._control_fd is not None:
            self._epoll.register(self._control_fd, select.EPOLLIN)
        self._schedule_all(start_ns)
        gc.collect()
        gc.disable()  # a collection would stop the clock for tens of milliseconds
        time.sleep(max(0, start_ns - time.monotonic_ns()) / 1e9)
        began, cpu = time.monotonic(), time.process_time()
        try:
            self._loop()
        except Stop as stop:
            self._give_up(str(stop))
        finally:
            gc.enable()
            self._clock.read()
        outcome = self._outcome
        outcome.wall_s = time.monotonic() - began
        outcome.cpu_s = time.process_time() - cpu
        self._close()
        offset = self._clock.offset_ns()
        outcome.requests += [decode(capture, offset) for capture in self._captured]
        outcome.requests.sort(key=lambda request: request.index)
        outcome.events = sum(len(request.token_counts) for request in outcome.requests)
        outcome.clock_step_s = self._clock.step_s() if job.kernel_stamps else None
        return outcome

    # --- the schedule ------------------------------------------------------------------------

    def _schedule_all(self, start_ns: int) -> None:
        job = self._job
        if job.concurrency is None:
            for turns in job.sessions:
                self._put(start_ns + (turns.due_ns or 0), (turns, 0))
            return
        self._waiting.extend(job.sessions)
        for slot in range(min(job.concurrency, len(job.sessions))):
            self._put(start_ns + job.ramp_ns * slot // job.concurrency, None)

    def _put(self, moment_ns: int, what: tuple[Turns, int] | None) -> None:
        self._order += 1
        heapq.heappush(self._due, (moment_ns, self._order, what))

    def _send_due(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic_ns() + _SPIN_NS:
            moment, _, what = heapq.heappop(self._due)
            while time.monotonic_ns() < moment:
                pass
            if what is not None:
                self._start(*what, moment)
            elif self._waiting:
                self._start(self._waiting.popleft(), 0, moment)
        limit = self._job.max_in_flight
        if limit is not None and len(self._active) > limit:
            raise Stop(
                f"more than {limit} requests in flight: the server falls behind the offered rate"
            )

    # --- one request -------------------------------------------------------------------------

    def _start(self, turns: Turns, turn: int, due_ns: int) -> None:
        now = time.monotonic_ns()
        capture = Capture(
            level=self._job.level,
            index=turns.first_index + turn,
            session=turns.session,
            turn=turn,
            scheduled_ns=due_ns,
            sent_ns=now,
        )
        active = _Active(turns, turn, capture, now + int(self._job.timeout_s * 1e9))
        self._send(active)

    def _send(self, active: _Active, fresh: bool = False) -> None:
        capture = active.capture
        try:
            connection = self._idle.pop() if self._idle and not fresh else self._open_late()
            if not fresh:
                capture.sent_ns = time.monotonic_ns()
            # Only a first turn of an open loop has a moment that the client can miss.
            if self._job.concurrency is not None or active.turn:
                capture.scheduled_ns = capture.sent_ns
            whole = connection.begin(active.turns.requests[active.turn])
        except OSError as error:
            self._finish(active, "connection", _words(error))
            return
        self._active[connection.fileno] = active
        if not whole:
            self._epoll.modify(connection.fileno, select.EPOLLIN | select.EPOLLOUT)

    def _finish(self, active: _Active, error_kind: str | None, error: str | None) -> None:
        """Keep what came, and send what follows from it."""
        capture = active.capture
        capture.noticed_end_ns = time.monotonic_ns()
        capture.error_kind, capture.error = error_kind, error
        if error_kind is None and capture.status == 200:
            self._answered += 1
        else:
            self._failed += 1
        self._keep(capture)
        if self._failed >= _HOPELESS and not self._answered:
            raise Stop(f"the first {self._failed} requests all failed")
        turns, turn = active.turns, active.turn + 1
        if turn < len(turns.requests) and error_kind is None:
            self._put(time.monotonic_ns() + turns.think_ns, (turns, turn))
        elif self._job.concurrency is not None and self._waiting:
            # Through the schedule, so that failures in a row do not nest.
            self._put(time.monotonic_ns(), None)

    def _keep(self, capture: Capture) -> None:
        self._held_bytes += sum(len(piece) for _, piece in capture.bodies)
        self._captured.append(capture)
        if self._held_bytes > _HELD_BYTES:
            offset = self._clock.offset_ns()
            self._outcome.requests += [decode(kept, offset) for kept in self._captured]
            self._captured, self._held_bytes = [], 0

    # --- the loop ----------------------------------------------------------------------------

    def _loop(self) -> None:
        job = self._job
        asked = sum(len(turns.requests) for turns in job.sessions)
        next_look = 0
        while self._active or self._due:
            self._send_due()
            now = time.monotonic_ns()
            if now >= next_look:
                next_look = now + _CLOCK_NS
                self._clock.read()
                self._expire(now)
                self._control(min(asked, self._failed + self._answered))
            if self._due:
                self._timer.set(self._due[0][0] - _SPIN_NS)
            for fileno, mask in self._poll():
                if fileno in self._connections:
                    self._serve(self._connections[fileno], mask)
                elif fileno == self._timer.fileno:
                    self._timer.clear()
                else:
                    self._control(self._failed + self._answered)
                if self._due and self._due[0][0] <= time.monotonic_ns() + _SPIN_NS:
                    self._send_due()  # a burst of reads must not delay what is due

    def _poll(self) -> list[tuple[int, int]]:
        """Wait for something to do, and note from when on data can have waited for us.

        With kernel stamps nothing is lost by reading a little later, and looking at many streams
        at once costs a third less than looking whenever one has something.
        """
        called = time.monotonic_ns()
        if self._job.kernel_stamps and len(self._active) > _MANY:
            spare_ns = self._due[0][0] - _SPIN_NS - called if self._due else _NAP_NS
            nap_ns = min(_NAP_NS, spare_ns)
            time.sleep(max(0, nap_ns) / 1e9)
            called = time.monotonic_ns()
        ready = self._epoll.poll(_CLOCK_NS / 1e9)
        returned = time.monotonic_ns()
        # What was there at once may have come at any time since the last look.
        at_once = returned - called < _AT_ONCE_NS
        self._waiting_since = self._looked if at_once else returned
        self._looked = returned
        return ready

    def _serve(self, connection: Connection, mask: int) -> None:
        active = self._active.get(connection.fileno)
        try:
            if mask & select.EPOLLOUT and connection.send_rest():
                self._epoll.modify(connection.fileno, select.EPOLLIN)
            if not mask & ~select.EPOLLOUT:
                return
            came = connection.read(self._waiting_since)
        except BlockingIOError:
            return
        except OSError as error:
            self._drop(connection)
            if active:
                self._take(active, connection)
                self._finish(active, "connection", _words(error))
            return
        if came and not (connection.complete or connection.broken):
            return
        if not came and active and connection.served and not connection.reads:
            # The server ended an idle connection in the moment in which we sent on it.
            self._drop(connection)
            self._send(active, fresh=True)
            return
        self._end(connection, active)

    def _end(self, connection: Connection, active: _Active | None) -> None:
        """The answer on a connection is over, properly or not; no answer: it was idle."""
        proper = connection.complete or connection.ended()
        if active and connection.reusable():
            self._idle.append(connection)
            self._active.pop(connection.fileno)
        else:
            self._drop(connection)
        if active is None:
            return
        self._take(active, connection)
        if proper:
            self._finish(active, None, None)
        elif connection.broken:
            self._finish(active, "malformed", "the answer is no HTTP")
        else:
            self._finish(active, "connection", "the server closed inside the answer")

    @staticmethod
    def _take(active: _Active, connection: Connection) -> None:
        capture = active.capture
        capture.reads, capture.bodies = connection.reads, connection.bodies
        capture.status = connection.status

    def _expire(self, now_ns: int) -> None:
        late = [fd for fd, active in self._active.items() if active.deadline_ns <= now_ns]
        for fileno in late:
            active, connection = self._active[fileno], self._connections[fileno]
            self._drop(connection)
            self._take(active, connection)
            self._finish(active, "timeout", f"no whole answer within {self._job.timeout_s:g} s")

    def _give_up(self, why: str) -> None:
        """Abandon what is in flight; what was never sent is not a request."""
        self._outcome.stopped_early = why
        self._waiting.clear()
        self._due.clear()
        for fileno, active in list(self._active.items()):
            connection = self._connections[fileno]
            self._drop(connection)
            self._take(active, connection)
            active.capture.noticed_end_ns = time.monotonic_ns()
            active.capture.error_kind, active.capture.error = "stopped", why
            self._captured.append(active.capture)

    # --- connections -------------------------------------------------------------------------

    def _open(self) -> Connection:
        connection = self._job.address.open(
            kernel_stamps=self._job.kernel_stamps,
            timeout_s=min(_CONNECT_TIMEOUT_S, self._job.timeout_s),
        )
        self._connections[connection.fileno] = connection
        self._epoll.register(connection.fileno, select.EPOLLIN)
        return connection

    def _open_late(self) -> Connection:
        self._outcome.late_connections += 1
        return self._open()

    def _drop(self, connection: Connection) -> None:
        self._active.pop(connection.fileno, None)
        self._connections.pop(connection.fileno)
        if connection in self._idle:
            self._idle.remove(connection)
        self._epoll.unregister(connection.fileno)
        connection.close()

    def _close(self) -> None:
        for connection in list(self._connections.values()):
            self._drop(connection)
        self._timer.close()
        self._epoll.close()


class _Timer:
    """Wakes an epoll at a moment of the monotonic clock, to the microsecond (timerfd)."""

    _ABSOLUTE = 1  # TFD_TIMER_ABSTIME
    _SETTING = struct.Struct("@llll")  # interval, then first expiry: seconds and nanoseconds

    def __init__(self) -> None:
        # epoll's own timeout counts milliseconds, and Python has timerfd only from 3.13.
        self._libc = ctypes.CDLL(None, use_errno=True)
        flags = os.O_NONBLOCK | os.O_CLOEXEC
        self.fileno = self._libc.timerfd_create(time.CLOCK_MONOTONIC, flags)
        if self.fileno < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._set_for = 0

    def set(self, moment_ns: int) -> None:
        """Wake at this moment, at once if it is past."""
        if moment_ns != self._set_for:
            self._set_for = moment_ns
            seconds, nanoseconds = divmod(max(1, moment_ns), 1_000_000_000)
            setting = self._SETTING.pack(0, 0, seconds, nanoseconds)
            self._libc.timerfd_settime(self.fileno, self._ABSOLUTE, setting, None)

    def clear(self) -> None:
        """After it woke us."""
        self._set_for = 0
        with contextlib.suppress(BlockingIOError):  # set anew since
            os.read(self.fileno, 8)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fileno)


def _words(error: OSError) -> str:
    return f"{type(error).__name__}: {error.strerror or error}"[:500]
