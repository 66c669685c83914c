"""The demo: the main job on a year of real flights, then every refusal, each measured.

Nothing is taken from the script's own words: rows, objects and TLS come from the evidence that the run
left in S3, and "nothing written" is two listings compared.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glue_secure.local import launch, pki, postgres, seed
from glue_secure.local.account import EmbeddedAccount

JOB = "flights_curated"
_REFUSAL = re.compile(r"^(?P<text>(?P<control>GS-[A-Z0-9]+-\d{3}) (?:refused|cannot verify): .*?^  more: .*?$)", re.M | re.S)


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
        self.progress("seeding: buckets, keys, PostgreSQL tables, flights of January to November")
        seed.seed_flights(self.account, months=range(1, 12))
        yield self._step("January to November", (0, None))
        seed.land_month(self.account, 12)
        yield self._step("December lands", (0, None))
        yield self._step("nothing has landed", (0, None))
        # From here on there is something to read, so that a refusal keeps something from happening.
        seed.land_month(self.account, 12)
        yield from self._refusals()

    def _refusals(self) -> Iterator[Step]:
        account = self.account
        for name, control, configuration in (
            ("refusal: the configuration is SSE-S3", "GS-SEC-003", seed.weak_configuration(account, s3="SSE-S3")),
            ("refusal: no configuration", "GS-SEC-001", None),
            ("refusal: bookmark mode DISABLED", "GS-SEC-005", seed.weak_configuration(account, bookmarks="DISABLED")),
            ("refusal: key pending deletion", "GS-KMS-002", seed.dying_configuration(account)),
        ):
            seed.attach(account, configuration)
            yield self._step(name, (3, control))
        seed.attach(account, seed.STRICT_CONFIGURATION)

        seed.change_connection(account, url_suffix="?sslmode=require")
        yield self._step("refusal: the connection says sslmode=require", (3, "GS-TLS-001"))
        seed.change_connection(account, url_suffix="")

        other = pki.issue(account.authority, account.scratch, "other-name", names=["db.example.org"])
        postgres.present_certificate(account.postgres, other)
        yield self._step("refusal: the database presents a certificate for another name", (3, "GS-TLS-002"))
        postgres.present_certificate(account.postgres, account.server_pair)

        seed.tamper_with_bookmark(account, JOB)
        yield self._step("refusal: someone tampered with the bookmark", (3, "GS-BKM-001"))

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
        uri, evidence = self._evidence(submission.run_id)
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
        s3 = seed.clients(self.account)("s3")
        found = set()
        for bucket in (seed.CURATED, seed.EVIDENCE):
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for entry in page.get("Contents", ()):
                    if not entry["Key"].startswith("evidence/"):
                        found.add((bucket, entry["Key"], entry["ETag"]))
        return found

    def _evidence(self, run_id: str) -> tuple[str | None, dict[str, Any]]:
        s3 = seed.clients(self.account)("s3")
        key = f"evidence/job={JOB}/run={run_id}/evidence.json"
        try:
            body = s3.get_object(Bucket=seed.EVIDENCE, Key=key)["Body"].read()
        except s3.exceptions.NoSuchKey:
            return None, {}
        return f"s3://{seed.EVIDENCE}/{key}", json.loads(body)


def _observed(evidence: dict[str, Any]) -> dict[str, Any]:
    reads = tuple({n: read[n] for n in ("source", "kind", "objects", "rows")} for read in evidence.get("reads", ()))
    writes = evidence.get("writes", ())
    objects = tuple({n: seen[n] for n in ("uri", "algorithm", "key")} for write in writes for seen in write["objects"])
    tls = next(iter(evidence.get("tls", ())), {})
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
    return None if any(count is None for count in known) else sum(count for count in known if count is not None)


def _with_log(step: Step, output: str) -> Step:
    from dataclasses import replace

    return replace(step, log="\n".join(output.splitlines()[-40:]))
