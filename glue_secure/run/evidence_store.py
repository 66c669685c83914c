"""Where evidence goes: one object a run, never written over."""

from __future__ import annotations

from glue_secure.core.evidence import Evidence
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.ports import ObjectStore
from glue_secure.core.service import PreconditionFailed, ServiceError

_ATTEMPTS = 99


def write_evidence(evidence: Evidence, prefix: S3Uri, *, key: KmsKeyArn, objects: ObjectStore) -> S3Uri:
    """Write it below ``prefix``, SSE-KMS; a second attempt of the same run stands beside the first.

    Raises:
        ServiceError: it cannot be written, or 99 attempts of the run are recorded already.
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
        f"{folder}: {_ATTEMPTS} attempts are recorded", code="TooManyAttempts", operation="PutObject"
    )
