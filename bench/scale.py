"""Requests, time and memory of the guard for up to 1,000,000 objects, against the same work without it.

Each measurement runs in a process of its own. S3 is a stub on loopback (``s3_stub.py``), or no server where
no request is sent. Memory is the largest resident set less the resident set after the imports and a warm-up.

    append      the guard's part of an append of 100 objects to a table: with receipts, and with a listing
    receipts    S3's responses to a write of N objects by committer v1 (three requests an object), from the
                text that the JVM has to the document and its parts
    evidence    the same lines of N objects: by the recorder, and by ``json.dumps`` and ``gzip`` alone
    verify      N objects by HeadObject: by ``ObjectVerifier`` on the driver, and by bare calls of boto3 with
                the same number of threads

Time is the processor time of the process, which other programs on the machine hardly change, and the elapsed
time. The stub is another process.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from s3_stub import KEY, counts, new_key, stub

APPENDED = 100
ETAG = "0123456789abcdef0123456789abcdef"
THREADS = 16


def resident() -> float:
    """Return the resident set of this process, MiB."""
    (pages,) = (line.split()[1] for line in ["x " + Path("/proc/self/statm").read_text().split()[1]])
    return int(pages) * resource.getpagesize() / (1 << 20)


def largest() -> float:
    """Return the largest resident set of this process, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Meter:
    """Seconds, processor seconds and memory of a block."""

    def __enter__(self) -> Meter:
        self._before, self._started, self._processor = resident(), time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds, self.processor = (
            time.perf_counter() - self._started,
            time.process_time() - self._processor,
        )
        self.memory = max(0.0, largest() - self._before)

    def values(self) -> dict[str, float]:
        """Return ``seconds``, ``processor`` (seconds) and ``memory`` (MiB)."""
        return {"seconds": self.seconds, "processor": self.processor, "memory": self.memory}


class Parts:
    """Parts of the evidence, of which only the size is stored."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def write_part(self, number: int, body: bytes) -> str:
        """Return the name of a part."""
        self.sizes.append(len(body))
        return f"_objects-1-{number:05}.ndjson.gz"

    def read_part(self, name: str) -> bytes:
        """Not used."""
        raise NotImplementedError(name)


def recorder(parts: Parts) -> Any:
    """Return the recorder of a run."""
    from glue_secure.core.evidence_parts import EvidenceParts
    from glue_secure.core.recorder import RunRecorder

    return RunRecorder(started=dt.datetime.now(dt.timezone.utc), parts=EvidenceParts(parts))


def targets(record: Any, objects: Any = None) -> Any:
    """Return the keys of a run without a policy file."""
    from glue_secure.core.identifiers import KmsKeyArn
    from glue_secure.core.target_encryption import EncryptionRules
    from glue_secure.verification.target_keys import TargetKeys

    return TargetKeys(
        rules=EncryptionRules.of_key(KmsKeyArn.parse(KEY)), keys=None, objects=objects, region="eu-west-1",
        account="123456789012", recorder=record,
    )  # type: ignore[arg-type]  # fmt: skip


class Engine:
    """An engine whose request guard reports text lines, as the JVM does."""

    def __init__(self, batches: Iterator[list[str]]) -> None:
        self._batches = batches

    def take_requests(self) -> Any:
        """Return the next report."""
        from glue_secure.core.request_guard import report_of

        batch = next(self._batches, [])
        return report_of(batch, has_more=bool(batch))

    def on_executors(self, _task: Any, _parts: Any) -> None:
        """There are none."""


class NoRequests:
    """An S3 that answers HeadObject without a request."""

    def encryption(self, uri: Any) -> Any:
        """Return an encryption with the run's key."""
        from glue_secure.core.objects import ObjectEncryption

        return ObjectEncryption(uri, "aws:kms", KEY, True, 1024)


def requests_of(engine: Any, keys: Any, store: Any, record: Any) -> Any:
    """Return the requests of a run whose receipts an engine reports."""
    from glue_secure.core.identifiers import S3Uri
    from glue_secure.core.receipt_book import ReceiptBook
    from glue_secure.core.request_guard import RequestPolicy
    from glue_secure.verification.object_verifier import ObjectVerifier
    from glue_secure.verification.s3_requests import S3Requests

    return S3Requests(
        policy=RequestPolicy("jr_1", keys.rules, (), "https://s3.eu-west-1.amazonaws.com", S3Uri("e", "r")),
        targets=keys,
        engine=engine,
        verifier=ObjectVerifier(targets=keys, objects=store, engine=engine, recorder=record),
        receipts=ReceiptBook(),
        recorder=record,
    )


