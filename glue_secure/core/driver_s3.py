"""Rules for S3 calls of the driver's boto3: SSE-KMS under the run's key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glue_secure.core.errors import RefusedError
from glue_secure.core.identifiers import KmsKeyArn

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html
WRITES = frozenset({"PutObject", "CreateMultipartUpload", "CopyObject"})
# Later steps of an upload, and the session of a directory bucket. Their encryption is set before.
_STEPS = frozenset({"UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "CreateSession"})
# These change the encryption of objects that the run does not write.
_REFUSED = frozenset(
    {"DeleteBucketEncryption", "PutBucketEncryption", "UpdateObjectEncryption", "WriteGetObjectResponse"}
)
CHECKED = WRITES | _STEPS | _REFUSED | {"RestoreObject"}
_ALGORITHM, _KEY = "ServerSideEncryption", "SSEKMSKeyId"


def guarded_parameters(operation: str, parameters: Mapping[str, Any], key: KmsKeyArn) -> dict[str, str]:
    """Return the parameters to add to an S3 call, so that it writes under ``key``.

    Args:
        operation: name of the API operation (``PutObject``).
        parameters: of the script, with the names of the API.
        key: the run's key.

    Returns:
        ``ServerSideEncryption`` and ``SSEKMSKeyId`` for a write; ``{}`` for other calls.

    Raises:
        RefusedError: GS-S3-005: the call requests another encryption, or writes through an access point.
    """
    if operation not in CHECKED:
        return {}
    resource = f"{operation} to s3://{parameters.get('Bucket', '')}/{parameters.get('Key', '')}"
    if operation in _REFUSED or (operation == "RestoreObject" and _output(parameters)):
        raise _refusal(resource, operation, "PutObject, CopyObject or a multipart upload under the run's key")
    if str(parameters.get("Bucket", "")).startswith("arn:"):
        raise _refusal(resource, "an access point", "the bucket's own name")
    for name, value in parameters.items():
        if name.startswith("SSECustomer") or name == "SSEKMSEncryptionContext":
            raise _refusal(resource, name, f"aws:kms under {key}")
        if name == _ALGORITHM and value != "aws:kms":
            raise _refusal(resource, f"{name}={value!r}", "aws:kms")
        if name == _KEY and value not in (str(key), key.key_id):
            raise _refusal(resource, f"{name}={value!r}", str(key))
    return {_ALGORITHM: "aws:kms", _KEY: str(key)} if operation in WRITES else {}


def refused_post(bucket: str) -> RefusedError:
    """Return GS-S3-005 for ``generate_presigned_post``, whose fields the uploader chooses."""
    return _refusal(
        f"generate_presigned_post for s3://{bucket}", "a form", "generate_presigned_url('put_object', ...)"
    )


def _output(parameters: Mapping[str, Any]) -> bool:
    request = parameters.get("RestoreRequest")
    return isinstance(request, Mapping) and "OutputLocation" in request


def _refusal(resource: str, found: str, required: str) -> RefusedError:
    return RefusedError(
        "GS-S3-005",
        resource=resource,
        found=found,
        required=required,
        fix="remove the encryption parameters: the session adds the run's key to every write",
    )
