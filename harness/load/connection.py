"""One TCP connection whose receive times the kernel takes, and the answer that is on it.

While a stream runs nothing of it is parsed beyond what tells its end: the reads are kept as they
came, each with the kernel's stamp of its last packet and the time of our read.
"""

import socket
import ssl
import struct
import sys
import time
from dataclasses import dataclass
from typing import NamedTuple

import httptools

_SO_TIMESTAMPING = 37  # asm-generic/socket.h
_RX_SOFTWARE, _SOFTWARE = 1 << 3, 1 << 4  # linux/net_tstamp.h
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY_BYTES = socket.CMSG_SPACE(3 * _TIMESPEC.size)
_BUFFER_BYTES = 2048  # some events; a larger one costs a microsecond a read
_LAST_CHUNK = b"0\r\n\r\n"


@dataclass(frozen=True)
class Address:
    """Where to connect; a context for TLS where the scheme asks for it."""

    host: str
    port: int
    tls: bool

    def open(self, *, kernel_stamps: bool, timeout_s: float) -> "Connection":
        """Connect. Raises OSError (ssl.SSLError is one)."""
        sock = socket.create_connection((self.host, self.port), timeout_s)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if kernel_stamps and sys.platform == "linux":
                sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _RX_SOFTWARE | _SOFTWARE)
            tls = _Tls(sock, self.host) if self.tls else None
            sock.setblocking(False)
        except BaseException:
            sock.close()
            raise
        return Connection(sock, tls)


class Read(NamedTuple):
    """One read of a socket, in nanoseconds. While streams run it is a plain tuple: 0.6 us less."""

    before: int  # monotonic, just before the read
    stamp: int  # the kernel's, of the last packet, by the wall clock; 0: none
    drained: bool  # the read emptied the socket
    waiting_since: int  # monotonic: data may have waited for us from then on


class Connection:
    """Sends one request at a time and keeps the reads of its answer.

    `reads`: see `Read`. `bodies`: (index of the read that completed it, bytes of the body).
    """

    __slots__ = (
        "_chunked", "_fed", "_keep_alive", "_known_length", "_parser", "_pending", "_raw", "_tls",
        "bodies", "broken", "complete", "fileno", "reads", "served", "sock", "status",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, tls: "_Tls | None") -> None:
        self.sock = sock
        self.fileno = sock.fileno()
        self._tls = tls
        self.served = -1  # requests sent before the present one
        self._pending = b""
        self._reset()

    def _reset(self) -> None:
        self.reads: list[tuple[int, int, bool, int]] = []
        self.bodies: list[tuple[int, bytes]] = []
        self.status: int | None = None
        self.complete = self.broken = False
        self._raw: list[bytes] = []
        self._fed = 0
        self._chunked = self._known_length = self._keep_alive = False
        self._parser = httptools.HttpResponseParser(self)

    def begin(self, request: bytes) -> bool:
        """Send a request; False when the socket took only a part (call `send_rest` later)."""
        self._reset()
        self.served += 1
        self._pending = self._tls.wrap(request) if self._tls else request
        return self.send_rest()

    def send_rest(self) -> bool:
        """Go on sending; whether all is sent. Raises OSError."""
        try:
            sent = self.sock.send(self._pending)
        except BlockingIOError:
            return False
        self._pending = self._pending[sent:]
        return not self._pending

    def read(self, waiting_since: int = 0) -> bool:
        """Read once; whether data came (False: the server closed). Raises OSError.

        `waiting_since`: the last moment at which the socket was known to have nothing for us.
        """
        before = time.monotonic_ns()
        data, ancillary, _, _ = self.sock.recvmsg(_BUFFER_BYTES, _ANCILLARY_BYTES)
        if not data:
            return False
        stamp = 0
        if ancillary:
            seconds, nanoseconds = _TIMESPEC.unpack_from(ancillary[0][2])
            stamp = seconds * 1_000_000_000 + nanoseconds
        drained = len(data) < _BUFFER_BYTES
        if self._tls:
            data = self._tls.unwrap(data)
            if not data:
                return True
        self.reads.append((before, stamp, drained, waiting_since))
        self._raw.append(data)
        # The end of a chunked answer can only be in a read that ends like this, or in a scrap.
        if not self._chunked or data.endswith(_LAST_CHUNK) or len(data) < len(_LAST_CHUNK):
            self._frame()
        return True

    def ended(self) -> bool:
        """After the server closed: whether that was the proper end of an answer."""
        self._frame()
        delimited = self.status is not None and not self._chunked and not self._known_length
        return self.complete or delimited

    def reusable(self) -> bool:
        """Whether the next request may use this connection."""
        return self.complete and self._keep_alive and not self.broken

    def close(self) -> None:
        """Drop the connection; what was read of the answer is framed first, to keep it."""
        self._frame()
        self.sock.close()

    def _frame(self) -> None:
        """Feed what was not yet looked at to the HTTP parser, whose callbacks follow.

        Raises nothing: bytes that are no HTTP make the answer `broken`.
        """
        while self._fed < len(self._raw):
            data, self._raw[self._fed] = self._raw[self._fed], b""
            self._fed += 1
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserError:
                self.broken = True
                self._raw = self._raw[: self._fed]
                return

    # --- callbacks of the parser -----------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        """Learn how the end of the body is told."""
        lowered = name.lower()
        if lowered == b"transfer-encoding":
            self._chunked = b"chunked" in value.lower()
        elif lowered == b"content-length":
            self._known_length = True

    def on_headers_complete(self) -> None:
        """Learn the status, and whether another request may follow."""
        self.status = self._parser.get_status_code()
        self._keep_alive = bool(self._parser.should_keep_alive())

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body with its read."""
        self.bodies.append((self._fed - 1, body))

    def on_message_complete(self) -> None:
        """The answer is whole."""
        self.complete = True


class _Tls:
    """TLS over a plain socket, so that the socket's reads keep their kernel stamps."""

    def __init__(self, sock: socket.socket, host: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = ssl.create_default_context().wrap_bio(
            self._incoming, self._outgoing, server_hostname=host
        )
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                sock.sendall(self._outgoing.read())
                data = sock.recv(_BUFFER_BYTES)
                if not data:
                    raise ConnectionError("closed during the TLS handshake") from None
                self._incoming.write(data)
            else:
                sock.sendall(self._outgoing.read())
                return

    def wrap(self, data: bytes) -> bytes:
        """Plain bytes to bytes for the wire."""
        self._tls.write(data)
        return self._outgoing.read()

    def unwrap(self, data: bytes) -> bytes:
        """Bytes of the wire to what is complete of the plain ones, which may be nothing yet."""
        self._incoming.write(data)
        plain = b""
        try:
            while piece := self._tls.read(_BUFFER_BYTES):
                plain += piece
        except ssl.SSLWantReadError:
            pass  # the rest of a record is still on its way
        except ssl.SSLZeroReturnError:
            pass  # the server said good-bye; the socket's own end follows
        return plain
