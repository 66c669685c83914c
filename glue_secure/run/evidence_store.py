"""Where evidence is stored: a record of the start and one of the end of each run, never overwritten.

Each record gets an entry in the job's chain; see :mod:`glue_secure.core.chain`.
"""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from glue_secure.core.arguments import EVIDENCE_SIGNING_KEY, JobIdentity
from glue_secure.core.chain import (
    DIGEST,
    MOST,
    ChainEntry,
    chain_location,
    entry_digest,
    entry_name,
    is_digest,
    sequence_of,
)
from glue_secure.core.errors import VerificationError
from glue_secure.core.evidence import Evidence, canonical_json, digest
from glue_secure.core.evidence_parts import SUFFIX
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.kms_key import SigningKey
from glue_secure.core.ports import Clock, KeyService, ObjectStore
from glue_secure.core.redaction import redact_text
from glue_secure.core.service import NotFound, PreconditionFailed, ServiceError

_ATTEMPTS = 99


def no_evidence(problem: Exception, store: EvidenceStore, outcome: str) -> VerificationError:
    """Return the error of evidence that could not be written (GS-EVD-001) or signed (GS-EVD-002).

    Args:
        problem: what the store raised.
        store: the store.
        outcome: what happened to the run, for the fix.
    """
    if isinstance(problem, VerificationError):
        return problem
    if isinstance(problem, SigningError):
        cause, signing = problem.__cause__, store.signing
        action = "kms:GenerateMac" if signing and signing.algorithm.startswith("HMAC") else "kms:Sign"
        return VerificationError(
            "GS-EVD-002",
            resource=f"{signing.arn if signing else ''} ({EVIDENCE_SIGNING_KEY})",
            found=str(problem),
            required="a signature of the run's evidence",
            fix=f"give the job's role {action} on the key, and the job a route to KMS; {outcome}",
            aws_code=cause.code if isinstance(cause, ServiceError) else None,
        )
    code, operation = (problem.code, problem.operation) if isinstance(problem, ServiceError) else ("", "")
    is_read = operation in ("ListObjectsV2", "HeadObject", "GetObject")
    actions = (
        f"s3:ListBucket and s3:GetObject on job={store.identity.job}/ below" if is_read else "s3:PutObject on"
    )
    fix = {
        "NoEntry": "find out who wrote that object, and delete it",
        "TooManyAttempts": "start the job as a new run",
    }.get(code, f"give the job's role {actions} that prefix")
    return VerificationError(
        "GS-EVD-001",
        resource=str(store.prefix),
        found=str(problem) if isinstance(problem, ServiceError) else type(problem).__name__,
        required=f"the run's evidence and its chain, SSE-KMS under {store.key}",
        fix=f"{fix}; {outcome}",
        aws_code=problem.code if isinstance(problem, ServiceError) else None,
    )


def report_missing(missing: VerificationError) -> None:
    """Print that the evidence of a refused or failed run is missing. The run's own error is raised too."""
    text = f"the evidence of this run is missing or incomplete\n{missing}"
    print(redact_text(text), file=sys.stderr, flush=True)  # noqa: T201 - the error text of the script


class SigningError(Exception):
    """KMS did not sign an entry of the chain. The cause is a ServiceError."""


