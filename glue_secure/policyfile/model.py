"""A policy file as frozen values. The default, without a file, is ``PolicyFile()``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum

from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.target_encryption import Algorithm, Encryption, EncryptionRule, EncryptionRules

RUN_KEY = "run"
"""In ``keys``: the key of the run's security configuration."""
MOST_EXCEPTION_DAYS = 366
"""The longest validity of an exception that a policy file can allow."""
DEFAULT_EXCEPTION_DAYS = 90


class Level(str, Enum):
    """Who states a policy file, from the most general to the most specific."""

    ORGANISATION = "organisation"
    ACCOUNT = "account"
    JOB = "job"

    @property
    def rank(self) -> int:
        """0 for the organisation."""
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Target:
    """How objects below a prefix, or of a table, must be encrypted.

    Attributes:
        name: unique in the file; the evidence names it.
        accepted: the accepted encryptions; objects are written with the first. The key ``run`` is that of the
            run's security configuration.
        prefix: the location; None if ``table`` is set.
        table: ``DATABASE.TABLE`` of the Data Catalog, ``""`` if ``prefix`` is set.
        bucket_key: whether an S3 Bucket Key is required, or forbidden; None for either.
        shared_key: whether keys of other accounts are accepted, for the stated reason.
        reason: why the target differs from the default.
    """

    name: str
    accepted: tuple[Encryption, ...]
    prefix: S3Uri | None = None
    table: str = ""
    bucket_key: bool | None = None
    shared_key: bool = False
    reason: str = ""

    @property
    def subject(self) -> str:
        """The prefix or the table, as the file names it."""
        return str(self.prefix) if self.prefix is not None else self.table


@dataclass(frozen=True, slots=True)
class SourceRequirement:
    """What objects that a run reads must satisfy.

    Attributes:
        name: unique in the file.
        prefix: the location.
        algorithms: accepted algorithms; empty for any.
        keys: accepted keys of KMS algorithms; empty for any.
        checked: ``all`` objects, or a ``sample`` of each read.
        tls_only: whether the bucket policy must deny requests without TLS.
        lake_formation_only: whether objects may be read with credentials of Lake Formation only.
    """

    name: str
    prefix: S3Uri
    algorithms: tuple[Algorithm, ...] = ()
    keys: tuple[str, ...] = ()
    checked: str = "all"
    tls_only: bool = False
    lake_formation_only: bool = False

    @property
    def requires_encryption(self) -> bool:
        """Whether it requires something of how each object is encrypted."""
        return bool(self.algorithms or self.keys)

    @property
    def is_of_reads(self) -> bool:
        """Whether a read can violate it. The transport is a property of the bucket."""
        return self.requires_encryption or self.lake_formation_only


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector whose code cannot be checked, and that a reviewer has approved.

    Attributes:
        class_name: the class that a call or a Glue connection names.
        sha256: SHA-256 of its JAR, hexadecimal; ``""`` if ``image`` is set alone.
        owner: who answers for it.
        reason: why it is needed.
        image: digest of its image in Amazon ECR (``sha256:...``), ``""`` without one.
    """

    class_name: str
    sha256: str
    owner: str
    reason: str
    image: str = ""


@dataclass(frozen=True, slots=True)
class PolicyException:
    """A control that resources may violate until a date.

    Attributes:
        control: id of the control.
        resource: pattern of the finding's resource, with ``*``.
        reason: why.
        ticket: of the organisation's issue tracker.
        owner: who removes the violation.
        expires: the last day on which the exception is in force, UTC.
    """

    control: str
    resource: str
    reason: str
    ticket: str
    owner: str
    expires: date


@dataclass(frozen=True, slots=True)
class Delegation:
    """What a lower level may decide where this level would otherwise decide.

    Attributes:
        level: the level that decides.
        reason: why.
        prefix: where its targets may differ from this level's; None for nowhere.
        algorithms: algorithms that these targets may accept.
        accounts: accounts whose keys they may accept, beside ``run``.
        controls: controls that the level may make exceptions from.
        connectors: whether the level may approve connectors.
    """

    level: Level
    reason: str
    prefix: S3Uri | None = None
    algorithms: tuple[Algorithm, ...] = ()
    accounts: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    connectors: bool = False

    def allows(self, location: S3Uri, encryption: Encryption) -> bool:
        """Return whether targets at a location may accept an encryption."""
        if self.prefix is None or not EncryptionRule(self.prefix, ()).covers(location):
            return False
        if encryption.algorithm not in self.algorithms:
            return False
        if encryption.key in ("", RUN_KEY):
            return True
        return KmsKeyArn.parse(encryption.key).account in self.accounts


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """One policy file, or several levels combined.

    Attributes:
        name: of the policy.
        level: who states it.
        exception_days: the longest validity of an exception, in days from the day of the run.
        table_rollback: whether a run may return a table to the commit before one that it cannot verify.
        targets, sources, connectors, exceptions, delegations: the entries.
    """

    name: str = ""
    level: Level = Level.ORGANISATION
    exception_days: int = DEFAULT_EXCEPTION_DAYS
    table_rollback: bool = True
    targets: tuple[Target, ...] = ()
    sources: tuple[SourceRequirement, ...] = ()
    connectors: tuple[Connector, ...] = ()
    exceptions: tuple[PolicyException, ...] = ()
    delegations: tuple[Delegation, ...] = ()

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that targets name, ``DATABASE.TABLE``."""
        return tuple(target.table for target in self.targets if target.table)


DEFAULT_ACCEPTED = (Encryption(Algorithm.SSE_KMS, RUN_KEY),)
"""What every location accepts unless a target says otherwise."""


def accepted_encryptions(algorithm: Algorithm, keys: tuple[str, ...]) -> tuple[Encryption, ...]:
    """Return the encryptions that a target accepts.

    ``SSE-S3`` is a minimum: SSE-KMS and DSSE-KMS under one of the keys are accepted, too. SSE-KMS does not
    accept DSSE-KMS, and the other way round.

    Args:
        algorithm: of the target.
        keys: ARNs and ``run``; empty for ``run``.
    """
    keys = keys or (RUN_KEY,)
    if algorithm is not Algorithm.SSE_S3:
        return tuple(Encryption(algorithm, key) for key in keys)
    stronger = (Encryption(one, key) for one in (Algorithm.SSE_KMS, Algorithm.DSSE_KMS) for key in keys)
    return (Encryption(Algorithm.SSE_S3), *stronger)


def rules_of(policy: PolicyFile, run_key: KmsKeyArn) -> EncryptionRules:
    """Return the rules of a run.

    Without ``shared_key``, a target accepts keys of the run's account only. Its first key stays, so that the
    check of the key (GS-KMS-005) explains what is wrong.

    Args:
        policy: the result of ``levels.combine``, whose targets have prefixes.
        run_key: key of the run's security configuration.
    """

    def rule(target: Target) -> EncryptionRule:
        bound = tuple(
            Encryption(one.algorithm, str(run_key) if one.key == RUN_KEY else one.key)
            for one in target.accepted
        )
        reason = target.reason if target.shared_key else ""
        if not target.shared_key:
            own = (one for one in bound if not one.key or KmsKeyArn.parse(one.key).account == run_key.account)
            bound = (bound[0], *own)
        return EncryptionRule(
            target.prefix, tuple(dict.fromkeys(bound)), target.bucket_key, target.name, reason
        )

    targets = tuple(rule(target) for target in policy.targets if target.prefix is not None)
    sources = tuple(source.prefix for source in policy.sources if source.is_of_reads)
    return EncryptionRules(EncryptionRules.of_key(run_key).default, targets, sources=sources)
