"""Plans and their steps, in the order in which they are applied."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from glue_secure.core.findings import Finding
from glue_secure.governance.lakeformation.desired import Deletion, DesiredState, Location
from glue_secure.governance.lakeformation.model import (
    CellFilter,
    Expression,
    Grant,
    OptIn,
    Resource,
    RowAttachment,
    RowPolicy,
    expression_text,
)
from glue_secure.governance.lakeformation.settings import SettingChange, Settings, SettingState


class Unmanaged(str, Enum):
    """Treatment of grants and opt-ins that the file does not contain.

    ``LEAVE`` keeps all of them, ``PRINCIPALS`` revokes those of the file's principals, ``EVERYTHING`` all.
    """

    LEAVE = "leave"
    PRINCIPALS = "principals"
    EVERYTHING = "everything"


class StepAction(str, Enum):
    """Kinds of steps, in the order in which they are applied."""

    CHANGE_SETTING = "change setting"
    REVOKE_BY_TAGS = "revoke, before LF-Tags change"
    CREATE_TAG = "create LF-Tag"
    ADD_VALUES = "add LF-Tag values"
    UNASSIGN = "remove LF-Tags"
    ASSIGN = "assign LF-Tags"
    REMOVE_VALUES = "remove LF-Tag values"
    PUT_EXPRESSION = "create expression"
    CHANGE_EXPRESSION = "change expression"
    CREATE_FILTER = "create cell filter"
    CHANGE_FILTER = "change cell filter"
    CREATE_ROW_POLICY = "create row policy"
    CHANGE_ROW_POLICY = "change row policy"
    ATTACH_ROW_POLICY = "attach row policy"
    REGISTER_HYBRID = "register in hybrid access mode"
    REVOKE_EXCLUDED = "revoke, before a grant that excludes it"
    GRANT = "grant"
    OPT_IN = "opt in"
    CLOSE_DEFAULTS = "remove default permissions"
    CLOSE_DATABASE = "remove default permissions of a database"
    REVOKE_IAM = "revoke from IAMAllowedPrincipals"
    REGISTER = "register"
    REVOKE = "revoke"
    OPT_OUT = "opt out"
    DETACH_ROW_POLICY = "detach row policy"
    DELETE = "delete"
    EXTEND_SETTING = "extend setting"
    REMOVE_ADMINISTRATORS = "remove from setting"


@dataclass(frozen=True, slots=True)
class TagValues:
    """The key of an LF-Tag and some of its values."""

    key: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.key}={'|'.join(self.values)}"


@dataclass(frozen=True, slots=True)
class NamedExpression:
    """A named LF-Tag expression."""

    name: str
    expression: Expression

    def __str__(self) -> str:
        return f"{self.name}: {expression_text(self.expression)}"


@dataclass(frozen=True, slots=True)
class Assignment:
    """LF-Tags to add to a resource or to remove from it."""

    resource: Resource
    tags: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{', '.join(f'{key}={value}' for key, value in self.tags)} on {self.resource}"


@dataclass(frozen=True, slots=True)
class DeletedObject:
    """An object to delete, and what uses it.

    Attributes:
        deletion: the object.
        uses: number of grants, resources and expressions of the account that use it before the plan.
    """

    deletion: Deletion
    uses: int = 0

    def __str__(self) -> str:
        used = f", which {self.uses} grants, resources or expressions use" if self.uses else ""
        return f"{self.deletion}{used}"


Subject = (
    Assignment
    | CellFilter
    | DeletedObject
    | Grant
    | Location
    | NamedExpression
    | OptIn
    | RowAttachment
    | RowPolicy
    | SettingChange
    | TagValues
    | str
)


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One change of the account.

    Attributes:
        action: the kind of change.
        subject: the changed object; a database's name for ``CLOSE_DATABASE``.
        exists: whether a location is already registered, with other properties.
    """

    action: StepAction
    subject: Subject
    exists: bool = False

    def __str__(self) -> str:
        return f"{self.action.value} {describe(self.subject)}".rstrip()


@dataclass(frozen=True, slots=True)
class AccessPlan:
    """The steps that change an account's state to the desired state.

    Attributes:
        account: the account id.
        unmanaged: treatment of grants that the file does not contain.
        fingerprint: digest of the account's state, which differs for another state.
        steps: the steps, in order.
        findings: controls that also fail after the plan is applied (GS-LF-001, GS-LF-002), and grants that
            Lake Formation refuses, so that the plan cannot be applied (GS-LF-005).
        unnamed: number of grants and opt-ins that the file does not contain.
        read: number of entries that were read.
        desired: the permissions file.
        settings: the settings of the account beside those of the file.
        current: the settings of the account.
        locked: databases that IAM principals use until the plan is applied, and to which no principal has a
            grant afterwards. Only data lake administrators can use them then.
    """

    account: str
    unmanaged: Unmanaged
    fingerprint: str
    steps: tuple[PlanStep, ...]
    findings: tuple[Finding, ...]
    unnamed: int
    read: int
    desired: DesiredState = field(repr=False)
    settings: tuple[SettingState, ...] = ()
    current: Settings = field(default_factory=Settings, repr=False)
    locked: tuple[str, ...] = ()


def describe(subject: Subject) -> str:
    """Return a description of a step's subject."""
    if isinstance(subject, CellFilter):
        excluded = f" but {', '.join(subject.excluded)}" if subject.excluded else ""
        columns = ", ".join(subject.columns) or f"all columns{excluded}"
        return (
            f"{subject.name} of {subject.database}.{subject.table}: {columns} where {subject.rows or 'true'}"
        )
    if isinstance(subject, Location):
        return f"{subject.arn} with {subject.role or 'the service-linked role'}"
    return str(subject)
