"""The audit as a job of AWS Glue, which ``[audit]`` of a project file gives the permissions of an auditor.

The script of the job::

    from glue_secure.audit.scheduled import main

    main()
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from glue_secure.audit import baseline, outputs
from glue_secure.audit.accounts import audited_accounts
from glue_secure.audit.model import Findings
from glue_secure.audit.packed import Packed
from glue_secure.audit.run import audit_account
from glue_secure.aws.errors import translate_errors
from glue_secure.aws.session import AwsSession
from glue_secure.core.arguments import (
    AUDIT_BASELINE,
    AUDIT_BASELINE_SHA256,
    EVIDENCE_URI,
    NO_BASELINE,
    JobArguments,
)
from glue_secure.core.errors import RefusedError, UsageError, VerificationError, unread
from glue_secure.core.findings import Verdict
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.redaction import redacting_logger
from glue_secure.core.service import ServiceError
from glue_secure.run.start import read_arguments
from glue_secure.secure_job import SecureJob

_LOG = redacting_logger(__name__)
_SHA256 = re.compile(r"[0-9a-f]{64}")
PREFIX = "audits"
"""Prefix of the reports in the bucket of the evidence: a job cannot write below that of its evidence."""


def main(argv: Sequence[str] | None = None, *, session: AwsSession | None = None) -> S3Uri:
    """Audit the account of the run in its AWS Region, and return the location of the report.

    The report is the document of ``glue-secure audit --output json``. It is stored in the bucket of the
    evidence, under the key of the run, before this function raises.

    Args:
        argv: arguments in the form of ``sys.argv``, which is the default. ``--baseline s3://...`` names a
            baseline file, ``--baseline none`` none; ``--baseline_sha256`` is the digest of the file.
        session: the session of the calls; by default one with the credentials of the run.

    Raises:
        UsageError: no ``--glue-secure-evidence-uri``, the baseline file cannot be read, is invalid or has
            another digest, or ``--baseline_sha256`` is no digest or has no baseline file.
        RefusedError: a control fails, or a control stopped the run.
        VerificationError: none fails and one is unknown, or the account cannot be determined.
    """
    arguments = read_arguments(argv)
    evidence = arguments.required_location(EVIDENCE_URI)
    has_none = arguments.get(AUDIT_BASELINE) == NO_BASELINE
    location = None if has_none else arguments.location(AUDIT_BASELINE)
    digest = _digest(arguments, location)
    with SecureJob.from_argv(argv=argv) as job:
        entries: tuple[baseline.BaselineEntry, ...] = ()
        if location is not None:
            content = _content(job.s3, location)
            if digest is not None:
                _require_digest(content, digest, location)
            entries = baseline.read_baseline(_text(content, location), str(location))
        started = datetime.now(timezone.utc)
        found: Findings = Packed()
        for account in audited_accounts(session or AwsSession.from_chain(retries="adaptive")):
            found.extend(audit_account(account, started))
        found, notes = baseline.apply_baseline(found, entries, started.date())
        for note in notes:
            _LOG.warning("baseline file: %s", note)
        report = _report(evidence, arguments, started)
        job.s3.put_object(
            Bucket=report.bucket,
            Key=report.key,
            Body="".join(outputs.json_text(found, datetime.now(timezone.utc))).encode("utf-8"),
            ContentType="application/json",
            IfNoneMatch="*",
        )
    _LOG.info("%s; %s", outputs.headline(found), report)
    _require_pass(found, report)
    return report


def _digest(arguments: JobArguments, location: S3Uri | None) -> str | None:
    """Return the digest that the arguments name, None without one. Raises UsageError for another value."""
    text = arguments.get(AUDIT_BASELINE_SHA256)
    if text is None:
        return None
    digest = text.strip().lower()
    if _SHA256.fullmatch(digest) is None:
        raise UsageError(
            f"--{AUDIT_BASELINE_SHA256}",
            found=repr(text),
            required="a SHA-256 digest, 64 hexadecimal digits",
            fix=f"set {AUDIT_BASELINE_SHA256} to the digest that sha256sum prints, or remove the argument",
        )
    if location is None:
        raise UsageError(
            f"--{AUDIT_BASELINE_SHA256}",
            found=f"no baseline file: --{AUDIT_BASELINE} {arguments.get(AUDIT_BASELINE) or 'is not given'}",
            required=f"--{AUDIT_BASELINE} s3://BUCKET/KEY",
            fix=f"set --{AUDIT_BASELINE}, or remove --{AUDIT_BASELINE_SHA256}",
        )
    return digest


def _content(s3: Any, location: S3Uri) -> bytes:
    try:
        with translate_errors("GetObject"):
            content: bytes = s3.get_object(Bucket=location.bucket, Key=location.key)["Body"].read()
            return content
    except ServiceError as error:
        raise UsageError(
            str(location), found=str(error), required="a baseline file that can be read"
        ) from error


def _text(content: bytes, location: S3Uri) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(str(location), found=unread(error), required="a baseline file in UTF-8") from None


def _require_digest(content: bytes, required: str, location: S3Uri) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != required:
        raise UsageError(
            str(location),
            found=f"SHA-256 {found}",
            required=f"SHA-256 {required}, which --{AUDIT_BASELINE_SHA256} names",
            fix=f"review the file; then set {AUDIT_BASELINE_SHA256} {found} in the arguments of the job",
        )


def _report(evidence: S3Uri, arguments: JobArguments, started: datetime) -> S3Uri:
    job = arguments.get("JOB_NAME") or ""
    return S3Uri(evidence.bucket, f"{PREFIX}/job={job}/{started:%Y-%m-%dT%H%M%S.%fZ}.json")


def _require_pass(found: Findings, report: S3Uri) -> None:
    """Raise for the findings that change the exit code of an audit, so that the run of the job fails."""
    open_findings = [one for one in found if one.verdict is not Verdict.PASS and not one.is_reported]
    failing = [one for one in open_findings if one.verdict is Verdict.FAIL]
    for findings, error in ((failing, RefusedError), (open_findings, VerificationError)):
        if findings:
            raise error(
                findings[0].control.id,
                resource=f"account {findings[0].account} in {findings[0].region}",
                found=outputs.headline(found),
                required="0 FAIL, 0 UNKNOWN",
                fix=f"aws s3 cp {report} - prints the findings; correct them, or accept them in a baseline "
                "file",
                also=tuple(sorted({one.control.id for one in findings} - {findings[0].control.id})),
            )