def events(objects: int) -> Iterator[list[str]]:
    """Yield the events of a write by committer v1: a task's file, its copy, the deletion of the file."""
    common = '"bucket":"curated","client":"executor 1","time":1767225600000,"stage":1,"task":2'
    stored = f'"algorithm":"aws:kms","kms_key":"{KEY}","bucket_key":"true","etag":"{ETAG}"'
    for first in range(0, objects, 3_000):
        batch = []
        for number in range(first, min(first + 3_000, objects)):
            key = (
                f"table/day={number % 365}/part-{number:08}-4fd5c1f2-6e6b-4c56-9d6e-0123456789ab.c000.parquet"
            )
            temporary = f"table/_temporary/0/_temporary/attempt_{number:08}/{key[6:]}"
            batch.append(
                f'{{"event":"stored","operation":"PutObject","key":"{temporary}",{common},{stored},"size":1024}}'
            )
            batch.append(
                f'{{"event":"stored","operation":"CopyObject","key":"{key}",{common},{stored},'
                f'"source":"/curated/{temporary}"}}'
            )
            batch.append(f'{{"event":"deleted","operation":"DeleteObject","key":"{temporary}",{common}}}')
        yield batch


def receipts(objects: int) -> dict[str, Any]:
    """Measure the receipts of a write, to the document and its parts."""
    from glue_secure.core.evidence import WriteRecord, canonical_json
    from glue_secure.core.identifiers import S3Uri

    def run(count: int) -> tuple[Any, Parts]:
        parts = Parts()
        record, store = recorder(parts), NoRequests()
        engine, keys = Engine(events(count)), targets(record)
        requests = requests_of(engine, keys, store, record)
        requests.collect()
        found = requests.receipts.attribute_below(S3Uri("curated", "table"))
        requests.verify(found)
        written = record.write(
            WriteRecord("s3://curated/table", "parquet", None, (), 0.0), found.encryptions()
        )
        if sum(kind.objects for kind in written.encryption) != count or requests.receipts.unattributed():
            raise AssertionError(f"{written.encryption} of {count} objects")
        return record, parts

    run(3_000)
    with Meter() as meter:
        record, parts = run(objects)
        finished = record.parts.finish()
    document = {"writes": record.writes, "controls": record.findings, "parts": finished}
    return {**meter.values(), "document": len(canonical_json(document)), "parts": len(parts.sizes)}


def evidence(objects: int) -> dict[str, Any]:
    """Measure the lines of the evidence, by the recorder or alone, in one process."""
    from glue_secure.core.evidence import WriteRecord
    from glue_secure.core.identifiers import S3Uri
    from glue_secure.core.objects import ObjectEncryption

    def stored(count: int) -> Iterator[ObjectEncryption]:
        for number in range(count):
            uri = S3Uri("curated", f"table/day={number % 365}/part-{number:08}.parquet")
            yield ObjectEncryption(uri, "aws:kms", KEY, True, 1024, "", ETAG)

    def recorded(count: int) -> None:
        record = recorder(Parts())
        record.write(WriteRecord("s3://curated/table", "parquet", None, (), 0.0), stored(count))
        record.parts.finish()

    def plain(count: int) -> None:
        compressor = zlib.compressobj(wbits=31)
        for number, one in enumerate(stored(count), 1):
            value = {
                "algorithm": one.algorithm, "bucket_key": one.bucket_key, "checksum": one.checksum,
                "etag": one.etag, "key": one.key, "size": one.size, "uri": str(one.uri),
                "version": one.version,
            }  # fmt: skip
            line = {"number": 0, "property": "objects", "record": "writes", "value": value}
            text = json.dumps(line, separators=(",", ":"), ensure_ascii=False)
            compressor.compress(f"{text}\n".encode())
            if number % 50_000 == 0:
                compressor.flush()
                compressor = zlib.compressobj(wbits=31)
        compressor.flush()

    result: dict[str, Any] = {}
    for name, write in (("guard", recorded), ("plain", plain)):
        write(1_000)
        with Meter() as meter:
            write(objects)
        result[name] = meter.values()
    return result


def connected(url: str) -> Any:
    """Return the S3 client of a run."""
    from glue_secure.run.composition import ExecutorS3

    return ExecutorS3(url, "eu-west-1", True)()


