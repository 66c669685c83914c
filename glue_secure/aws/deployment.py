"""The account as commands deploy to it: keys, configurations, code and jobs. For a laptop alone."""

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
    """An object of code as S3 has it.

    Attributes:
        sha256: hexadecimal, of the whole object; "" where S3 keeps none.
        algorithm: ``aws:kms``, ``AES256``, ...
        key: ARN of its key, or "".
        etag: for a conditional write; it does not make two objects different.
    """

    sha256: str
    algorithm: str
    key: str
    etag: str = field(default="", compare=False)


class DeploymentAccount:
    """Glue, KMS and S3 of one account and region.

    Every request to S3 names the account as the bucket's expected owner: a bucket of that name that belongs
    to somebody else answers "access denied".

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
        """DescribeKey of an alias or ARN. Raises NotFound, ServiceError."""
        with translate_errors("DescribeKey"):
            return KmsKey.from_api(self._kms.describe_key(KeyId=name)["KeyMetadata"])

    def configuration(self, name: str) -> SecurityConfiguration | None:
        """GetSecurityConfiguration; None where there is none. Raises ServiceError."""
        try:
            with translate_errors("GetSecurityConfiguration"):
                answer = self._glue.get_security_configuration(Name=name)
        except NotFound:
            return None
        return SecurityConfiguration.from_api(answer["SecurityConfiguration"])

    def create_configuration(self, name: str, encryption: Mapping[str, Any]) -> None:
        """CreateSecurityConfiguration. Raises ServiceError."""
        with translate_errors("CreateSecurityConfiguration"):
            self._glue.create_security_configuration(Name=name, EncryptionConfiguration=encryption)

    def has_connection(self, name: str) -> bool:
        """GetConnection, without its password. Raises ServiceError."""
        try:
            with translate_errors("GetConnection"):
                self._glue.get_connection(Name=name, HidePassword=True)
        except NotFound:
            return False
        return True

    def job(self, name: str) -> dict[str, Any] | None:
        """GetJob; None where there is none. Raises ServiceError."""
        try:
            with translate_errors("GetJob"):
                return dict(self._glue.get_job(JobName=name)["Job"])
        except NotFound:
            return None

    def create_job(self, name: str, definition: Mapping[str, Any]) -> None:
        """CreateJob. Raises ServiceError."""
        with translate_errors("CreateJob"):
            self._glue.create_job(Name=name, **definition)

    def update_job(self, name: str, definition: Mapping[str, Any]) -> None:
        """UpdateJob, which writes over the whole definition. Raises ServiceError."""
        with translate_errors("UpdateJob"):
            self._glue.update_job(JobName=name, JobUpdate=definition)

    def has_bucket(self, name: str) -> bool:
        """HeadBucket. Raises ServiceError, also for a bucket of another account."""
        try:
            with translate_errors("HeadBucket"):
                self._s3.head_bucket(Bucket=name, ExpectedBucketOwner=self.account)
        except NotFound:
            return False
        return True

    def uploaded(self, uri: S3Uri) -> Uploaded | None:
        """HeadObject; None where there is no object. Raises ServiceError."""
        try:
            with translate_errors("HeadObject"):
                head = self._s3.head_object(
                    Bucket=uri.bucket, Key=uri.key, ChecksumMode="ENABLED", ExpectedBucketOwner=self.account
                )
        except NotFound:
            return None
        digest = head.get("ChecksumSHA256", "")
        return Uploaded(
            # With a dash it is a checksum of parts, which no file can be compared with.
            base64.b64decode(digest).hex() if digest and "-" not in digest else "",
            head.get("ServerSideEncryption", ""),
            head.get("SSEKMSKeyId", ""),
            head["ETag"].strip('"'),
        )

    def upload(self, uri: S3Uri, content: bytes, key: KmsKeyArn, *, over: Uploaded | None) -> None:
        """PutObject with SSE-KMS and a SHA-256 that S3 compares.

        Raises:
            PreconditionFailed: there is another object than ``over``, or one where ``over`` is None.
            NotFound: there is no such bucket.
            ServiceError: any other answer.
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
