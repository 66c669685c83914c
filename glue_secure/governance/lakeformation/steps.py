"""What a plan is made of: its steps, in the order in which they are taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from glue_secure.core.findings import Finding
from glue_secure.governance.lakeformation.desired import Desired, Location
from glue_secure.governance.lakeformation.model import (
    CellFilter,
    Expression,
    Grant,
    OptIn,
    Resource,
    told_expression,
)


class Unmanaged(str, Enum):
    """What happens to grants and opt-ins that the file does not name."""

    LEAVE = "leave"
    PRINCIPALS = "principals"
    EVERYTHING = "everything"


class Action(str, Enum):
    """Kinds of steps, in the order in which they are taken."""

    REVOKE_BY_TAGS = "revoke, before LF-tags change"
    CREATE_TAG = "create LF-tag"
    ADD_VALUES = "add LF-tag values"
    UNASSIGN = "take LF-tags off"
    ASSIGN = "assign LF-tags"
    REMOVE_VALUES = "remove LF-tag values"
    PUT_EXPRESSION = "create expression"
    CHANGE_EXPRESSION = "change expression"
    CREATE_FILTER = "create cell filter"
    CHANGE_FILTER = "change cell filter"
    REGISTER_HYBRID = "register in hybrid access mode"
    GRANT = "grant"
    OPT_IN = "opt in"
    CLOSE_DEFAULTS = "empty default permissions"
    CLOSE_DATABASE = "empty default permissions of a database"
    REVOKE_IAM = "revoke from IAMAllowedPrincipals"
    REGISTER = "register"
    REVOKE = "revoke"
    OPT_OUT = "opt out"


@dataclass(frozen=True, slots=True)
class TagValues:
    """An LF-tag's key and some of its values."""

    key: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.key}={'|'.join(self.values)}"


@dataclass(frozen=True, slots=True)
class Named:
    """A named LF-tag expression."""

    name: str
    expression: Expression

    def __str__(self) -> str:
        return f"{self.name}: {told_expression(self.expression)}"


@dataclass(frozen=True, slots=True)
class Assignment:
    """LF-tags that a resource gets or loses."""

    resource: Resource
    tags: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{', '.join(f'{key}={value}' for key, value in self.tags)} on {self.resource}"


Subject = Grant | TagValues | Named | Assignment | CellFilter | Location | OptIn | str


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the account.

    Attributes:
        action: what is done.
        subject: to what; a database's name where a database's defaults are emptied.
        exists: whether a location is registered already, in another way.
    """

    action: Action
    subject: Subject
    exists: bool = False

    def __str__(self) -> str:
        return f"{self.action.value} {told(self.subject)}".rstrip()


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, and from which state.

    Attributes:
        account: twelve digits.
        unmanaged: what happens to grants that the file does not name.
        fingerprint: of everything that was read; another state of the account gives another.
        steps: in their order.
        findings: what is open and stays open after the plan (GS-LF-001, GS-LF-002).
        unnamed: how many grants and opt-ins the file does not name.
        read: how many facts were read.
        desired: the file.
    """

    account: str
    unmanaged: Unmanaged
    fingerprint: str
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...]
    unnamed: int
    read: int
    desired: Desired = field(repr=False)


def told(subject: Subject) -> str:
    """A step's subject in words."""
    if isinstance(subject, CellFilter):
        but = f" but {', '.join(subject.excluded)}" if subject.excluded else ""
        shows = ", ".join(subject.columns) or f"all columns{but}"
        return f"{subject.name} of {subject.database}.{subject.table}: {shows} where {subject.rows or 'true'}"
    if isinstance(subject, Location):
        return f"{subject.arn} with {subject.role or 'the service-linked role'}"
    if isinstance(subject, OptIn):
        return f"{subject.principal} to {subject.resource}"
    return str(subject)
