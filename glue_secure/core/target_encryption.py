"""How objects must be encrypted, by S3 prefix: the rule with the longest prefix applies.

Without a policy file there is one rule: SSE-KMS under the key of the run's security configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from glue_secure.core.identifiers import KmsKeyArn, S3Uri

ALIASES = ("-s3alias", "--ol-s3")
"""How aliases of access points end. No bucket's name can."""


class Algorithm(str, Enum):
    """Server-side encryption of Amazon S3, by AWS's names.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html
    """

    SSE_KMS = "SSE-KMS"
    DSSE_KMS = "DSSE-KMS"
    SSE_S3 = "SSE-S3"

    @property
    def header(self) -> str:
        """The value of ``x-amz-server-side-encryption``."""
        return {"SSE-KMS": "aws:kms", "DSSE-KMS": "aws:kms:dsse", "SSE-S3": "AES256"}[self.value]

    @property
    def in_hadoop(self) -> str:
        """The value of ``fs.s3a.encryption.algorithm``."""
        return "AES256" if self is Algorithm.SSE_S3 else self.value


@dataclass(frozen=True, slots=True)
class Encryption:
    """An algorithm and its key.

    Attributes:
        algorithm: the algorithm.
        key: ARN of the KMS key, ``""`` for SSE-S3.
    """

    algorithm: Algorithm
    key: str = ""

    @property
    def key_id(self) -> str:
        """The id of the key, ``""`` without one."""
        return self.key.rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.algorithm.header} {self.key}".strip()


@dataclass(frozen=True, slots=True)
class EncryptionRule:
    """How the objects below a location must be encrypted.

    Attributes:
        location: the prefix; None for every object.
        accepted: the accepted encryptions. Objects are written with the first.
        bucket_key: whether an S3 Bucket Key must be used, or must not; None for either.
        entry: name of the policy file's entry, ``""`` for the default.
        shared_key_reason: why keys of another account are accepted, ``""`` if they are not.
    """

    location: S3Uri | None
    accepted: tuple[Encryption, ...]
    bucket_key: bool | None = None
    entry: str = ""
    shared_key_reason: str = ""

    @property
    def written(self) -> Encryption:
        """The encryption that objects are written with."""
        return self.accepted[0]

    @property
    def prefix(self) -> str:
        """``BUCKET/PREFIX/``, ``""`` for every object."""
        return "" if self.location is None else f"{self.location.bucket}/{self.location.as_prefix()}"

    def accepts(self, algorithm: str, key: str) -> bool:
        """Return whether an object may have an algorithm, by the value of its header, and a key's ARN."""
        return any((one.algorithm.header, one.key) == (algorithm, key) for one in self.accepted)

    def covers(self, location: S3Uri) -> bool:
        """Return whether the location is the rule's, or below it."""
        return f"{location.bucket}/{location.key}/".startswith(self.prefix)

    def __str__(self) -> str:
        text = " or ".join(
            f"{one.algorithm.header} under {one.key}" if one.key else one.algorithm.header
            for one in self.accepted
        )
        if self.bucket_key is not None:
            text += f", with{'' if self.bucket_key else 'out'} an S3 Bucket Key"
        return f"{text}, by entry {self.entry}" if self.entry else text


