"""Findings of GS-BKM that are not passes, in one place so that their texts agree.

``resource`` is the URI of the bookmark object. The texts contain nothing of the state.
"""

from __future__ import annotations

import shlex

from glue_secure.core.errors import BookmarkConflictError, ControlError
from glue_secure.core.findings import Finding, failed, unknown
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import ServiceError

_SEALED = "sealed under"
_AUTHENTIC = "an AWS Encryption SDK message with key commitment that decrypts and is authentic"


def not_authentic(resource: str, found: str, required: str = _AUTHENTIC) -> Finding:
    """Return GS-BKM-001 for bytes that are not an authentic message of this project."""
    return failed(
        "GS-BKM-001",
        resource,
        found=found,
        required=required,
        fix=f"restore the object: {versions_command(resource)} lists its versions; or continue from the "
        f"newest state that can be read: {command('repair', job_of(resource))}",
    )


def another_key(resource: str, found: str, required: str, *, old: str, new: str) -> Finding:
    """Return GS-BKM-001 for a message under a key that is neither the configured key nor a listed one.

    Args:
        resource: the object with the message.
        found: the key that the message names.
        required: the accepted keys.
        old: the key that the message names.
        new: the configured key.
    """
    job = job_of(resource)
    argument = f"`--glue-secure-bookmark-decrypt-keys {shlex.quote(old)}` to the job's arguments"
    if "/history/" in resource:
        fix = f"after a change of key, add `--decrypt-keys {shlex.quote(old)}` to the command, or {argument}"
    else:
        fix = (
            "if a rekey has changed the key of the bookmark, attach a security configuration that names it "
            f"to the job; if the configuration has changed: "
            f"{command('rekey', job, '--key', new, '--decrypt-keys', old)}, or add {argument}"
        )
    return failed(
        "GS-BKM-001",
        resource,
        found=f"{_SEALED} {found}",
        required=required,
        fix=f"{fix}; otherwise find out who wrote the object, and continue without it: "
        f"{command('repair', job, '--other-keys')}",
    )


def is_another_key(error: ControlError) -> bool:
    """Return whether the error is that of :func:`another_key`."""
    return error.control == "GS-BKM-001" and error.found.startswith(_SEALED)


def another_job(resource: str, found: str, required: str) -> Finding:
    """Return GS-BKM-002."""
    return failed(
        "GS-BKM-002",
        resource,
        found=found,
        required=required,
        fix=f"restore this job's own object: {versions_command(resource)} lists its versions; or continue "
        f"from the newest state that can be read: {command('repair', job_of(resource))}. Find out who wrote "
        "this object",
    )


def missing(resource: str, found: str, *, newest: str, key: str, job: str) -> Finding:
    """Return GS-BKM-003.

    Args:
        resource: the bookmark object.
        found: what was found instead of it.
        newest: URI of the newest object of the history; ``""`` if the run does not know it.
        key: ARN of the key that the copy is stored under.
        job: the job's name.
    """
    restore = (
        copy_command(newest, resource, key) if newest else "start the job again: its error names the copy"
    )
    return failed(
        "GS-BKM-003",
        resource,
        found=found,
        required="the bookmark of the recorded runs",
        fix=f"{restore}; to read everything again, then run {command('reset', job)}. If that object is "
        f"damaged: {command('repair', job)}",
    )


def rolled_back(
    resource: str, found: str, required: str, *, newest: str, current: str, key: str, job: str
) -> Finding:
    """Return GS-BKM-004 for a state that is older than, or another one than, its history records.

    Args:
        resource: the object with that state.
        found: the state.
        required: the state that the history records.
        newest: URI of the newest object of the history.
        current: URI of the bookmark object.
        key: ARN of the key that the copy is stored under.
        job: the job's name.
    """
    return failed(
        "GS-BKM-004",
        resource,
        found=found,
        required=required,
        fix=f"{copy_command(newest, current, key)}; to read earlier data again, then run "
        f"{command('rewind', job, '--to-sequence', 'N')}, which deletes nothing. If that object is damaged: "
        f"{command('repair', job)}",
    )


def history_changed(resource: str, found: str, required: str, *, job: str) -> Finding:
    """Return GS-BKM-004 for a state of the history that is missing or was replaced."""
    return failed(
        "GS-BKM-004",
        resource,
        found=found,
        required=required,
        fix=f"restore this object: {versions_command(resource)} lists its versions; or continue without it: "
        f"{command('repair', job)}. Find out who changed or deleted it",
    )


def copy_command(source: str, target: str, key: str) -> str:
    """Return the command that copies an object, encrypted under ``key``."""
    return f"run `aws s3 cp {shlex.quote(source)} {shlex.quote(target)} --sse aws:kms --sse-kms-key-id {key}`"


def command(name: str, job: str, *arguments: str) -> str:
    """Return a command of ``glue-secure bookmark`` as it is typed, in backticks."""
    return f"`glue-secure bookmark {name} {shlex.join((job, *arguments))}`"


def versions_command(uri: str) -> str:
    """Return the command that lists an object's versions in a bucket with versioning."""
    location = S3Uri.parse(uri)
    prefix = shlex.quote(location.key)
    return f"`aws s3api list-object-versions --bucket {location.bucket} --prefix {prefix}`"


def job_of(resource: str) -> str:
    """Return the job's name in the URI of a bookmark's object: ``.../JOB/current``, ``.../JOB/history/N``."""
    return resource.partition("/history/")[0].removesuffix("/current").rpartition("/")[2]


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
