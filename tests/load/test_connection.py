"""harness.load.connection over TLS: encrypted streams keep the kernel's stamps."""

import asyncio
import datetime as dt
import ipaddress
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harness.load.client import Client, Job, Outcome, Turns
from harness.load.connection import Address
from tests.scripted_server import one_token_per_event

REQUEST = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    day = dt.timedelta(days=1)
    today = dt.datetime.now(dt.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - day)
        .not_valid_after(today + day)
        .add_extension(alternative, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def port(certificate: Path) -> Iterator[int]:
    """A TLS server that answers each request with four tokens, one event a packet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    loop = asyncio.new_event_loop()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"{}")
                writer.write(HEAD)
                for piece in one_token_per_event(4).pieces:
                    await asyncio.sleep(0.01)
                    writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                writer.write(b"0\r\n\r\n")
        except asyncio.IncompleteReadError:
            writer.close()

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    starting = asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    server = asyncio.run_coroutine_threadsafe(starting, loop).result(10)
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def run(port: int) -> Outcome:
    job = Job(
        level="c2",
        address=Address("127.0.0.1", port, tls=True),
        sessions=[Turns(n, n, (REQUEST,), None) for n in range(4)],
        concurrency=2,
        ramp_ns=0,
        connections=2,
        kernel_stamps=True,
        timeout_s=20.0,
        max_in_flight=None,
    )
    client = Client(job, lambda _: None)
    client.prepare()
    return client.run(time.monotonic_ns())


def test_encrypted_streams_are_read_with_the_kernels_stamps(
    port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    outcome = run(port)

    assert [request.error for request in outcome.requests] == [None] * 4
    assert {request.stamps for request in outcome.requests} == {"kernel"}
    for request in outcome.requests:
        assert request.token_counts == [1, 1, 1, 1]
        assert request.token_high_s == sorted(request.token_high_s)
    assert outcome.late_connections == 0


def test_a_certificate_that_nobody_vouches_for_is_refused(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)

    outcome = run(port)

    assert {request.error_kind for request in outcome.requests} == {"connection"}
    assert "CERTIFICATE" in str(outcome.requests[0].error).upper()