@dataclass(frozen=True, slots=True)
class EncryptionRules:
    """The rules of a run.

    Attributes:
        default: the rule for objects that no target covers.
        targets: rules of the policy file.
        writes_dsse: whether the S3 client of Spark can be set to DSSE-KMS (Hadoop 3.4).
        sources: locations whose reads are recorded, because the policy file requires something of them.
    """

    default: EncryptionRule
    targets: tuple[EncryptionRule, ...] = ()
    writes_dsse: bool = False
    sources: tuple[S3Uri, ...] = ()
    _by_bucket: Mapping[str, list[tuple[str, EncryptionRule]]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        # The prefixes in each bucket, the longest first: rule() is called for every object.
        by_bucket: dict[str, list[tuple[str, EncryptionRule]]] = {}
        for rule in reversed(self.targets):
            if rule.location is not None:
                prefixes = by_bucket.setdefault(rule.location.bucket, [])
                prefixes.append((rule.location.as_prefix(), rule))
        for prefixes in by_bucket.values():
            prefixes.sort(key=lambda each: -len(each[0]))
        object.__setattr__(self, "_by_bucket", by_bucket)

    @classmethod
    def of_key(cls, key: KmsKeyArn) -> EncryptionRules:
        """Return the rules without a policy file: SSE-KMS under ``key``."""
        return cls(EncryptionRule(None, (Encryption(Algorithm.SSE_KMS, str(key)),)))

    @classmethod
    def from_mapping(cls, document: Mapping[str, Any]) -> EncryptionRules:
        """Return the rules of :meth:`as_mapping`."""
        default, *targets = (
            EncryptionRule(
                S3Uri(*rule["location"]) if rule["location"] is not None else None,
                tuple(Encryption(Algorithm(algorithm), key) for algorithm, key in rule["accepted"]),
                rule["bucket_key"],
                rule["entry"],
                rule["shared_key_reason"],
            )
            for rule in document["rules"]
        )
        sources = tuple(S3Uri(*location) for location in document["sources"])
        return cls(default, tuple(targets), document["writes_dsse"], sources)

    def as_mapping(self) -> dict[str, Any]:
        """Return the rules as JSON values, for another process of the job."""
        rules = [
            {
                "location": None if rule.location is None else [rule.location.bucket, rule.location.key],
                "accepted": [[one.algorithm.value, one.key] for one in rule.accepted],
                "bucket_key": rule.bucket_key,
                "entry": rule.entry,
                "shared_key_reason": rule.shared_key_reason,
            }
            for rule in self.all
        ]
        sources = [[location.bucket, location.key] for location in self.sources]
        return {"rules": rules, "writes_dsse": self.writes_dsse, "sources": sources}

    def for_hadoop(self, version: str) -> EncryptionRules:
        """Return the rules for the S3 client of a version of Hadoop.

        S3A can write DSSE-KMS since 3.4.0 (HADOOP-18850).
        """
        numbers = [int(part) for part in version.split("-")[0].split(".") if part.isdigit()]
        return replace(self, writes_dsse=numbers >= [3, 4])

    @property
    def all(self) -> tuple[EncryptionRule, ...]:
        """Every rule, the default first."""
        return (self.default, *self.targets)

    def rule(self, location: S3Uri) -> EncryptionRule:
        """Return the rule with the longest prefix that covers a location."""
        prefixes = self._by_bucket.get(location.bucket)
        if prefixes:
            path = f"{location.key}/"
            for prefix, rule in prefixes:
                if path.startswith(prefix):
                    return rule
        return self.default

    def records_read(self, location: S3Uri) -> bool:
        """Return whether a read of an object is recorded."""
        return any(location.is_below(source) for source in self.sources)

    def is_unknown(self, bucket: str) -> bool:
        """Return whether a name stands for a bucket that a target may be about: the alias of an access point.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html
        """
        return bool(self.targets) and bucket.endswith(ALIASES) and not self.rule(S3Uri(bucket, "")).entry

    def below(self, location: S3Uri) -> tuple[EncryptionRule, ...]:
        """Return the other rules that apply to objects below a location."""
        prefix, own = f"{location.bucket}/{location.as_prefix()}", self.rule(location)
        return tuple(rule for rule in self.targets if rule.prefix.startswith(prefix) and rule is not own)

    def client_encryption(self, bucket: str) -> Encryption:
        """Return the encryption that the S3 client of Spark is set to for a bucket.

        A client has one encryption for each bucket: that of the rule for the whole bucket. Until Hadoop 3.4
        it cannot be set to DSSE-KMS; it then uses SSE-KMS under the same key, and the request guard changes
        its requests.
        """
        written = self.rule(S3Uri(bucket, "")).written
        if written.algorithm is Algorithm.DSSE_KMS and not self.writes_dsse:
            return Encryption(Algorithm.SSE_KMS, written.key)
        return written

    def replaced(self, rule: EncryptionRule) -> tuple[Encryption, ...]:
        """Return the encryptions that the request guard replaces by the rule's own.

        They are the settings of the run itself: for all buckets, and for the rule's bucket. Every other
        encryption that a request names was chosen by the script.
        """
        own = [self.default.written]
        if rule.location is not None:
            own.append(self.client_encryption(rule.location.bucket))
        return tuple(dict.fromkeys(one for one in own if one != rule.written))

    def bucket_settings(self) -> Mapping[str, Encryption]:
        """Return the encryption of each bucket whose client is set differently from the default's."""
        buckets = {rule.location.bucket for rule in self.targets if rule.location is not None}
        settings = {bucket: self.client_encryption(bucket) for bucket in sorted(buckets)}
        return {bucket: one for bucket, one in settings.items() if one != self.default.written}
