"""Names of AWS things, parsed once and carried as values.

Every parser here takes text from outside and either returns a value that is certainly well formed
or raises :class:`~glue_secure.core.errors.UsageError` naming the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from glue_secure.core.errors import UsageError

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
_KEY_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):kms:(?P<region>[a-z]{2,}(?:-[a-z]+)+-\d):(?P<account>\d{12}):"
    r"(?P<kind>key|alias)/(?P<name>[A-Za-z0-9/_-]{1,256})\Z"
)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_SCHEMES = ("s3", "s3a", "s3n")
_TABLE_NAME = re.compile(r'(?:\w+|"[^"\x00-\x1f]+")(?:\.(?:\w+|"[^"\x00-\x1f]+")){0,2}\Z')


@dataclass(frozen=True, slots=True)
class KmsKeyArn:
    """The ARN of a KMS key (``arn:aws:kms:eu-west-1:123456789012:key/...``), not of an alias."""

    partition: str
    region: str
    account: str
    key_id: str

    @classmethod
    def parse(cls, text: str) -> KmsKeyArn:
        """Read a key ARN. An alias ARN is refused: resolve it with DescribeKey first."""
        match = _KEY_ARN.match(text)
        if match is None or match["kind"] != "key":
            raise UsageError(
                "not the ARN of a KMS key",
                found=repr(text),
                required="arn:PARTITION:kms:REGION:ACCOUNT:key/KEY-ID",
            )
        return cls(match["partition"], match["region"], match["account"], match["name"])

    def __str__(self) -> str:
        return f"arn:{self.partition}:kms:{self.region}:{self.account}:key/{self.key_id}"


@dataclass(frozen=True, slots=True)
class S3Uri:
    """A bucket and a key or key prefix. The scheme the user wrote is not part of its identity."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> S3Uri:
        """Read ``s3://``, ``s3a://`` or ``s3n://`` text; anything else raises UsageError."""
        scheme, separator, rest = text.partition("://")
        bucket, _, key = rest.partition("/")
        if not separator or scheme.lower() not in _SCHEMES or not _BUCKET.match(bucket):
            raise UsageError("not an S3 location", found=repr(text), required="s3://BUCKET/KEY")
        if any(part in (".", "..") for part in key.split("/")) or "//" in f"/{key}":
            # S3A normalises such paths, S3 itself does not: the two would mean different objects.
            raise UsageError(
                "an S3 location that S3 and Hadoop read differently",
                found=repr(text),
                required="no empty, '.' or '..' path segments",
            )
        if any(ord(character) < 32 for character in key):
            raise UsageError(
                "an S3 location with a control character", found=repr(text), required="printable text"
            )
        return cls(bucket, key)

    def child(self, name: str) -> S3Uri:
        """The location ``name`` below this prefix."""
        return S3Uri(self.bucket, f"{self.key.rstrip('/')}/{name}" if self.key else name)

    def as_prefix(self) -> str:
        """The key prefix that selects everything below this location and nothing beside it."""
        return f"{self.key.rstrip('/')}/" if self.key else ""

    def overlaps(self, other: S3Uri) -> bool:
        """Whether one of the two locations lies in the other, or is it."""
        mine, others = self.as_prefix(), other.as_prefix()
        return self.bucket == other.bucket and (mine.startswith(others) or others.startswith(mine))

    def with_scheme(self, scheme: str) -> str:
        """The text under another scheme, for the file system that reads it."""
        return f"{scheme}://{self.bucket}/{self.key}"

    def __str__(self) -> str:
        return self.with_scheme("s3")


@dataclass(frozen=True, slots=True)
class RunId:
    """A job run's id: ``jr_`` and hexadecimal digits, as Glue writes them."""

    value: str

    def __post_init__(self) -> None:
        if not re.match(r"[A-Za-z0-9_-]{1,255}\Z", self.value):
            raise UsageError(
                "not a job run id",
                found=repr(self.value),
                required="1 to 255 letters, digits, '_' or '-' (JOB_RUN_ID)",
            )

    def __str__(self) -> str:
        return self.value


def job_name(text: str) -> str:
    """A job's name, checked to be safe as part of an object key and an encryption context."""
    if not re.match(r"[^\x00-\x1f\x7f/\\\ud800-\udfff]{1,255}\Z", text) or text.strip(". ") != text:
        raise UsageError(
            "not a job name",
            found=repr(text),
            required="1 to 255 characters, no '/', no control characters, no '.' or ' ' at the ends",
        )
    return text


def is_table_name(text: str) -> bool:
    """Return whether a text is a database table's name of one to three parts; anything else may be SQL."""
    return _TABLE_NAME.match(text) is not None