@dataclass(kw_only=True, slots=True)
class EvidenceStore:
    """Writes the evidence of one run, and its entries in the job's chain.

    Attributes:
        identity: the job and the run.
        account: id of the AWS account.
        region: AWS Region of the run.
        prefix: ``--glue-secure-evidence-uri``.
        key: KMS key of the objects.
        signing: key that signs the entries; None if they are not signed.
        objects: Amazon S3.
        keys: AWS KMS.
        clock: the current time.
    """

    identity: JobIdentity
    account: str
    region: str
    prefix: S3Uri
    key: KmsKeyArn
    signing: SigningKey | None
    objects: ObjectStore
    keys: KeyService
    clock: Clock
    _start: ChainEntry | None = field(default=None, init=False)

    def write_start(self, started: datetime) -> S3Uri:
        """Write the record of the run's start, in the place and in the way of its evidence.

        This proves, before the run writes data or commits, that its evidence can be written and signed. The
        object is ``job=JOB/run=RUN_ID/_started.json``. Athena, Hive and Spark ignore its name.

        Raises:
            ServiceError: the record or its entry cannot be written.
            SigningError: KMS does not sign.
        """
        shape = {"job": self.identity.job, "run_id": self.identity.run_id, "started": started}
        body = canonical_json(shape)
        uri = self._write_new("_started", body)
        self._start = self._append(uri, body, newest=None)
        return uri

    def write(self, evidence: Evidence) -> S3Uri:
        """Write the evidence, and return its location.

        The object is ``job=JOB/run=RUN_ID/evidence.json``; a second attempt of the run writes
        ``evidence-2.json``.

        Raises:
            ServiceError: the evidence or its entry cannot be written, or the run has evidence of 99 attempts.
            SigningError: KMS does not sign. The evidence is written, and has no entry.
        """
        body = replace(evidence, chain=self._facts()).to_json()
        uri = self._write_new("evidence", body)
        self._append(uri, body, newest=self._start)
        return uri

    def write_part(self, number: int, body: bytes) -> str:
        """Write a part of the evidence, ``_objects-START-NUMBER.ndjson.gz`` in the run's folder.

        ``START`` is the sequence number of the run's start in the chain, so that another attempt of the run
        uses other names.

        Raises:
            VerificationError: the part cannot be written (GS-EVD-001).
        """
        start = self._start.sequence if self._start else 0
        name = f"_objects-{start}-{number:05}{SUFFIX}"
        try:
            is_new = self._put_new(self._folder.child(name), body)
        except ServiceError as problem:
            raise no_evidence(problem, self, "nothing is committed") from problem
        if not is_new:
            taken = ServiceError(f"{self._folder.child(name)} exists", code="NoEntry", operation="PutObject")
            raise no_evidence(taken, self, "nothing is committed")
        return name

    def read_part(self, name: str) -> bytes:
        """Return a part that the run wrote.

        Raises:
            VerificationError: the part cannot be read (GS-EVD-001).
        """
        try:
            return self.objects.read(self._folder.child(name)).body
        except ServiceError as problem:
            raise no_evidence(problem, self, "nothing is committed") from problem

    @property
    def _folder(self) -> S3Uri:
        return self.prefix.child(f"job={self.identity.job}/run={self.identity.run_id}")

    def _facts(self) -> dict[str, Any]:
        signing = self.signing
        return {
            "location": str(self._chain),
            "start": self._start.sequence if self._start else 0,
            "start_sha256": entry_digest(self._start) if self._start else "",
            "signing_key": str(signing.arn) if signing else "",
            "algorithm": signing.algorithm if signing else "",
        }

    @property
    def _chain(self) -> S3Uri:
        return chain_location(self.prefix, self.identity.job, self.account, self.region)

    def _write_new(self, name: str, body: bytes) -> S3Uri:
        for attempt in range(1, _ATTEMPTS + 1):
            uri = self._folder.child(f"{name}.json" if attempt == 1 else f"{name}-{attempt}.json")
            if self._put_new(uri, body):
                return uri
        raise ServiceError(
            f"{self._folder} has evidence of {_ATTEMPTS} attempts",
            code="TooManyAttempts",
            operation="PutObject",
        )

    def _append(self, uri: S3Uri, body: bytes, *, newest: ChainEntry | None) -> ChainEntry:
        """Write the entry of a document. If another run takes its place, link the entry to that run's.

        Args:
            uri: location of the document.
            body: the document.
            newest: the newest entry, as far as it is known.
        """
        number, previous = (newest.sequence, entry_digest(newest)) if newest else self._newest()
        for _ in range(_ATTEMPTS):
            entry = self._signed(
                ChainEntry(
                    job=self.identity.job,
                    account_id=self.account,
                    region=self.region,
                    run_id=str(self.identity.run_id),
                    sequence=number + 1,
                    prefix=str(self.prefix),
                    document=uri.key.removeprefix(self.prefix.as_prefix()),
                    sha256=digest(body),
                    encryption_key=str(self.key),
                    previous=previous,
                    time=self.clock.now().isoformat(),
                )
            )
            if self._put_new(self._chain.child(entry_name(entry.sequence)), entry.to_json()):
                return entry
            number, previous = self._newest()
        raise ServiceError(
            f"{self._chain}: other runs took the place of the entry {_ATTEMPTS} times",
            code="TooManyAttempts",
            operation="PutObject",
        )

    def _newest(self) -> tuple[int, str]:
        """Return sequence number and SHA-256 of the newest entry; 0 and ``""`` if there is none.

        The SHA-256 is read from the metadata, so that a role needs no access to the key of older entries. A
        false one shows in the verification of the chain. An entry that was restored may have lost it.
        """
        first = self.objects.first(self._chain)
        if first is None:
            return 0, ""
        number = sequence_of(first.key)
        if number is None or number == MOST:
            raise ServiceError(
                f"{first} is no entry of a chain",
                code="NoEntry",
                operation="ListObjectsV2",
            )
        previous = self.objects.metadata(first).get(DIGEST, "")
        return number, previous if is_digest(previous) else digest(self.objects.read(first).body)

    def _signed(self, entry: ChainEntry) -> ChainEntry:
        if self.signing is None:
            return entry
        key, algorithm = self.signing.arn, self.signing.algorithm
        entry = replace(entry, signing_key=str(key), algorithm=algorithm)
        try:
            signature = self.keys.sign(key, algorithm, entry.signed_bytes())
        except ServiceError as error:
            raise SigningError(str(error)) from error
        return replace(entry, signature=base64.b64encode(signature).decode())

    def _put_new(self, uri: S3Uri, body: bytes) -> bool:
        """Write an object, and return whether it is this run's. Another object of that name stays."""
        metadata = {DIGEST: digest(body)}
        try:
            self.objects.write(uri, body, key=self.key, if_none_match=True, metadata=metadata)
        except PreconditionFailed:
            # A client that received no response sends the request again, which its own object then rejects.
            try:
                return self.objects.metadata(uri) == metadata
            except NotFound:  # the other write failed
                return False
        return True
