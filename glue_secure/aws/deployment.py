"""The account that commands deploy to: keys, configurations, code and jobs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.security_configuration import SecurityConfiguration
from glue_secure.core.service import NotFound


@dataclass(frozen=True, slots=True)
class Uploaded:
    """An uploaded object of code.

    Attributes:
        sha256: of the whole object, hexadecimal; "" if S3 stores none.
        algorithm: ``aws:kms``, ``AES256``, ...
        key: ARN of its key, or "".
        etag: for a conditional write; not compared.
    """

    sha256: str
    algorithm: str
    key: str
    etag: str = field(default="", compare=False)


class DeploymentAccount:
    """Glue, KMS and S3 of one account and region.

    Every request to S3 names the account as the expected owner of the bucket, so that a bucket of another
    account returns "access denied".

    Args:
        glue: client of AWS Glue.
        kms: client of AWS KMS.
        s3: client of Amazon S3.
        account: twelve digits.
        region: of the clients.
        partition: ``aws``, ``aws-cn``, ...
    """

    def __init__(self, *, glue: Any, kms: Any, s3: Any, account: str, region: str, partition: str) -> None:
        self._glue, self._kms, self._s3 = glue, kms, s3
        self.account, self.region, self.partition = account, region, partition

    def key(self, name: str) -> KmsKey:
        """Return the key of an alias or ARN (DescribeKey). Raises NotFound, ServiceError."""
        with translate_errors("DescribeKey"):
            return KmsKey.from_api(self._kms.describe_key(KeyId=name)["KeyMetadata"])

    def configuration(self, name: str) -> SecurityConfiguration | None:
        """Return a security configuration, None if it does not exist. Raises ServiceError."""
        try:
            with translate_errors("GetSecurityConfiguration"):
                answer = self._glue.get_security_configuration(Name=name)
        except NotFound:
            return None
        return SecurityConfiguration.from_api(answer["SecurityConfiguration"])

    def create_configuration(self, name: str, encryption: Mapping[str, Any]) -> None:
        """Create a security configuration. Raises ServiceError."""
        with translate_errors("CreateSecurityConfiguration"):
            self._glue.create_security_configuration(Name=name, EncryptionConfiguration=encryption)

    def has_connection(self, name: str) -> bool:
        """Return whether a connection exists (GetConnection without the password). Raises ServiceError."""
        try:
            with translate_errors("GetConnection"):
                self._glue.get_connection(Name=name, HidePassword=True)
        except NotFound:
            return False
        return True

    def job(self, name: str) -> dict[str, Any] | None:
        """Return a job's definition (GetJob), None if it does not exist. Raises ServiceError."""
        try:
            with translate_errors("GetJob"):
                return dict(self._glue.get_job(JobName=name)["Job"])
        except NotFound:
            return None

    def create_job(self, name: str, definition: Mapping[str, Any]) -> None:
        """Create a job. Raises ServiceError."""
        with translate_errors("CreateJob"):
            self._glue.create_job(Name=name, **definition)

    def update_job(self, name: str, definition: Mapping[str, Any]) -> None:
        """Replace the whole definition of a job (UpdateJob). Raises ServiceError."""
        with translate_errors("UpdateJob"):
            self._glue.update_job(JobName=name, JobUpdate=definition)

    def tags_of_job(self, name: str) -> dict[str, str]:
        """Return a job's tags (GetTags), none if the job does not exist. Raises ServiceError."""
        try:
            with translate_errors("GetTags"):
                return dict(self._glue.get_tags(ResourceArn=self._job_arn(name)).get("Tags", {}))
        except NotFound:
            return {}

    def tag_job(self, name: str, tags: Mapping[str, str]) -> None:
        """Add or replace tags of a job (TagResource). Raises ServiceError."""
        with translate_errors("TagResource"):
            self._glue.tag_resource(ResourceArn=self._job_arn(name), TagsToAdd=dict(tags))

    def _job_arn(self, name: str) -> str:
        return f"arn:{self.partition}:glue:{self.region}:{self.account}:job/{name}"

    def has_bucket(self, name: str) -> bool:
        """Return whether a bucket of this account exists. Raises ServiceError for another account's."""
        try:
            with translate_errors("HeadBucket"):
                self._s3.head_bucket(Bucket=name, ExpectedBucketOwner=self.account)
        except NotFound:
            return False
        return True

    def uploaded(self, uri: S3Uri) -> Uploaded | None:
        """Return an uploaded object (HeadObject), None if it does not exist. Raises ServiceError."""
        try:
            with translate_errors("HeadObject"):
                head = self._s3.head_object(
                    Bucket=uri.bucket, Key=uri.key, ChecksumMode="ENABLED", ExpectedBucketOwner=self.account
                )
        except NotFound:
            return None
        digest = head.get("ChecksumSHA256", "")
        return Uploaded(
            # A value with a dash is a checksum of parts, which cannot be compared with a file's.
            base64.b64decode(digest).hex() if digest and "-" not in digest else "",
            head.get("ServerSideEncryption", ""),
            head.get("SSEKMSKeyId", ""),
            head["ETag"].strip('"'),
        )

    def content(self, uri: S3Uri) -> bytes | None:
        """Return the content of an object (GetObject), None if it does not exist. Raises ServiceError."""
        try:
            with translate_errors("GetObject"):
                answer = self._s3.get_object(Bucket=uri.bucket, Key=uri.key, ExpectedBucketOwner=self.account)
                return bytes(answer["Body"].read())
        except NotFound:
            return None

    def upload(self, uri: S3Uri, content: bytes, key: KmsKeyArn, *, over: Uploaded | None) -> None:
        """Upload an object with SSE-KMS and a SHA-256 that S3 verifies (PutObject).

        Raises:
            PreconditionFailed: the object is not ``over``, or exists although ``over`` is None.
            NotFound: the bucket does not exist.
            ServiceError: any other error.
        """
        condition = {"IfMatch": f'"{over.etag}"'} if over else {"IfNoneMatch": "*"}
        with translate_errors("PutObject"):
            self._s3.put_object(
                Bucket=uri.bucket,
                Key=uri.key,
                Body=content,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=base64.b64encode(hashlib.sha256(content).digest()).decode(),
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=str(key),
                BucketKeyEnabled=True,
                ExpectedBucketOwner=self.account,
                **condition,
            )
