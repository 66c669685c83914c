"""The texts of the GS-BKM refusals, in one place so that they read alike.

``resource`` is the URI of the bookmark object. Nothing of the state's content appears in them.
"""

from __future__ import annotations

from glue_secure.core.errors import BookmarkConflictError, RefusedError, VerificationError
from glue_secure.core.service import ServiceError

_RESET = "delete the object and those in history/ beside it"


def not_authentic(resource: str, found: str, required: str = "") -> RefusedError:
    """GS-BKM-001."""
    return RefusedError(
        "GS-BKM-001",
        resource=resource,
        found=found,
        required=required
        or "an AWS Encryption SDK message with key commitment that decrypts and is authentic",
        fix="restore the object from the bucket's versions or from history/; to read everything again: "
        + _RESET,
    )


def another_key(resource: str, found: str, required: str) -> RefusedError:
    """GS-BKM-001, for a message under a key that is neither the configured one nor on the list."""
    return RefusedError(
        "GS-BKM-001",
        resource=resource,
        found=found,
        required=required,
        fix="after a change of key: `glue-secure bookmark rekey JOB --key ARN`, or name the old key in "
        "--glue-secure-bookmark-decrypt-keys; otherwise restore the object, and find out who wrote here",
    )


def another_job(resource: str, found: str, required: str) -> RefusedError:
    """GS-BKM-002."""
    return RefusedError(
        "GS-BKM-002",
        resource=resource,
        found=found,
        required=required,
        fix="put this job's own bookmark back, from the bucket's versions or from history/, and find out who "
        "wrote here",
    )


def missing(resource: str, found: str) -> RefusedError:
    """GS-BKM-003."""
    return RefusedError(
        "GS-BKM-003",
        resource=resource,
        found=found,
        required="the bookmark that the recorded runs left",
        fix=f"copy the newest object of history/ to it; to read everything again: {_RESET}",
    )


def rolled_back(resource: str, found: str, required: str) -> RefusedError:
    """GS-BKM-004."""
    return RefusedError(
        "GS-BKM-004",
        resource=resource,
        found=found,
        required=required,
        fix="copy the newest object of history/ to it; to go back on purpose: "
        "`glue-secure bookmark rewind` then, which deletes nothing",
    )


def lost_race(resource: str, winner: str, held: str) -> BookmarkConflictError:
    """GS-BKM-005."""
    return BookmarkConflictError(
        "GS-BKM-005",
        resource=resource,
        found=winner,
        required=f"{held}, unchanged since this run read it",
        fix="what this run wrote stays and its bookmark did not move: start the job again, and set its "
        "maximum concurrency to 1",
    )


def unavailable(
    resource: str, found: str, required: str, fix: str, aws_code: str | None
) -> VerificationError:
    """GS-BKM-006."""
    return VerificationError(
        "GS-BKM-006", resource=resource, found=found, required=required, fix=fix, aws_code=aws_code or None
    )


def storage_said(resource: str, error: ServiceError, doing: str) -> VerificationError:
    """GS-BKM-006 for an answer, or no answer, of Amazon S3."""
    answer = error.code or "no answer"
    return unavailable(
        resource,
        found=f"{doing}: {error.operation} said {answer}",
        required="the bookmark can be listed, read and written",
        fix="allow the job's role s3:ListBucket, s3:GetObject and s3:PutObject there, and the use of the "
        "key through S3; then start the job again",
        aws_code=error.code,
    )
