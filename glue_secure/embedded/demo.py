"""The demo: run the main job on a year of real flights, then let it be refused for every reason.

The results do not depend on the script's output: rows, objects and TLS are read from the run's evidence in
S3, and the number of written objects is the difference of two listings.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from glue_secure.embedded import fault_injection, launch, seed
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.account_setup import (
    CURATED,
    EVIDENCE,
    LANDING,
    ensure_key,
    provision,
    put_security_configuration,
)
from glue_secure.embedded.clients import clients

JOB = "flights_curated"
TABLE_JOB = "orders_append"
_REFUSAL = re.compile(
    r"^(?P<text>(?P<control>GS-[A-Z0-9]+-\d{3}) (?:refused|cannot verify): .*?^  more: .*?$)", re.M | re.S
)


@dataclass(frozen=True, slots=True)
class DemoStep:
    """The observed result of one run of the job, or of a step without a run, which has ``facts``.

    Attributes:
        name: description of the step.
        expected: expected exit code and control id.
        exit_code: exit code of spark-submit.
        control: id of the violated control, None for a run that succeeded.
        rows_read: number of flights read; None if the run did not count them.
        rows_written: number of rows written to the curated bucket.
        reads: every source with its number of rows.
        objects: URI, algorithm and key of the written objects that the evidence lists, as verified.
        verified_by: how the objects of the writes were verified, such as ``receipts``.
        written: number of new or changed objects in the curated and evidence buckets, without evidence.
        tls: the TLS facts of the database connection, ``{}`` without a connection.
        bookmark: the bookmark's state before and after the run.
        evidence: URI of the evidence, None if it could not be written encrypted.
        refusal: the complete error text of the refusal.
        seconds: duration from the start of spark-submit to its end.
        phases: seconds of each phase of the run.
        log: the last lines of the output, if the step did not end as expected.
        facts: label and text of each fact of a step without a run.
    """

    name: str
    expected: tuple[int, str | None]
    exit_code: int
    control: str | None
    rows_read: int | None
    rows_written: int | None
    reads: tuple[Mapping[str, Any], ...]
    objects: tuple[Mapping[str, str], ...]
    written: int
    tls: Mapping[str, Any]
    bookmark: Mapping[str, Any]
    evidence: str | None
    refusal: str | None
    seconds: float
    phases: Mapping[str, float]
    log: str = field(default="", repr=False)
    facts: tuple[tuple[str, str], ...] = ()
    verified_by: tuple[str, ...] = ()

    @property
    def as_expected(self) -> bool:
        """Whether exit code and control are the expected ones, and a refused run has written nothing."""
        expected_end = (self.exit_code, self.control) == self.expected
        return expected_end and (self.control is None or self.written == 0)


@dataclass(frozen=True, slots=True)
class Demo:
    """Runs the steps of the demo in an embedded account.

    Attributes:
        account: a running account that no other caller uses.
        script: path of ``jobs/flights_curated.py``.
        progress: called with messages about the progress.
        verbose: print the log of Spark.
        iceberg: whether the demo has steps with a table of Iceberg, whose JARs have 112 MB.
    """

    account: EmbeddedAccount
    script: Path
    progress: Callable[[str], None]
    verbose: bool = False
    iceberg: bool = False

    def steps(self) -> Iterator[DemoStep]:
        """Seed the account, and yield the result of every step. A step runs when it is requested."""
        seed.seed_flights(self.account, months=range(1, 12), progress=self.progress)
        yield self._step("January to November", (0, None))
        seed.land_month(self.account, 12)
        yield self._step("December lands", (0, None))
        yield self._step("nothing has landed", (0, None))
        if self.iceberg:
            yield from self.table_steps()
        # From here on the source has a new object, so that a run without a refusal would write rows.
        self._deliver_again(12)
        yield from self._refusals()

    def table_steps(self) -> Iterator[DemoStep]:
        """Yield the results of two runs of ``jobs/tables/orders_append.py``: create a table, then append."""
        client, script = clients(self.account), self.script.parent / "tables" / "orders_append.py"
        warehouse = f"s3://{CURATED}/lake/"
        glue = client("glue")
        with suppress(glue.exceptions.AlreadyExistsException):
            glue.create_database(DatabaseInput={"Name": "shop", "LocationUri": warehouse})
        seed.ensure_job(self.account, TABLE_JOB)
        words = ["--job-bookmark-option", "job-bookmark-enable"]
        words += ["--datalake-formats", "iceberg", "--source", f"s3://{LANDING}/orders/"]
        words += ["--conf", f"spark.sql.catalog.glue_catalog.warehouse={warehouse}"]
        words += ["--table", "shop.orders", "--location", f"{warehouse}orders/"]
        steps: tuple[tuple[str, list[str]], ...] = (
            ("a table of Iceberg is created", ["--create", "true"]),
            ("orders are appended to it", []),
        )
        for number, (name, others) in enumerate(steps, 1):
            client("s3").put_object(
                Bucket=LANDING,
                Key=f"orders/{number}.csv",
                Body=f"order_id,customer,amount,day\n{number},ann,5.5,2026-01-0{number}\n".encode(),
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=self._data_key(),
            )
            yield self._step(name, (0, None), script=script, job=TABLE_JOB, arguments=[*words, *others])

    def _refusals(self) -> Iterator[DemoStep]:
        account = self.account
        faults: tuple[tuple[str, str, AbstractContextManager[None]], ...] = (
            ("the configuration is SSE-S3", "GS-SEC-003", self._configuration("demo-sse-s3", s3="SSE-S3")),
            (
                "the job has no configuration",
                "GS-SEC-001",
                fault_injection.attached_configuration(account, JOB, None),
            ),
            (
                "its bookmark mode is DISABLED",
                "GS-SEC-005",
                self._configuration("demo-bookmarks", bookmarks="DISABLED"),
            ),
            (
                "its key is pending deletion",
                "GS-KMS-002",
                fault_injection.key_pending_deletion(account, self._data_key()),
            ),
            ("the connection says sslmode=require", "GS-TLS-001", self._weaker_connection()),
            (
                "the database presents a certificate for another name",
                "GS-TLS-002",
                fault_injection.database_certificate(account, "db.example.org"),
            ),
            ("someone tampered with the bookmark object", "GS-BKM-001", self._tampered_bookmark()),
        )
        for name, control, fault in faults:
            with fault:
                yield self._step(f"refusal: {name}", (3, control))

    def _configuration(
        self, name: str, *, s3: str = "SSE-KMS", bookmarks: str = "CSE-KMS"
    ) -> AbstractContextManager[None]:
        put_security_configuration(self.account, name, provision(self.account), s3=s3, bookmarks=bookmarks)
        return fault_injection.attached_configuration(self.account, JOB, name)

    def _data_key(self) -> str:
        return provision(self.account).data_key

    def _weaker_connection(self) -> AbstractContextManager[None]:
        connection = clients(self.account)("glue").get_connection(Name=seed.CONNECTION)["Connection"]
        url = f"{connection['ConnectionProperties']['JDBC_CONNECTION_URL']}?sslmode=require"
        return fault_injection.changed_connection(self.account, seed.CONNECTION, JDBC_CONNECTION_URL=url)

    @contextmanager
    def _tampered_bookmark(self) -> Iterator[None]:
        """Flip one bit of the sealed bookmark object during the block."""
        s3 = clients(self.account)("s3")
        location = {
            "Bucket": EVIDENCE,
            "Key": f"bookmarks/{self.account.account_id}/{self.account.region}/{JOB}/current",
        }
        sealed = s3.get_object(**location)["Body"].read()
        changed = bytearray(sealed)
        changed[len(changed) // 2] ^= 1
        s3.put_object(**location, Body=bytes(changed))
        yield
        s3.put_object(**location, Body=sealed)

    def _deliver_again(self, month: int) -> None:
        """Upload a month again, like a source that corrects a file. The object is new to the bookmark."""
        location = {"Bucket": LANDING, "Key": f"flights/2013-{month:02}.csv"}
        s3 = clients(self.account)("s3")
        body = s3.get_object(**location)["Body"].read()
        s3.put_object(**location, Body=body, ServerSideEncryption="aws:kms", SSEKMSKeyId=self._data_key())

    def _step(
        self,
        name: str,
        expected: tuple[int, str | None],
        *,
        script: Path | None = None,
        job: str = JOB,
        arguments: Sequence[str] = (),
    ) -> DemoStep:
        self.progress(name)
        before = self._contents()
        # Evidence of its own key: a run that is refused because of its configuration leaves evidence, too.
        key = ensure_key(self.account, "alias/glue-secure-evidence", "evidence")
        words = ["--JOB_NAME", job, "--glue-secure-evidence-key", key, *arguments]
        submission = launch.prepare(self.account, script or self.script, words, verbose=self.verbose)
        started = time.monotonic()
        completed = launch.run(submission, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        seconds = time.monotonic() - started
        if self.verbose:
            self.progress(completed.stdout)
        written = self._contents() - before
        refusal = last_refusal(completed.stdout)
        uri, evidence = launch.read_evidence(self.account, submission) or (None, {})
        step = DemoStep(
            name=name,
            expected=expected,
            exit_code=completed.returncode,
            control=refusal["control"] if refusal else None,
            refusal=refusal["text"] if refusal else None,
            written=len(written),
            evidence=uri,
            seconds=round(seconds, 1),
            **_observed(evidence),
        )
        return step if step.as_expected else _with_log(step, completed.stdout)

    def _contents(self) -> set[tuple[str, str, str]]:
        """Return bucket, key and entity tag of every object, except evidence."""
        s3 = clients(self.account)("s3")
        objects = set()
        for bucket in (CURATED, EVIDENCE):
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for entry in page.get("Contents", ()):
                    if not entry["Key"].startswith("evidence/"):
                        objects.add((bucket, entry["Key"], entry["ETag"]))
        return objects


def last_refusal(output: str) -> re.Match[str] | None:
    """Return the error that ended a run. A message about its evidence may come before."""
    *_, last = [None, *_REFUSAL.finditer(output)]
    return last


def _observed(evidence: dict[str, Any]) -> dict[str, Any]:
    reads = tuple(
        {name: read[name] for name in ("source", "kind", "objects", "rows")}
        for read in evidence.get("reads", ())
    )
    writes = evidence.get("writes", ())
    objects = tuple(
        {name: entry[name] for name in ("uri", "algorithm", "key")}
        for write in writes
        for entry in write["objects"]
    )
    tls: Mapping[str, Any] = next(iter(evidence.get("tls", ())), {})
    return {
        "reads": reads,
        "rows_read": _total(read["rows"] for read in reads if read["kind"] == "s3"),
        "rows_written": _total(write["rows"] for write in writes),
        "objects": objects,
        "verified_by": tuple(sorted({write["verified_by"] for write in writes if write["objects"]})),
        "tls": tls,
        "bookmark": evidence.get("bookmark") or {},
        "phases": evidence.get("seconds", {}),
    }


def _total(counts: Iterator[int | None]) -> int | None:
    """Return the sum of the counts, 0 without counts, and None if any count is None (not measured)."""
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total


def _with_log(step: DemoStep, output: str) -> DemoStep:
    return replace(step, log="\n".join(output.splitlines()[-40:]))
