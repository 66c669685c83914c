"""Rules for S3 calls of botocore's clients: SSE-KMS under the run's key, and receipts of the responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from glue_secure.core.endpoints import endpoint_kind, same_service
from glue_secure.core.errors import RefusedError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import checksum_in
from glue_secure.core.receipts import (
    BOTO3,
    DELETED,
    READ,
    STORED,
    UNANSWERED,
    UPLOAD_ABORTED,
    UPLOAD_CREATED,
    Receipt,
)
from glue_secure.core.redaction import redact_text
from glue_secure.core.s3_operations import kind_of, of_kind
from glue_secure.core.target_encryption import EncryptionRule, EncryptionRules

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html
WRITES = of_kind("store", "create")
STORING = WRITES | of_kind("part", "complete")
"""Operations that store bytes. The encryption of those that are not in ``WRITES`` was set before."""
REMOVING = of_kind("delete") | {"AbortMultipartUpload"}
READING = frozenset({"GetObject"})
"""Operations whose response has the content of an object, and how it is encrypted."""
# CreateSession is the first call of a directory bucket, also before a read.
_CHECKED = STORING | REMOVING | {"CreateSession"}
_ALGORITHM, _KEY, _BUCKET_KEY = "ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled"


def is_checked(operation: str) -> bool:
    """Return whether a guard decides about calls of an operation. It does not for most reads."""
    return operation in _CHECKED or kind_of(operation) == "refuse"


def is_storing(operation: str, parameters: Mapping[str, Any]) -> bool:
    """Return whether an S3 call stores bytes, or changes how a bucket or object is encrypted."""
    return operation in STORING or _is_refused(operation, parameters)


def guarded_parameters(
    operation: str,
    parameters: Mapping[str, Any],
    rules: EncryptionRules,
    resolve: Callable[[str], KmsKeyArn] | None = None,
) -> dict[str, str | bool]:
    """Return the parameters to add to an S3 call, so that it writes as the rule of its object requires.

    Args:
        operation: name of the API operation (``PutObject``).
        parameters: of the script, with the names of the API.
        rules: how objects must be encrypted.
        resolve: returns the key that an alias or id names, or raises ControlError; None to refuse every
            spelling but the key's ARN and id.

    Returns:
        ``ServerSideEncryption``, and for KMS ``SSEKMSKeyId``, for a write; ``{}`` for other calls.

    Raises:
        RefusedError: GS-S3-005: the call requests another encryption, or writes through an access point.
        VerificationError: ``resolve`` could not name the key.
    """
    if not is_checked(operation) or operation in REMOVING:
        return {}
    resource = f"{operation} to s3://{parameters.get('Bucket', '')}/{parameters.get('Key', '')}"
    if _is_refused(operation, parameters):
        raise _refusal(
            resource,
            operation,
            "PutObject, CopyObject or a multipart upload under the run's key",
            "write with put_object, copy_object or a multipart upload, or call this outside of the job",
        )
    bucket = str(parameters.get("Bucket", ""))
    if bucket.startswith("arn:") or rules.is_unknown(bucket):
        raise _refusal(resource, "an access point", "the bucket's own name")
    rule = rules.rule(S3Uri(bucket, str(parameters.get("Key", ""))))
    for name in parameters:
        if name.startswith("SSECustomer") or name == "SSEKMSEncryptionContext":
            raise _refusal(resource, name, str(rule))
    added = _encryption(resource, parameters, rule, resolve)
    return added if operation in WRITES else {}


def locations(operation: str, parameters: Mapping[str, Any]) -> tuple[S3Uri, ...]:
    """Return the objects that an S3 call would store or delete."""
    bucket = str(parameters.get("Bucket", ""))
    if operation == "DeleteObjects":
        return tuple(S3Uri(bucket, key) for key, _ in _requested_deletions(parameters))
    if operation in STORING or operation == "DeleteObject":
        return (S3Uri(bucket, str(parameters.get("Key", ""))),)
    return ()


def require_known_service(operation: str, bucket: str, endpoint: str, account_endpoint: str) -> None:
    """Raise RefusedError (GS-S3-002) if a storing call would go to a service that is not the account's S3.

    Args:
        operation: of the call, for the message.
        bucket: of the call, for the message.
        endpoint: URL of the client.
        account_endpoint: URL that the run's own S3 requests go to.
    """
    if endpoint_kind(endpoint) == "aws" or same_service(endpoint, account_endpoint):
        return
    raise RefusedError(
        "GS-S3-002",
        resource=f"{operation} to bucket {bucket}",
        found=f"the endpoint {redact_text(endpoint)}",
        required=f"Amazon S3, or the run's S3 endpoint {redact_text(account_endpoint)}",
        fix="remove endpoint_url from the client",
    )


def receipts_of(
    operation: str, parameters: Mapping[str, Any], response: Mapping[str, Any], *, size: int | None, time: int
) -> list[Receipt]:
    """Return the receipts of a successful response.

    A deletion of one version of an object gives no receipt, because another version may become the current
    one.

    Args:
        operation: the API operation.
        parameters: of the call.
        response: botocore's parsed response.
        size: bytes that were stored; None if it is not known.
        time: of the response, milliseconds since 1970.
    """
    bucket = str(parameters.get("Bucket", ""))
    uri = S3Uri(bucket, str(parameters.get("Key", "")))
    upload = str(parameters.get("UploadId", ""))
    if operation == "DeleteObjects":
        errors = {(error.get("Key"), error.get("VersionId")) for error in response.get("Errors", ())}
        return [
            Receipt(DELETED, S3Uri(bucket, key), operation, BOTO3, time=time)
            for key, version in _requested_deletions(parameters)
            if version is None and (key, None) not in errors
        ]
    if operation == "DeleteObject":
        if parameters.get("VersionId") is not None:
            return []
        return [Receipt(DELETED, uri, operation, BOTO3, time=time)]
    if operation == "AbortMultipartUpload":
        return [Receipt(UPLOAD_ABORTED, uri, operation, BOTO3, upload=upload, time=time)]
    if operation in ("UploadPart", "UploadPartCopy") or operation not in STORING | READING:
        return []
    is_creation = operation == "CreateMultipartUpload"
    copied = response.get("CopyObjectResult") or {}
    return [
        Receipt(
            UPLOAD_CREATED if is_creation else READ if operation in READING else STORED,
            uri,
            operation,
            BOTO3,
            algorithm=str(response.get(_ALGORITHM) or ""),
            key=str(response.get(_KEY) or ""),
            bucket_key=bool(response.get("BucketKeyEnabled", False)),
            size=size,
            version=str(response.get("VersionId") or ""),
            etag=str(response.get("ETag") or copied.get("ETag") or "").strip('"'),
            upload=str(response.get("UploadId") or "") if is_creation else upload,
            source=_copied(parameters) if operation == "CopyObject" else "",
            time=time,
            checksum=checksum_in(response) or checksum_in(copied),
        )
    ]


def unanswered(operation: str, parameters: Mapping[str, Any], *, time: int) -> list[Receipt]:
    """Return the receipts of a call without a usable response: the object may exist, or not."""
    if operation not in STORING or operation in ("CreateMultipartUpload", "UploadPart", "UploadPartCopy"):
        return []
    upload = str(parameters.get("UploadId", ""))
    return [
        Receipt(UNANSWERED, uri, operation, BOTO3, upload=upload, time=time)
        for uri in locations(operation, parameters)
    ]


def refused_post(bucket: str) -> RefusedError:
    """Return GS-S3-005 for ``generate_presigned_post``, whose fields the uploader chooses."""
    return _refusal(
        f"generate_presigned_post for s3://{bucket}", "a form", "generate_presigned_url('put_object', ...)"
    )


def _encryption(
    resource: str,
    parameters: Mapping[str, Any],
    rule: EncryptionRule,
    resolve: Callable[[str], KmsKeyArn] | None,
) -> dict[str, str | bool]:
    """Return the parameters of an accepted encryption: the one that a call names, or the rule's own."""
    algorithm, key = parameters.get(_ALGORITHM), parameters.get(_KEY)
    accepted = [one for one in rule.accepted if algorithm in (None, one.algorithm.header)]
    if not accepted:
        required = " or ".join(dict.fromkeys(one.algorithm.header for one in rule.accepted))
        raise _refusal(resource, f"{_ALGORITHM}={algorithm!r}", required)
    chosen = accepted[0]
    if key is not None:
        named = [one for one in accepted if one.key and _names(key, KmsKeyArn.parse(one.key), resolve)]
        if not named:
            required = " or ".join(dict.fromkeys(one.key for one in accepted if one.key))
            raise _refusal(resource, f"{_KEY}={key!r}", required or f"no key: {rule}")
        chosen = named[0]
    added: dict[str, str | bool] = {_ALGORITHM: chosen.algorithm.header}
    if chosen.key:
        added[_KEY] = chosen.key
    if rule.bucket_key is not None and chosen.algorithm.header == "aws:kms":
        if parameters.get(_BUCKET_KEY, rule.bucket_key) != rule.bucket_key:
            raise _refusal(resource, f"{_BUCKET_KEY}={parameters[_BUCKET_KEY]!r}", str(rule.bucket_key))
        added[_BUCKET_KEY] = rule.bucket_key
    return added


