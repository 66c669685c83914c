"""What S3 calls of the driver's own boto3 must carry: SSE-KMS under the run's key, whoever makes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glue_secure.core.errors import RefusedError
from glue_secure.core.identifiers import KmsKeyArn

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html
WRITES = frozenset({"PutObject", "CreateMultipartUpload", "CopyObject"})
# Later steps of an upload, and a directory bucket's session: their encryption was chosen before them.
_STEPS = frozenset({"UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "CreateSession"})
# They change how objects are encrypted that are no write of the run.
_REFUSED = frozenset(
    {"DeleteBucketEncryption", "PutBucketEncryption", "UpdateObjectEncryption", "WriteGetObjectResponse"}
)
JUDGED = WRITES | _STEPS | _REFUSED | {"RestoreObject"}
_ALGORITHM, _KEY = "ServerSideEncryption", "SSEKMSKeyId"


def guarded_parameters(operation: str, parameters: Mapping[str, Any], key: KmsKeyArn) -> dict[str, str]:
    """The parameters to add to an S3 call, so that what it writes is under ``key``.

    Args:
        operation: the API's name (``PutObject``).
        parameters: as the script gave them, named as the API names them.
        key: the run's key.

    Returns:
        ``ServerSideEncryption`` and ``SSEKMSKeyId`` for a write; nothing for other calls.

    Raises:
        RefusedError: GS-S3-005, the call asks for another encryption, or writes by an access point.
    """
    if operation not in JUDGED:
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
    """GS-S3-005 for ``generate_presigned_post``: its form's fields are the uploader's, not the signer's."""
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
        fix="leave the encryption to the session: it adds the run's key to every write",
    )
