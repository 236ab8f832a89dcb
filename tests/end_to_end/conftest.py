"""Between a client and the API at work: a proxy, and a CA of one's own."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.buffered import BufferedByteReceiveStream
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

HEAD_MAX = 65_536


@dataclass(kw_only=True)
class Proxy:
    """A proxy on loopback that forwards and tunnels, and what it was asked."""

    url: str
    refuses: bool = False
    """Whether it answers 407 to everything."""
    asked: list[str] = field(default_factory=list[str])
    """The first lines of requests: ``CONNECT localhost:443 HTTP/1.1``."""
    signed_in: list[str] = field(default_factory=list[str])
    """Values of Proxy-Authorization, as they came."""

    async def serve(self, client: ByteStream) -> None:
        """Take one request from one connection, and pass on what follows it."""
        async with client:
            reader = BufferedByteReceiveStream(client)
            try:
                head = await reader.receive_until(b"\r\n\r\n", HEAD_MAX)
            except (anyio.IncompleteRead, anyio.BrokenResourceError):
                return
            line, *lines = head.decode().split("\r\n")
            self.asked.append(line)
            headers = dict(line.lower().split(": ", 1) for line in lines)
            self.signed_in.append(headers.get("proxy-authorization", ""))
            if self.refuses:
                refusal = b"HTTP/1.1 407 X\r\ncontent-length: 0\r\n\r\n"
                await client.send(refusal)
            elif line.startswith("CONNECT"):
                await _tunnel(client, reader, line)
            else:
                await _forward(client, reader, line, lines)


async def _tunnel(
    client: ByteStream, reader: BufferedByteReceiveStream, line: str
) -> None:
    host, _, port = line.split()[1].rpartition(":")
    async with await anyio.connect_tcp(host, int(port)) as server:
        await client.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        async with anyio.create_task_group() as group:
            group.start_soon(_pass_on, reader, server, group.cancel_scope)
            group.start_soon(_pass_on, server, client, group.cancel_scope)


async def _forward(
    client: ByteStream,
    reader: BufferedByteReceiveStream,
    line: str,
    lines: list[str],
) -> None:
    """Ask the server named in the first line; the connection ends with its answer."""
    method, url, version = line.split()
    host, _, path = url.removeprefix("http://").partition("/")
    kept = [x for x in lines if not x.lower().startswith(("proxy-", "connection:"))]
    head = "\r\n".join([f"{method} /{path} {version}", *kept, "connection: close"])
    name, _, port = host.rpartition(":")
    async with await anyio.connect_tcp(name, int(port)) as server:
        await server.send(f"{head}\r\n\r\n".encode())
        async with anyio.create_task_group() as group:
            group.start_soon(_pass_on, reader, server, None)
            await _pass_on(server, client, group.cancel_scope)


async def _pass_on(
    source: ByteStream | BufferedByteReceiveStream,
    target: ByteStream,
    ends: anyio.CancelScope | None,
) -> None:
    try:
        while True:
            await target.send(await source.receive())
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        if ends is not None:
            ends.cancel()


Proxied: TypeAlias = Callable[..., AbstractAsyncContextManager[Proxy]]


@pytest.fixture
def proxy() -> Proxied:
    """Opens a proxy for a block."""

    @asynccontextmanager
    async def opened(*, refuses: bool = False) -> AsyncGenerator[Proxy]:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  (no Django here)
        async with listener, anyio.create_task_group() as group:
            proxy = Proxy(url=f"127.0.0.1:{port}", refuses=refuses)
            group.start_soon(listener.serve, proxy.serve)
            yield proxy
            group.cancel_scope.cancel()

    return opened


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A CA of one's own, and what a server of ``localhost`` needs of it."""

    file: Path
    """Its certificate, for ``SSL_CERT_FILE``."""
    context: ssl.SSLContext
    """The server's."""


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("ca")
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Our own CA")])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    ca = (
        _certificate(ca_name, ca_name, ca_key, ca_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_SIGNS, critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    server = (
        _certificate(name, ca_name, key, ca_key)
        .add_extension(names, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    file, chain = folder / "ca.pem", folder / "server.pem"
    file.write_bytes(ca.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain.write_bytes(private + server.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return Authority(file=file, context=context)


_SIGNS = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    """``subject``'s, of ``key`` and for a day; the issuer's own where they are one.

    With the identifiers of both keys, which Python 3.13 and later insist on.
    """
    now = datetime.datetime.now(datetime.UTC)
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    its = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(own, critical=False)
        .add_extension(its, critical=False)
    )
