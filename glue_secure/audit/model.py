"""What an audit reports: a verdict for each control and resource."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from typing import Any

from glue_secure.audit.packed import Packed
from glue_secure.core.controls import CONTROLS, Control, is_reported_only
from glue_secure.core.findings import Finding, Verdict
from glue_secure.core.redaction import escape_surrogates


class ResourceKind(str, Enum):
    """Kinds of audited resources."""

    ACCOUNT = "account"
    BUCKET = "bucket"
    CATALOG = "Data Catalog"
    CONFIGURATION = "security configuration"
    CONNECTION = "connection"
    CRAWLER = "crawler"
    ENDPOINT = "development endpoint"
    JOB = "job"
    KEY = "key"
    LOG_GROUP = "log group"
    NETWORK = "network"
    RECOMMENDATION = "data quality recommendation run"
    ROLE = "role"
    RULESET = "data quality ruleset"
    RUNS = "runs of job"
    SCHEDULE = "schedule"
    SESSION = "interactive session"
    STATE_MACHINE = "state machine"
    STATISTICS = "column statistics run"
    TABLE = "table"
    TRANSFORM = "ML transform"
    TRIGGER = "trigger"


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """An audited resource.

    Attributes:
        kind: its kind.
        name: its name or ARN; of runs, the job's name.
    """

    kind: ResourceKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}"


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """The verdict of one control about one resource of an account.

    Attributes:
        finding: control, verdict, and what was found and is required.
        resource: the resource.
        account: the account's twelve digits.
        region: the AWS Region.
        jobs: names of the jobs that use the resource, sorted.
        permission: IAM action whose absence made the verdict UNKNOWN, ``""`` otherwise.
        accepted: entry of the baseline file that accepts it, ``""`` without one.
        part: name of the part of the resource that the finding is about, which is the same in every audit;
            ``""`` if a control has one finding about the resource.
    """

    finding: Finding
    resource: Resource
    account: str
    region: str
    jobs: tuple[str, ...] = ()
    permission: str = ""
    accepted: str = ""
    part: str = ""

    def __post_init__(self) -> None:
        """Make every name one that UTF-8 can encode, as the texts of the finding are."""
        name = escape_surrogates(self.resource.name)
        if name != self.resource.name:
            object.__setattr__(self, "resource", Resource(self.resource.kind, name))
        object.__setattr__(self, "jobs", tuple(map(escape_surrogates, self.jobs)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to create the finding again, which pickles faster than the fields of a dataclass."""
        one, resource = self.finding, self.resource
        finding = (
            one.control, one.verdict, one.resource, one.found, one.required, one.fix, one.aws_code,
            one.exception,
        )  # fmt: skip
        rest = self.account, self.region, self.jobs, self.permission, self.accepted, self.part
        return _created, (finding, resource.kind, resource.name, rest)

    @property
    def control(self) -> Control:
        """The control."""
        return CONTROLS[self.finding.control]

    @property
    def verdict(self) -> Verdict:
        """PASS, FAIL or UNKNOWN."""
        return self.finding.verdict

    @property
    def is_reported(self) -> bool:
        """Whether it does not pass and yet does not change the exit code.

        The baseline accepts it, or it is reported only, as it would be in a run.
        """
        return self.verdict is not Verdict.PASS and (
            bool(self.accepted) or is_reported_only(self.control.id, self.verdict.value)
        )

    @property
    def uid(self) -> str:
        """Id that the finding has in every audit of the account: 32 hexadecimal digits."""
        parts = (self.account, self.region, self.control.id, str(self.resource), self.part)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _created(finding: tuple[Any, ...], kind: ResourceKind, name: str, rest: tuple[Any, ...]) -> AuditFinding:
    return AuditFinding(Finding(*finding), Resource(kind, name), *rest)


Findings = Packed[AuditFinding]
"""The findings of an audit, at most one for each ``uid``."""
