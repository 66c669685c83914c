"""Names of AWS resources, parsed once and used as values.

Each parser returns a well-formed value or raises :class:`~glue_secure.core.errors.UsageError` with the text.
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
SCHEMES = ("s3", "s3a", "s3n")
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
        """Parse a key ARN. Raises UsageError for any other text, also for the ARN of an alias."""
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
    """A bucket with a key or key prefix. Its scheme is not part of the value."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> S3Uri:
        """Parse ``s3://``, ``s3a://`` or ``s3n://``. Raises UsageError for any other text."""
        scheme, separator, path = text.partition("://")
        bucket, _, key = path.partition("/")
        if not separator or scheme.lower() not in SCHEMES or not _BUCKET.match(bucket):
            raise UsageError("not an S3 location", found=repr(text), required="s3://BUCKET/KEY")
        if any(part in (".", "..") for part in key.split("/")) or "//" in f"/{key}":
            # S3A normalises such paths and S3 does not, so they would name different objects.
            raise UsageError(
                "an S3 location that S3 and Hadoop interpret differently",
                found=repr(text),
                required="no empty, '.' or '..' path segments",
            )
        if any(ord(character) < 32 for character in key):
            raise UsageError(
                "an S3 location with a control character", found=repr(text), required="printable text"
            )
        return cls(bucket, key)

    def child(self, name: str) -> S3Uri:
        """Return the location ``name`` below this prefix."""
        return S3Uri(self.bucket, f"{self.key.rstrip('/')}/{name}" if self.key else name)

    def as_prefix(self) -> str:
        """Return the key prefix of everything below this location, ``""`` for a bucket."""
        return f"{self.key.rstrip('/')}/" if self.key else ""

    @property
    def folder(self) -> S3Uri:
        """The location up to the last slash of the key."""
        return S3Uri(self.bucket, self.key[: self.key.rfind("/") + 1])

    def overlaps(self, other: S3Uri) -> bool:
        """Return whether the locations are equal, or one is below the other."""
        prefix, others = self.as_prefix(), other.as_prefix()
        return self.bucket == other.bucket and (prefix.startswith(others) or others.startswith(prefix))

    def is_below(self, location: S3Uri) -> bool:
        """Return whether this location is the other location, or below it."""
        is_inside = self.key.startswith(location.as_prefix()) or self.key == location.key
        return self.bucket == location.bucket and is_inside

    def with_scheme(self, scheme: str) -> str:
        """Return the location as text with a scheme."""
        return f"{scheme}://{self.bucket}/{self.key}"

    def __str__(self) -> str:
        return self.with_scheme("s3")


@dataclass(frozen=True, slots=True)
class RunId:
    """The id of a job run; Glue's are ``jr_`` and hexadecimal digits."""

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
    """Return a job's name that is safe in object keys and encryption contexts. Raises UsageError."""
    if not re.match(r"[^\x00-\x1f\x7f/\\\ud800-\udfff]{1,255}\Z", text) or text.strip(". ") != text:
        raise UsageError(
            "not a job name",
            found=repr(text),
            required="1 to 255 characters, no '/', no control characters, no '.' or ' ' at the ends",
        )
    return text


def quoted(name: str) -> str:
    """Return a name as an identifier of Spark SQL, whatever characters it has."""
    return "`" + name.replace("`", "``") + "`"


def is_table_name(text: str) -> bool:
    """Return whether a text is a database table's name of one to three parts; anything else may be SQL."""
    return _TABLE_NAME.match(text) is not None