def _names(value: Any, key: KmsKeyArn, resolve: Callable[[str], KmsKeyArn] | None) -> bool:
    if value in (str(key), key.key_id):
        return True
    return resolve is not None and isinstance(value, str) and bool(value) and resolve(value) == key


def _requested_deletions(parameters: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    request = parameters.get("Delete")
    objects = request.get("Objects", ()) if isinstance(request, Mapping) else ()
    return [(str(entry.get("Key", "")), entry.get("VersionId")) for entry in objects]


def _copied(parameters: Mapping[str, Any]) -> str:
    """Return ``bucket/key`` of a copy's source."""
    source = parameters.get("CopySource", "")
    if isinstance(source, Mapping):
        return f"{source.get('Bucket', '')}/{source.get('Key', '')}"
    return unquote(str(source).partition("?versionId=")[0])


def _is_refused(operation: str, parameters: Mapping[str, Any]) -> bool:
    """Return whether a call is refused whatever it names: RestoreObject only if it stores its output."""
    if operation != "RestoreObject":
        return kind_of(operation) == "refuse"
    request = parameters.get("RestoreRequest")
    return isinstance(request, Mapping) and "OutputLocation" in request


def _refusal(
    resource: str,
    found: str,
    required: str,
    fix: str = "remove the encryption parameters: the run's key is added to every write",
) -> RefusedError:
    return RefusedError("GS-S3-005", resource=resource, found=found, required=required, fix=fix)