def verify(objects: int) -> dict[str, Any]:
    """Measure HeadObject of each object, by the verifier and by bare calls."""
    from glue_secure.core.identifiers import S3Uri
    from glue_secure.verification.object_verifier import ObjectVerifier

    uris = [S3Uri("curated", new_key(number)) for number in range(objects)]
    with tempfile.TemporaryDirectory() as folder, stub(Path(folder)) as url:
        store, record = connected(url), recorder(Parts())
        verifier = ObjectVerifier(
            targets=targets(record), objects=store, engine=Engine(iter(())), recorder=record
        )  # type: ignore[arg-type]

        def bare(some: list[S3Uri]) -> None:
            with ThreadPoolExecutor(THREADS) as pool:
                answers = pool.map(
                    lambda uri: store._client.head_object(Bucket=uri.bucket, Key=uri.key), some
                )
                for answer in answers:
                    if answer["SSEKMSKeyId"] != KEY:
                        raise AssertionError(answer)

        result: dict[str, Any] = {}
        measured: dict[str, Callable[[list[S3Uri]], Any]] = {"plain": bare, "guard": verifier.verify}
        for name, measure in measured.items():
            measure(uris[:500])
            counts(url)
            with Meter() as meter:
                measure(uris)
            result[name] = {**meter.values(), "requests": sum(counts(url).values())}
    return result


def append(objects: int, method: str) -> dict[str, Any]:
    """Measure the guard's part of an append of ``APPENDED`` objects to a table of ``objects``."""
    from glue_secure.core.evidence import WriteRecord
    from glue_secure.core.identifiers import S3Uri
    from glue_secure.verification.object_verifier import ObjectVerifier
    from glue_secure.verification.target_guard import TargetGuard

    location, record = S3Uri("curated", "table"), recorder(Parts())
    with tempfile.TemporaryDirectory() as folder, stub(Path(folder), old=objects, new=APPENDED) as url:
        store, keys = connected(url), targets(record)
        engine = Engine(_stored())
        verifier = ObjectVerifier(targets=keys, objects=store, engine=engine, recorder=record)  # type: ignore[arg-type]
        guard = TargetGuard(plan=None, engine=engine, objects=store, recorder=record)  # type: ignore[arg-type]
        requests = requests_of(engine, keys, store, record)
        verifier.verify([S3Uri("curated", new_key(0))])
        counts(url)
        with Meter() as meter:
            if method == "receipts":
                requests.collect()
                found = requests.receipts.attribute_below(location)
                requests.verify(found)
                encryptions = tuple(found.encryptions())
            else:
                start = guard.start_write(location)
                new = [summary.uri for summary in guard.list_new(location, start.time)]
                encryptions = verifier.verify(new)
            record.write(WriteRecord(str(location), "parquet", None, encryptions, 0.0))
        if len(encryptions) != APPENDED:
            raise AssertionError(f"{len(encryptions)} objects")
        return {**meter.values(), "requests": dict(counts(url))}


def _stored() -> Iterator[list[str]]:
    yield [
        f'{{"event":"stored","operation":"PutObject","bucket":"curated","key":"{new_key(number)}","size":1024,'
        f'"client":"driver","time":1,"algorithm":"aws:kms","kms_key":"{KEY}"}}'
        for number in range(APPENDED)
    ]


MEASUREMENTS: dict[str, Callable[..., dict[str, Any]]] = {
    "append": append,
    "receipts": receipts,
    "evidence": evidence,
    "verify": verify,
}


def in_process(name: str, *arguments: object) -> dict[str, Any]:
    """Run a measurement in a new process, and return its result."""
    command = [sys.executable, __file__, "--one", name, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def measure(
    tables: list[int], objects: list[int], heads: list[int], rounds: int, report: Callable[[str], None]
) -> Any:
    """Return all results as JSON values; of several rounds, a list each."""
    result: dict[str, Any] = {"append": [], "receipts": [], "evidence": [], "verify": []}
    for size in tables:
        for method in ("receipts", "listing"):
            report(f"append to {size:,} objects, {method}")
            result["append"].append({"objects": size, "method": method, **in_process("append", size, method)})
    for name, sizes in (("receipts", objects), ("evidence", objects), ("verify", heads)):
        for size in sizes:
            for number in range(rounds if name != "receipts" else 1):
                report(f"{name} of {size:,} objects, round {number + 1}")
                result[name].append({"objects": size, **in_process(name, size)})
    return result


def ratio(rows: list[dict[str, Any]], size: int, figure: str) -> float:
    """Return the median ratio of the guard to plain work, for one size."""
    return statistics.median(
        row["guard"][figure] / row["plain"][figure] for row in rows if row["objects"] == size
    )


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tables", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--objects", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--heads", type=int, nargs="+", default=[10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, *arguments = options.one
        values = [int(word) if word.isdigit() else word for word in arguments]
        print(json.dumps(MEASUREMENTS[name](*values)))
        return
    result = measure(
        options.tables, options.objects, options.heads, options.rounds,
        lambda text: print(text, file=sys.stderr, flush=True),
    )  # fmt: skip
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
