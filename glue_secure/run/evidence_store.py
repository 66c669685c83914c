"""Where evidence is stored: a record of the start and one of the end of each run, never overwritten."""

from __future__ import annotations

from datetime import datetime

from glue_secure.core.arguments import JobIdentity
from glue_secure.core.evidence import Evidence, canonical_json
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.ports import ObjectStore
from glue_secure.core.service import PreconditionFailed, ServiceError

_ATTEMPTS = 99


def write_evidence(evidence: Evidence, prefix: S3Uri, *, key: KmsKeyArn, objects: ObjectStore) -> S3Uri:
    """Write the evidence below ``prefix``, SSE-KMS under ``key``, and return its location.

    The object is ``job=JOB/run=RUN_ID/evidence.json``; a second attempt of the run writes
    ``evidence-2.json``.

    Raises:
        ServiceError: the object cannot be written, or the run has evidence of 99 attempts.
    """
    folder = prefix.child(f"job={evidence.job}/run={evidence.run_id}")
    return _write_new(folder, "evidence", evidence.to_json(), key=key, objects=objects)


def write_start(
    identity: JobIdentity, started: datetime, prefix: S3Uri, *, key: KmsKeyArn, objects: ObjectStore
) -> S3Uri:
    """Write the record of a run's start, in the place and in the way of its evidence.

    This proves, before the run writes data or commits, that its evidence can be written. The object is
    ``job=JOB/run=RUN_ID/_started.json``. Athena, Hive and Spark ignore its name.

    Raises:
        ServiceError: the object cannot be written.
    """
    folder = prefix.child(f"job={identity.job}/run={identity.run_id}")
    body = canonical_json({"job": identity.job, "run_id": identity.run_id, "started": started})
    return _write_new(folder, "_started", body, key=key, objects=objects)


def _write_new(folder: S3Uri, name: str, body: bytes, *, key: KmsKeyArn, objects: ObjectStore) -> S3Uri:
    for attempt in range(1, _ATTEMPTS + 1):
        uri = folder.child(f"{name}.json" if attempt == 1 else f"{name}-{attempt}.json")
        try:
            objects.write(uri, body, key=key, if_none_match=True)
        except PreconditionFailed:
            continue
        return uri
    raise ServiceError(
        f"{folder} has evidence of {_ATTEMPTS} attempts", code="TooManyAttempts", operation="PutObject"
    )
