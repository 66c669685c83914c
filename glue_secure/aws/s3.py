"""Amazon S3 from the driver: listings, HeadObject, and small objects written under a key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from glue_secure.aws.errors import translate_errors
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import (
    BucketRules,
    ObjectEncryption,
    ObjectSummary,
    ObjectVersion,
    StoredObject,
    checksum_in,
)
from glue_secure.core.service import PreconditionFailed, ServiceError
from glue_secure.core.target_encryption import EncryptionRule

_Fact = TypeVar("_Fact")


class S3ObjectStore:
    """Implements ``ports.ObjectStore``."""

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def list(self, prefix: S3Uri, *, start_after: str = "") -> Iterator[ObjectSummary]:
        """Yield objects (ListObjectsV2). ``a`` selects ``a`` and all below ``a/``, not ``ab``."""
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
                        # botocore may give each time its own zone object. Times with one zone object are
                        # compared without a call to it.
                        entry["LastModified"].astimezone(timezone.utc),
                        entry["ETag"].strip('"'),
                        entry.get("StorageClass") or "STANDARD",
                    )
            if not page.get("IsTruncated"):
                return
            arguments["ContinuationToken"] = page["NextContinuationToken"]

    def first(self, prefix: S3Uri) -> S3Uri | None:
        """Return the first object below the prefix (ListObjectsV2 with one key).

        An object named like the prefix, which S3's console makes for an empty folder, is left out.
        """
        below = prefix.as_prefix()
        with translate_errors("ListObjectsV2"):
            page = self._client.list_objects_v2(
                Bucket=prefix.bucket, Prefix=below, StartAfter=below, MaxKeys=1
            )
        contents = page.get("Contents", ())
        return S3Uri(prefix.bucket, contents[0]["Key"]) if contents else None

    def versions(self, prefix: S3Uri) -> Iterator[ObjectVersion]:
        """Yield every version and delete marker below the prefix (ListObjectVersions)."""
        arguments: dict[str, Any] = {"Bucket": prefix.bucket, "Prefix": prefix.as_prefix()}
        while True:
            with translate_errors("ListObjectVersions"):
                page = self._client.list_object_versions(**arguments)
            for kind in ("Versions", "DeleteMarkers"):
                for entry in page.get(kind, ()):
                    yield ObjectVersion(
                        S3Uri(prefix.bucket, entry["Key"]),
                        entry["LastModified"].astimezone(timezone.utc),
                        bool(entry["IsLatest"]),
                        kind == "DeleteMarkers",
                        entry.get("VersionId") or "null",
                    )
            if not page.get("IsTruncated"):
                return
            arguments["KeyMarker"] = page["NextKeyMarker"]
            arguments["VersionIdMarker"] = page["NextVersionIdMarker"]

    def metadata(self, uri: S3Uri) -> Mapping[str, str]:
        """Return the user metadata of an object (HeadObject)."""
        with translate_errors("HeadObject"):
            return dict(self._client.head_object(Bucket=uri.bucket, Key=uri.key).get("Metadata", {}))

    def time(self, bucket: str) -> datetime:
        """Return S3's time, from its answer to HeadBucket. A refusal has it too."""
        time = self._head_bucket(bucket, _date)
        if time is None:
            raise ServiceError("HeadBucket: an answer without Date", code="", operation="HeadBucket")
        return time

    def encryption(self, uri: S3Uri) -> ObjectEncryption:
        """Return an object's encryption (HeadObject)."""
        with translate_errors("HeadObject"):
            answer = self._client.head_object(Bucket=uri.bucket, Key=uri.key)
        return _encryption(uri, answer, answer["ContentLength"])

    def rules(self, bucket: str) -> BucketRules:
        """Return a bucket's default encryption and policy, where it has them."""
        default: dict[str, Any] = {}
        policy = ""
        with _absent_on("GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError"):
            answer = self._client.get_bucket_encryption(Bucket=bucket)
            rules = answer["ServerSideEncryptionConfiguration"]["Rules"]
            default = rules[0].get("ApplyServerSideEncryptionByDefault", {}) if len(rules) == 1 else {}
        with _absent_on("GetBucketPolicy", "NoSuchBucketPolicy"):
            policy = self._client.get_bucket_policy(Bucket=bucket)["Policy"]
        return BucketRules(
            bucket, default.get("SSEAlgorithm", ""), default.get("KMSMasterKeyID", ""), str(policy)
        )

    def region(self, bucket: str) -> str:
        """Return a bucket's AWS Region (HeadBucket). S3 names it in a denial, too."""
        return self._head_bucket(bucket, _region_of)

    def _head_bucket(self, bucket: str, fact: Callable[[Mapping[str, Any]], _Fact]) -> _Fact:
        """Return a fact from the answer to HeadBucket, or from a refusal that has it."""
        from botocore.exceptions import ClientError

        with translate_errors("HeadBucket"):
            try:
                return fact(self._client.head_bucket(Bucket=bucket))
            except ClientError as error:
                found = fact(error.response)
                if not found:
                    raise
                return found

    def read(self, uri: S3Uri, *, most: int | None = None) -> StoredObject:
        """Return an object, or its first ``most`` bytes (GetObject)."""
        with translate_errors("GetObject"):
            answer = self._client.get_object(Bucket=uri.bucket, Key=uri.key)
            with closing(answer["Body"]) as stream:
                body = stream.read(most)
        return StoredObject(
            body,
            answer["ETag"].strip('"'),
            version=answer.get("VersionId", ""),
            algorithm=answer.get("ServerSideEncryption", ""),
            key=answer.get("SSEKMSKeyId", ""),
        )

    def write(
        self,
        uri: S3Uri,
        body: bytes,
        *,
        key: KmsKeyArn,
        content_type: str = "application/json",
        if_match: str | None = None,
        if_none_match: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Put an object with SSE-KMS under ``key`` (PutObject), and check the response."""
        options: dict[str, Any] = {"Metadata": dict(metadata)} if metadata else {}
        if if_match is not None:
            options["IfMatch"] = f'"{if_match}"'
        if if_none_match:
            options["IfNoneMatch"] = "*"
        with translate_errors("PutObject"):
            answer = self._client.put_object(
                Bucket=uri.bucket,
                Key=uri.key,
                Body=body,
                ContentType=content_type,
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=str(key),
                **options,
            )
        encryption = _encryption(uri, answer, len(body))
        if (encryption.algorithm, encryption.key) != ("aws:kms", str(key)):
            found = f"{encryption.algorithm or 'no encryption'} {encryption.key}".strip()
            raise ServiceError(
                f"PutObject {uri}: returned {found}, requested aws:kms {key}",
                code="EncryptionMismatch",
                operation="PutObject",
            )
        return str(answer["ETag"]).strip('"')

    def write_as(self, uri: S3Uri, body: bytes, *, rule: EncryptionRule, content_type: str) -> None:
        """Put an object encrypted as ``rule`` writes (PutObject)."""
        with translate_errors("PutObject"):
            self._client.put_object(
                Bucket=uri.bucket, Key=uri.key, Body=body, ContentType=content_type, **_parameters(rule)
            )

    def remove(self, uri: S3Uri, *, etag: str) -> None:
        """Delete an object if it is still the listed one (HeadObject, DeleteObject).

        DeleteObject itself accepts a condition in directory buckets only.
        """
        with translate_errors("HeadObject"):
            head = self._client.head_object(Bucket=uri.bucket, Key=uri.key)
        if str(head["ETag"]).strip('"') != etag:
            raise PreconditionFailed(
                f"DeleteObject {uri}: the object has changed since the listing",
                code="PreconditionFailed",
                operation="DeleteObject",
            )
        with translate_errors("DeleteObject"):
            self._client.delete_object(Bucket=uri.bucket, Key=uri.key)

    def copy_onto_itself(self, uri: S3Uri, storage_class: str, *, rule: EncryptionRule, etag: str) -> None:
        """Copy an object onto itself with its metadata and tags (CopyObject), at most 5 GB."""
        with translate_errors("CopyObject"):
            self._client.copy_object(
                Bucket=uri.bucket,
                Key=uri.key,
                CopySource={"Bucket": uri.bucket, "Key": uri.key},
                CopySourceIfMatch=f'"{etag}"',
                StorageClass=storage_class,
                MetadataDirective="COPY",
                **_parameters(rule),
            )


@contextmanager
def _absent_on(operation: str, code: str) -> Iterator[None]:
    """Suppress one error code, which means that the setting does not exist."""
    try:
        with translate_errors(operation):
            yield
    except ServiceError as error:
        if error.code != code:
            raise


def _region_of(answer: Mapping[str, Any]) -> str:
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(answer.get("BucketRegion") or headers.get("x-amz-bucket-region", ""))


def _parameters(rule: EncryptionRule) -> dict[str, Any]:
    """Return the parameters of a request that stores an object as the rule writes."""
    parameters: dict[str, Any] = {"ServerSideEncryption": rule.written.algorithm.header}
    if rule.written.key:
        parameters["SSEKMSKeyId"] = rule.written.key
    if rule.bucket_key is not None:
        parameters["BucketKeyEnabled"] = rule.bucket_key
    return parameters


def _date(answer: Mapping[str, Any]) -> datetime | None:
    """Return the time of an answer's ``Date`` header, None without one."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        return parsedate_to_datetime(date).astimezone(timezone.utc) if date else None
    except ValueError:
        return None


def _encryption(uri: S3Uri, answer: dict[str, Any], size: int) -> ObjectEncryption:
    return ObjectEncryption(
        uri=uri,
        algorithm=answer.get("ServerSideEncryption", ""),
        key=answer.get("SSEKMSKeyId", ""),
        bucket_key=bool(answer.get("BucketKeyEnabled", False)),
        size=size,
        version=answer.get("VersionId", ""),
        etag=str(answer.get("ETag", "")).strip('"'),
        checksum=checksum_in(answer),
    )
