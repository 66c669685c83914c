"""What verifying 10,000 objects costs the driver: alone, and spread over the executors.

Both sides run the run's own code (``ObjectVerifier``) in pairs, each first every other time. S3 is a stub on
loopback that answers every HEAD over TLS with the same headers. It costs little, and still shares the
machine's cores with everybody: the seconds are no measure of a cluster, where executors have cores of
their own. What tells is the processor's time in the driver, of which there is one.

    seconds   from the first HEAD to the verdict
    driver    processor seconds of the driver's Python (its JVM only hands on what Python processes answer)
    peak      MiB that the driver's Python adds at its peak, in a pass of its own, traced by tracemalloc

Before the pairs, the first spread of the session is timed: it starts the Python processes.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import multiprocessing
import os
import ssl
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
_HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Length: 1024\r\nETag: 0\r\n"
    "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    f"x-amz-server-side-encryption: aws:kms\r\nx-amz-server-side-encryption-aws-kms-key-id: {KEY}\r\n"
    "x-amz-server-side-encryption-bucket-key-enabled: true\r\n\r\n"
).encode()


@dataclass(frozen=True, slots=True)
class Measured:
    """One verification.

    Attributes:
        seconds: until the verdict.
        driver: processor seconds of the driver's Python.
    """

    seconds: float
    driver: float


class _Answering(asyncio.Protocol):
    """Answers each request with the same headers; HEADs have no body, so a blank line ends one."""

    def __init__(self) -> None:
        self._rest = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\r\n\r\n")
        self._transport.write(_HEAD * len(whole))


def _serve(certificate: str, key: str, told: Any) -> None:
    async def serve() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server = await asyncio.get_running_loop().create_server(_Answering, "127.0.0.1", 0, ssl=context)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


def trusted(folder: Path, stem: str) -> Any:
    """A certificate for ``localhost`` whose authority this process and its children trust from now on."""
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
        "AWS_SECRET_ACCESS_KEY": "bench",  # the stub asks for none
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "eu-west-1",
    }
    return pair


@contextmanager
def stub(folder: Path) -> Iterator[str]:
    """A server that is trusted; its URL."""
    pair = trusted(folder, "s3")
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    server = processes.Process(
        target=_serve, args=(str(pair.certificate), str(pair.key), theirs), daemon=True
    )
    server.start()
    try:
        yield f"https://localhost:{ours.recv()}"
    finally:
        server.terminate()
        server.join()


@contextmanager
def session(cores: int) -> Iterator[Any]:
    """A local Spark session; Python finds the package as this process does."""
    from glue_secure.embedded.installed_spark import installed_spark
    from glue_secure.embedded.java import java_home

    os.environ |= {"JAVA_HOME": str(java_home(installed_spark())), "SPARK_LOCAL_IP": "127.0.0.1"}
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, sys.path))
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local[{cores}]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    spark = builder.config("spark.log.level", "ERROR").getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


class Sides:
    """Both ways to verify the same objects."""

    def __init__(self, spark: Any, url: str, objects: int) -> None:
        from glue_secure.core.identifiers import KmsKeyArn, S3Uri
        from glue_secure.engines.spark.engine import SparkEngine
        from glue_secure.run.composition import ExecutorS3
        from glue_secure.verification.object_verifier import ObjectVerifier

        self.uris = [S3Uri("curated", f"flights/month={n % 12 + 1}/part-{n:06}") for n in range(objects)]
        place = ExecutorS3(url, "eu-west-1", True)
        made = {
            "key": KmsKeyArn.parse(KEY),
            "objects": place(),
            "engine": SparkEngine(spark=spark),
            "note": lambda _finding: None,
        }
        self._ways = {"driver": ObjectVerifier(**made), "spread": ObjectVerifier(**made, remote=place)}

    def verify(self, way: str) -> Measured:
        """Once, measured."""
        begun, python = time.perf_counter(), time.process_time()
        seen = self._ways[way].verify(self.uris)
        done = Measured(time.perf_counter() - begun, time.process_time() - python)
        if [each.uri for each in seen] != self.uris or not all(each.bucket_key for each in seen):
            raise AssertionError(f"{way} verified something else")
        return done

    def peak(self, way: str) -> float:
        """MiB that the driver's Python adds at its peak."""
        tracemalloc.start()
        self._ways[way].verify(self.uris)
        peak = tracemalloc.get_traced_memory()[1] / (1 << 20)
        tracemalloc.stop()
        return peak


def measure(objects: int, pairs: int, cores: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Everything, as JSON's values: ``first``, ``pairs`` and ``peak``."""
    with tempfile.TemporaryDirectory() as folder, stub(Path(folder)) as url, session(cores) as spark:
        sides = Sides(spark, url, objects)
        say("first spread of the session")
        first = sides.verify("spread")
        sides.verify("driver")
        done: list[dict[str, Measured]] = []
        for number in range(pairs):
            order = ("driver", "spread") if number % 2 else ("spread", "driver")
            done.append({way: sides.verify(way) for way in order})
            say(f"pair {number + 1} of {pairs}")
        peaks = {way: sides.peak(way) for way in ("driver", "spread")}
    shown = [{way: asdict(one) for way, one in pair.items()} for pair in done]
    return {"objects": objects, "cores": cores, "first": asdict(first), "pairs": shown, "peak": peaks}


def render(found: dict[str, Any]) -> str:
    """The result as a table: medians of each side, and of the pairs' ratios with their range."""
    lines = [f"{found['objects']:,} objects, {found['cores']} executor threads, {len(found['pairs'])} pairs",
             f"{'':<18}{'driver':>9}{'spread':>9}{'ratio':>8}  range"]  # fmt: skip
    for name, told in (("seconds", "seconds"), ("driver", "driver's Python")):
        sides = {way: [pair[way][name] for pair in found["pairs"]] for way in ("driver", "spread")}
        ratios = [s / d if d else float("inf") for d, s in zip(*sides.values(), strict=True)]
        medians = "".join(f"{statistics.median(values):>9.2f}" for values in sides.values())
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        lines.append(f"{told:<18}{medians}{statistics.median(ratios):>8.2f}  {spread}")
    lines.append(f"{'peak, MiB':<18}{found['peak']['driver']:>9.1f}{found['peak']['spread']:>9.1f}")
    return "\n".join([*lines, f"the first spread of the session took {found['first']['seconds']:.2f} s"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    found = measure(
        asked.objects, asked.pairs, asked.cores, lambda text: print(text, file=sys.stderr, flush=True)
    )
    print(json.dumps(found) if asked.json else render(found))


if __name__ == "__main__":
    main()
