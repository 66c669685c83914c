"""Amazon S3 from the driver: listings, HEADs, and small objects written under a named key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timezone
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import BucketRules, ObjectEncryption, ObjectSummary, StoredObject
from glue_secure.core.service import PreconditionFailed, ServiceError


class S3ObjectStore:
    """Satisfies ``ports.ObjectStore``."""

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def list(self, prefix: S3Uri, *, start_after: str = "") -> Iterator[ObjectSummary]:
        """ListObjectsV2, page by page. ``a`` selects the object ``a`` and all below ``a/``, never ``ab``."""
        exact = prefix.key
        below = prefix.as_prefix()
        arguments: dict[str, Any] = {"Bucket": prefix.bucket, "Prefix": exact}
        if start_after:
            arguments["StartAfter"] = start_after
        while True:
            with translate_errors("ListObjectsV2"):
                page = self._client.list_objects_v2(**arguments)
            for entry in page.get("Contents", ()):
                name = entry["Key"]
                if name == exact or name.startswith(below):
                    yield ObjectSummary(
                        S3Uri(prefix.bucket, name),
                        entry["Size"],
                        # In a process whose zone is UTC, botocore gives each time a zone object of its own;
                        # times of one zone object compare without asking it.
                        entry["LastModified"].astimezone(timezone.utc),
                        entry["ETag"].strip('"'),
                        entry.get("StorageClass") or "STANDARD",
                    )
            if not page.get("IsTruncated"):
                return
            arguments["ContinuationToken"] = page["NextContinuationToken"]

    def encryption(self, uri: S3Uri) -> ObjectEncryption:
        """HeadObject."""
        with translate_errors("HeadObject"):
            answer = self._client.head_object(Bucket=uri.bucket, Key=uri.key)
        return _encryption(uri, answer, answer["ContentLength"])

    def rules(self, bucket: str) -> BucketRules:
        """GetBucketEncryption and GetBucketPolicy; a bucket may have neither."""
        default: dict[str, Any] = {}
        policy = ""
        with _none_of("GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError"):
            answer = self._client.get_bucket_encryption(Bucket=bucket)
            found = answer["ServerSideEncryptionConfiguration"]["Rules"]
            default = found[0].get("ApplyServerSideEncryptionByDefault", {}) if len(found) == 1 else {}
        with _none_of("GetBucketPolicy", "NoSuchBucketPolicy"):
            policy = self._client.get_bucket_policy(Bucket=bucket)["Policy"]
        return BucketRules(
            bucket, default.get("SSEAlgorithm", ""), default.get("KMSMasterKeyID", ""), str(policy)
        )

    def read(self, uri: S3Uri) -> StoredObject:
        """GetObject, whole."""
        with translate_errors("GetObject"):
            answer = self._client.get_object(Bucket=uri.bucket, Key=uri.key)
            body = answer["Body"].read()
        return StoredObject(body, answer["ETag"].strip('"'))

    def write(
        self,
        uri: S3Uri,
        body: bytes,
        *,
        key: KmsKeyArn,
        content_type: str = "application/json",
        if_match: str | None = None,
        if_none_match: bool = False,
    ) -> str:
        """PutObject with SSE-KMS under ``key``; the answer must say the same."""
        condition: dict[str, str] = {}
        if if_match is not None:
            condition["IfMatch"] = f'"{if_match}"'
        if if_none_match:
            condition["IfNoneMatch"] = "*"
        with translate_errors("PutObject"):
            answer = self._client.put_object(
                Bucket=uri.bucket,
                Key=uri.key,
                Body=body,
                ContentType=content_type,
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=str(key),
                **condition,
            )
        seen = _encryption(uri, answer, len(body))
        if (seen.algorithm, seen.key) != ("aws:kms", str(key)):
            found = f"{seen.algorithm or 'no encryption'} {seen.key}".strip()
            raise ServiceError(
                f"PutObject {uri}: answered {found}, asked for aws:kms {key}",
                code="EncryptionMismatch",
                operation="PutObject",
            )
        return str(answer["ETag"]).strip('"')

    def remove(self, uri: S3Uri, *, etag: str) -> None:
        """DeleteObject, when it is still the object that was listed.

        The condition is a HEAD: DeleteObject itself takes one in directory buckets only.
        """
        with translate_errors("HeadObject"):
            seen = self._client.head_object(Bucket=uri.bucket, Key=uri.key)
        if str(seen["ETag"]).strip('"') != etag:
            raise PreconditionFailed(
                f"DeleteObject {uri}: another object than the one listed",
                code="PreconditionFailed",
                operation="DeleteObject",
            )
        with translate_errors("DeleteObject"):
            self._client.delete_object(Bucket=uri.bucket, Key=uri.key)

    def copy_onto_itself(self, uri: S3Uri, storage_class: str, *, key: KmsKeyArn, etag: str) -> None:
        """CopyObject onto itself; metadata and tags stay. One request copies 5 GB at most."""
        with translate_errors("CopyObject"):
            self._client.copy_object(
                Bucket=uri.bucket,
                Key=uri.key,
                CopySource={"Bucket": uri.bucket, "Key": uri.key},
                CopySourceIfMatch=f'"{etag}"',
                StorageClass=storage_class,
                MetadataDirective="COPY",
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=str(key),
            )


@contextmanager
def _none_of(operation: str, code: str) -> Iterator[None]:
    """Take one error code for an answer: there is none."""
    try:
        with translate_errors(operation):
            yield
    except ServiceError as error:
        if error.code != code:
            raise


def _encryption(uri: S3Uri, answer: dict[str, Any], size: int) -> ObjectEncryption:
    return ObjectEncryption(
        uri=uri,
        algorithm=answer.get("ServerSideEncryption", ""),
        key=answer.get("SSEKMSKeyId", ""),
        bucket_key=bool(answer.get("BucketKeyEnabled", False)),
        size=size,
    )
