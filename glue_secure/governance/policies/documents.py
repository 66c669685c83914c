"""IAM policy documents as frozen values, and their JSON.

The grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

VERSION = "2012-10-17"


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator over one key: ``Condition("StringEquals", "kms:ViaService", ("s3...",))``."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a resource policy speaks of. ``kind`` is ``AWS``, ``Service`` or ``*`` (then without names)."""

    kind: str
    names: tuple[str, ...] = ()

    def to_json(self) -> Any:
        """``"*"``, or the kind with one name or several."""
        return "*" if self.kind == "*" else {self.kind: _one_or_list(self.names)}


ANYBODY = Principal("*")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Attributes:
        sid: letters and digits.
        effect: ``Allow`` or ``Deny``.
        actions: ``service:Action``.
        resources: ARNs, or ``*``; empty in a trust policy, which has none.
        principal: of a resource policy; None in an identity policy.
        conditions: all of them must hold.

    Raises:
        ValueError: two conditions with one operator over one key: JSON would hold the last alone.
    """

    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    principal: Principal | None = None
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what a document cannot say."""
        seen = set()
        for one in self.conditions:
            if (name := (one.operator, one.key.lower())) in seen:
                raise ValueError(
                    f"statement {self.sid}: found two conditions {one.operator} over {one.key}; required: "
                    "one, a document holds no other; fix: one condition with all values, or two statements"
                )
            seen.add(name)

    def to_json(self) -> dict[str, Any]:
        """The statement in the order in which AWS's documentation writes it."""
        shape: dict[str, Any] = {"Sid": self.sid, "Effect": self.effect}
        if self.principal is not None:
            shape["Principal"] = self.principal.to_json()
        shape["Action"] = list(self.actions)
        if self.resources:
            shape["Resource"] = list(self.resources)
        for condition in self.conditions:
            block = shape.setdefault("Condition", {}).setdefault(condition.operator, {})
            block[condition.key] = _one_or_list(condition.values)
        return shape


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document."""

    statements: tuple[Statement, ...]

    def to_json(self) -> dict[str, Any]:
        """The document, as JSON's values."""
        return {"Version": VERSION, "Statement": [one.to_json() for one in self.statements]}


@dataclass(frozen=True, slots=True)
class Scope:
    """Where ARNs lie: literals, or references that a template resolves."""

    region: str
    account: str
    partition: str = "aws"

    def arn(self, service: str, resource: str) -> str:
        """``arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE``."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def role(self, name: str) -> str:
        """A role's ARN."""
        return f"arn:{self.partition}:iam::{self.account}:role/{name}"

    @property
    def root(self) -> str:
        """The account itself: whoever its IAM policies name."""
        return f"arn:{self.partition}:iam::{self.account}:root"

    def bucket(self, name: str, path: str = "") -> str:
        """A bucket's ARN, or that of what lies under ``path`` in it."""
        return f"arn:{self.partition}:s3:::{name}{'/' + path if path else ''}"


def allow(sid: str, *actions: str, on: tuple[str, ...], when: tuple[Condition, ...] = ()) -> Statement:
    """An identity policy's allow."""
    return Statement(sid, "Allow", actions, on, None, when)


def equals(key: str, *values: str) -> Condition:
    """``StringEquals``."""
    return Condition("StringEquals", key, values)


def _one_or_list(values: tuple[str, ...]) -> Any:
    return values[0] if len(values) == 1 else list(values)
