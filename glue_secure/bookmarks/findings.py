"""Findings of GS-BKM that are not passes, in one place so that their texts agree.

``resource`` is the URI of the bookmark object. The texts contain nothing of the state.
"""

from __future__ import annotations

from glue_secure.core.errors import BookmarkConflictError
from glue_secure.core.findings import Finding, failed, unknown
from glue_secure.core.service import ServiceError

_RESET = "delete the object and all objects below history/ beside it"
_AUTHENTIC = "an AWS Encryption SDK message with key commitment that decrypts and is authentic"


def not_authentic(resource: str, found: str, required: str = _AUTHENTIC) -> Finding:
    """Return GS-BKM-001 for bytes that are not an authentic message of this project."""
    return failed(
        "GS-BKM-001",
        resource,
        found=found,
        required=required,
        fix="restore the object from the bucket's versions or from history/; to read everything again, "
        + _RESET,
    )


def another_key(resource: str, found: str, required: str) -> Finding:
    """Return GS-BKM-001 for a message under a key that is neither the configured key nor a listed one."""
    return failed(
        "GS-BKM-001",
        resource,
        found=found,
        required=required,
        fix="after a change of key: `glue-secure bookmark rekey JOB --key ARN`, or name the old key in "
        "--glue-secure-bookmark-decrypt-keys; otherwise restore the object and find out who wrote it",
    )


def another_job(resource: str, found: str, required: str) -> Finding:
    """Return GS-BKM-002."""
    return failed(
        "GS-BKM-002",
        resource,
        found=found,
        required=required,
        fix="restore this job's own bookmark from the bucket's versions or from history/, and find out who "
        "wrote this object",
    )


def missing(resource: str, found: str) -> Finding:
    """Return GS-BKM-003."""
    return failed(
        "GS-BKM-003",
        resource,
        found=found,
        required="the bookmark of the recorded runs",
        fix=f"copy the newest object of history/ to it; to read everything again, {_RESET}",
    )


def rolled_back(resource: str, found: str, required: str) -> Finding:
    """Return GS-BKM-004."""
    return failed(
        "GS-BKM-004",
        resource,
        found=found,
        required=required,
        fix="copy the newest object of history/ to `current`; then, to read earlier data again, run "
        "`glue-secure bookmark rewind JOB --to-sequence N`, which deletes nothing",
    )


def history_changed(resource: str, found: str, required: str) -> Finding:
    """Return GS-BKM-004 for a state of the history that is missing or was replaced."""
    return failed(
        "GS-BKM-004",
        resource,
        found=found,
        required=required,
        fix="restore this object from the bucket's versions, and find out who changed or deleted it",
    )


def conflict(resource: str, winner: str, loaded: str) -> BookmarkConflictError:
    """Return GS-BKM-005, an error of its own because the caller may start the job again.

    Args:
        resource: the bookmark object.
        winner: the run that committed first.
        loaded: the state that this run read.
    """
    return BookmarkConflictError(
        "GS-BKM-005",
        resource=resource,
        found=winner,
        required=f"{loaded}, unchanged since this run read it",
        fix="this run's data stays and its bookmark did not move: start the job again, and set its maximum "
        "concurrency to 1",
    )


def unavailable(resource: str, found: str, required: str, fix: str, aws_code: str | None) -> Finding:
    """Return GS-BKM-006."""
    return unknown("GS-BKM-006", resource, found=found, required=required, fix=fix, aws_code=aws_code or None)


def storage_unavailable(resource: str, error: ServiceError, action: str) -> Finding:
    """Return GS-BKM-006 for an error of Amazon S3 during ``action``."""
    return unavailable(
        resource,
        found=f"{action}: {error.operation} returned {error.code or 'no answer'}",
        required="the bookmark can be listed, read and written",
        fix="allow the job's role s3:ListBucket, s3:GetObject and s3:PutObject there, and the use of the "
        "key through S3; then start the job again",
        aws_code=error.code,
    )
