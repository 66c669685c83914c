"""An S3 server on loopback that answers for any number of objects, and counts requests.

It lists a bucket with ``old`` objects of 1 January 2026 below ``table/day=N/``, and ``new`` objects stored
now below ``table/day=new/``. It answers each HeadObject with SSE-KMS under :data:`KEY`. It stores nothing and
does not check signatures.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import multiprocessing
import os
import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
FOLDERS = 100
"""Partitions of the old objects."""
_PAGE = 1_000
_HEAD = (
    "Content-Length: 1024\r\nETag: 0\r\n"
    f"x-amz-server-side-encryption: aws:kms\r\nx-amz-server-side-encryption-aws-kms-key-id: {KEY}\r\n"
    "x-amz-server-side-encryption-bucket-key-enabled: true\r\n"
)
_OLD = "2026-01-01T00:00:00.000Z"


def old_key(number: int) -> str:
    """Return the key of an old object. Keys sort as their numbers."""
    return f"table/day={number:08}/part-0.parquet"


def new_key(number: int) -> str:
    """Return the key of a new object. They come after the old ones."""
    return f"table/day=new/part-{number:08}.parquet"


class _Server(asyncio.Protocol):
    """Answers HEAD and GET requests, which have no body."""

    def __init__(self, bucket: _Bucket) -> None:
        self._bucket, self._partial = bucket, b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._partial = (self._partial + data).split(b"\r\n\r\n")
        self._transport.write(b"".join(self._bucket.answer(request.decode()) for request in requests))


class _Bucket:
    def __init__(self, old: int, new: int) -> None:
        self.counts: Counter[str] = Counter()
        self._old, self._new = old, new
        self._now = dt.datetime.now(dt.timezone.utc)

    def answer(self, request: str) -> bytes:
        method, target, _ = request.split("\r\n", 1)[0].split(" ")
        url = urlsplit(target)
        if url.path == "/__counts":
            body = json.dumps(self.counts).encode()
            self.counts.clear()
            return _response(body, "application/json")
        key = url.path.strip("/").partition("/")[2]
        if method == "HEAD":
            self.counts["HeadObject" if key else "HeadBucket"] += 1
            date = format_datetime(self._now, usegmt=True)
            return f"HTTP/1.1 200 OK\r\nDate: {date}\r\n{_HEAD}\r\n".encode()
        self.counts["ListObjectsV2"] += 1
        return _response(self._page(parse_qs(url.query)), "application/xml")

    def _page(self, query: dict[str, list[str]]) -> bytes:
        size = min(_PAGE, int(query.get("max-keys", [str(_PAGE)])[0]))
        first = int(query.get("continuation-token", ["0"])[0])
        last = min(first + size, self._old + self._new)
        stamp = self._now.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        parts = []
        for number in range(first, last):
            is_old = number < self._old
            key, time = (old_key(number), _OLD) if is_old else (new_key(number - self._old), stamp)
            parts.append(
                f"<Contents><Key>{key}</Key><LastModified>{time}</LastModified><ETag>&quot;0&quot;</ETag>"
                "<Size>1024</Size><StorageClass>STANDARD</StorageClass></Contents>"
            )
        is_truncated = last < self._old + self._new
        token = f"<NextContinuationToken>{last}</NextContinuationToken>" if is_truncated else ""
        return (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>curated</Name><Prefix>table/</Prefix><KeyCount>{last - first}</KeyCount>"
            f"<MaxKeys>{size}</MaxKeys><IsTruncated>{str(is_truncated).lower()}</IsTruncated>{token}"
            f"{''.join(parts)}</ListBucketResult>"
        ).encode()


def _response(body: bytes, kind: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _serve(certificate: str, key: str, old: int, new: int, pipe: Any) -> None:
    async def serve() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        bucket = _Bucket(old, new)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Server(bucket), "127.0.0.1", 0, ssl=context)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


def trusted(folder: Path, stem: str) -> Any:
    """Create a certificate for ``localhost``, and let this process and its children trust its CA."""
    from glue_secure.embedded.pki import create_authority, issue

    now = dt.datetime.now(dt.timezone.utc)
    authority = create_authority(folder, now=now)
    pair = issue(
        authority, ("localhost",), folder=folder, stem=stem, not_before=now - dt.timedelta(hours=1),
        not_after=now + dt.timedelta(days=1),
    )  # fmt: skip
    os.environ |= {
        "AWS_CA_BUNDLE": str(authority.certificate),
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",  # the stub does not check credentials
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "eu-west-1",
    }
    return pair


@contextmanager
def stub(folder: Path, *, old: int = 0, new: int = 0) -> Iterator[str]:
    """Run the stub in a process of its own, and return its URL."""
    pair = trusted(folder, "s3")
    processes = multiprocessing.get_context("spawn")
    receiver, sender = processes.Pipe()
    server = processes.Process(
        target=_serve, args=(str(pair.certificate), str(pair.key), old, new, sender), daemon=True
    )
    server.start()
    try:
        yield f"https://localhost:{receiver.recv()}"
    finally:
        server.terminate()
        server.join()


def counts(url: str) -> Counter[str]:
    """Return the number of requests by operation since the last call."""
    from urllib.request import urlopen

    context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    with urlopen(f"{url}/__counts", context=context) as response:
        return Counter(json.load(response))
