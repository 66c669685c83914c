"""The demo: the main job on a year of real flights, then every refusal, each measured.

Nothing is taken from the script's own words: rows, objects and TLS come from the evidence that the run
left in S3, and "nothing written" is two listings compared.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from glue_secure.embedded import fault_injection, launch, seed
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.account_setup import (
    CURATED,
    EVIDENCE,
    LANDING,
    provision,
    put_security_configuration,
)
from glue_secure.embedded.clients import clients

JOB = "flights_curated"
_REFUSAL = re.compile(
    r"^(?P<text>(?P<control>GS-[A-Z0-9]+-\d{3}) (?:refused|cannot verify): .*?^  more: .*?$)", re.M | re.S
)


@dataclass(frozen=True, slots=True)
class Step:
    """One run of the job, as it was observed.

    Attributes:
        name: what was tried.
        expected: exit code and control that it ought to end with.
        exit_code: of spark-submit.
        control: the control that refused, None for a run that went through.
        rows_read: rows of flights read; None when the run left no count.
        rows_written: rows written to the curated bucket.
        reads: every source with its rows.
        objects: every object written, as read back: uri, algorithm, key.
        written: objects that appeared in the curated or bookmark bucket or changed there, evidence apart.
        tls: what is known of the database connection, ``{}`` when there was none.
        bookmark: its state before and after.
        evidence: where the evidence lies, None when none could be written encrypted.
        refusal: the refusal's whole text.
        seconds: of the run, from spark-submit's start to its end.
        phases: where the run itself spent its seconds.
        log: the end of the output, kept when the step did not end as expected.
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

    @property
    def as_expected(self) -> bool:
        """Whether it ended as it ought to; a refusal must have written nothing."""
        ended = (self.exit_code, self.control) == self.expected
        return ended and (self.control is None or self.written == 0)


@dataclass(frozen=True, slots=True)
class Demo:
    """Runs the steps against one embedded account, seeded here.

    Attributes:
        account: a running account that nobody else uses.
        script: ``jobs/flights_curated.py``.
        progress: told in words what is going on.
        verbose: let Spark's own log through.
    """

    account: EmbeddedAccount
    script: Path
    progress: Callable[[str], None]
    verbose: bool = False

    def steps(self) -> Iterator[Step]:
        """Every step in order, each run when it is asked for."""
        seed.seed_flights(self.account, months=range(1, 12), progress=self.progress)
        yield self._step("January to November", (0, None))
        seed.land_month(self.account, 12)
        yield self._step("December lands", (0, None))
        yield self._step("nothing has landed", (0, None))
        # From here on there is something to read, so that a refusal keeps something from happening.
        self._deliver_again(12)
        yield from self._refusals()

    def _refusals(self) -> Iterator[Step]:
        account = self.account
        spoiled: tuple[tuple[str, str, AbstractContextManager[None]], ...] = (
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
        for name, control, state in spoiled:
            with state:
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
        """One bit of the sealed bookmark flipped, by somebody who can write the bucket."""
        s3 = clients(self.account)("s3")
        place = {
            "Bucket": EVIDENCE,
            "Key": f"bookmarks/{self.account.account_id}/{self.account.region}/{JOB}/current",
        }
        sealed = s3.get_object(**place)["Body"].read()
        changed = bytearray(sealed)
        changed[len(changed) // 2] ^= 1
        s3.put_object(**place, Body=bytes(changed))
        yield
        s3.put_object(**place, Body=sealed)

    def _deliver_again(self, month: int) -> None:
        """The same month once more, as a source does that corrects a file: new to the bookmark."""
        place = {"Bucket": LANDING, "Key": f"flights/2013-{month:02}.csv"}
        s3 = clients(self.account)("s3")
        body = s3.get_object(**place)["Body"].read()
        s3.put_object(**place, Body=body, ServerSideEncryption="aws:kms", SSEKMSKeyId=self._data_key())

    def _step(self, name: str, expected: tuple[int, str | None]) -> Step:
        self.progress(name)
        before = self._contents()
        submission = launch.prepare(self.account, self.script, ["--JOB_NAME", JOB], verbose=self.verbose)
        begun = time.monotonic()
        done = launch.run(submission, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        seconds = time.monotonic() - begun
        if self.verbose:
            self.progress(done.stdout)
        appeared = self._contents() - before
        refusal = _REFUSAL.search(done.stdout)
        uri, evidence = launch.read_evidence(self.account, submission) or (None, {})
        step = Step(
            name=name,
            expected=expected,
            exit_code=done.returncode,
            control=refusal["control"] if refusal else None,
            refusal=refusal["text"] if refusal else None,
            written=len(appeared),
            evidence=uri,
            seconds=round(seconds, 1),
            **_observed(evidence),
        )
        return step if step.as_expected else _with_log(step, done.stdout)

    def _contents(self) -> set[tuple[str, str, str]]:
        """Bucket, key and entity tag of everything outside the evidence."""
        s3 = clients(self.account)("s3")
        found = set()
        for bucket in (CURATED, EVIDENCE):
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for entry in page.get("Contents", ()):
                    if not entry["Key"].startswith("evidence/"):
                        found.add((bucket, entry["Key"], entry["ETag"]))
        return found


def _observed(evidence: dict[str, Any]) -> dict[str, Any]:
    reads = tuple(
        {n: read[n] for n in ("source", "kind", "objects", "rows")} for read in evidence.get("reads", ())
    )
    writes = evidence.get("writes", ())
    objects = tuple(
        {n: seen[n] for n in ("uri", "algorithm", "key")} for write in writes for seen in write["objects"]
    )
    tls: Mapping[str, Any] = next(iter(evidence.get("tls", ())), {})
    return {
        "reads": reads,
        "rows_read": _total(read["rows"] for read in reads if read["kind"] == "s3"),
        "rows_written": _total(write["rows"] for write in writes),
        "objects": objects,
        "tls": tls,
        "bookmark": evidence.get("bookmark") or {},
        "phases": evidence.get("seconds", {}),
    }


def _total(counts: Iterator[int | None]) -> int | None:
    """The sum; None as soon as one was not measured, 0 for none at all."""
    known = list(counts)
    return (
        None if any(count is None for count in known) else sum(count for count in known if count is not None)
    )


def _with_log(step: Step, output: str) -> Step:
    return replace(step, log="\n".join(output.splitlines()[-40:]))
