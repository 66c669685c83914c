"""Where evidence is stored: one object for each run, never overwritten."""

from __future__ import annotations

from glue_secure.core.evidence import Evidence
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
    for attempt in range(1, _ATTEMPTS + 1):
        uri = folder.child("evidence.json" if attempt == 1 else f"evidence-{attempt}.json")
        try:
            objects.write(uri, evidence.to_json(), key=key, if_none_match=True)
        except PreconditionFailed:
            continue
        return uri
    raise ServiceError(
        f"{folder} has evidence of {_ATTEMPTS} attempts", code="TooManyAttempts", operation="PutObject"
    )
