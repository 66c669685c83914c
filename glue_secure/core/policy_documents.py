"""IAM policy documents as frozen values, their JSON, and an evaluator of requests against them.

Grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
Evaluation: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
Operators:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
Sets:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html

The evaluator supports the operators that the generated policies and bucket-policy proofs use, and rejects all
others. It does not replace IAM.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

VERSION = "2012-10-17"


@dataclass(frozen=True, slots=True)
class PolicyCondition:
    """One operator on one condition key: ``PolicyCondition("Null", "kms:ViaService", ("false",))``."""

    operator: str
    key: str
    values: tuple[str, ...]

    def is_met(self, context: Mapping[str, tuple[str, ...]]) -> bool:
        """Return whether the condition is met in a request's context.

        Args:
            context: condition key → its values; a missing key is absent from the request.

        Raises:
            ValueError: the operator is not supported.
        """
        values = {name.lower(): tuple(texts) for name, texts in context.items()}.get(self.key.lower())
        quantifier, _, name = self.operator.rpartition(":")
        if name == "Null":
            return (values is None) == (self.values[0].lower() == "true")
        if_exists, name = name.endswith("IfExists"), name.removesuffix("IfExists")
        if name not in _OPERATORS or quantifier not in ("", "ForAnyValue", "ForAllValues"):
            raise ValueError(f"the condition operator {self.operator} is not supported")
        matches, negated = _OPERATORS[name]
        if values is None:
            # Absent key: true for ForAllValues, false for ForAnyValue; without a quantifier, true if negated.
            return if_exists or quantifier == "ForAllValues" or (quantifier == "" and negated)

        def is_match(value: str) -> bool:
            return any(matches(pattern, value) for pattern in self.values) != negated

        if quantifier == "ForAnyValue":
            return any(map(is_match, values))
        if quantifier == "ForAllValues" or negated:
            return all(map(is_match, values))
        return any(map(is_match, values))


@dataclass(frozen=True, slots=True)
class Principal:
    """The principal of a resource policy. ``kind`` is ``AWS``, ``Service`` or ``*`` (then without names)."""

    kind: str
    names: tuple[str, ...] = ()

    def to_json(self) -> Any:
        """Return ``"*"``, or the kind with one name or several."""
        return "*" if self.kind == "*" else {self.kind: _one_or_list(self.names)}

    def matches(self, caller: str) -> bool:
        """Return whether a caller's ARN or service name is covered, also by its account's root ARN."""
        if self.kind == "*":
            return True
        account = re.match(r"arn:[^:]*:(?:iam|sts)::(\d{12}):", caller)
        return any(
            name == caller or (name.endswith(":root") and account and f"::{account[1]}:" in name)
            for name in self.names
        )


ANY_PRINCIPAL = Principal("*")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Attributes:
        sid: letters and digits.
        effect: ``Allow`` or ``Deny``.
        actions: ``service:Action``.
        resources: ARNs, or ``*``; empty in a trust policy, which has none.
        principal: of a resource policy; None in an identity policy.
        conditions: all of them must be met.

    Raises:
        ValueError: two conditions use one operator on one key; JSON would keep only the last one.
    """

    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    principal: Principal | None = None
    conditions: tuple[PolicyCondition, ...] = ()

    def __post_init__(self) -> None:
        """Reject conditions that one JSON document cannot contain together."""
        seen = set()
        for condition in self.conditions:
            if (name := (condition.operator, condition.key.lower())) in seen:
                raise ValueError(
                    f"statement {self.sid}: found two conditions {condition.operator} on {condition.key}; "
                    "required: at most one, because JSON keeps only the last; fix: use one condition with "
                    "all values, or two statements"
                )
            seen.add(name)

    def to_json(self) -> dict[str, Any]:
        """Return the statement with its members in the order of AWS's documentation."""
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

    def applies_to(self, request: Request) -> bool:
        """Return whether principal, action, resource and all conditions match a request."""
        return (
            (self.principal is None or self.principal.matches(request.principal))
            and any(_like(pattern.lower(), request.action.lower()) for pattern in self.actions)
            and any(_like(pattern, request.resource) for pattern in self.resources)
            and all(condition.is_met(request.context) for condition in self.conditions)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document."""

    statements: tuple[Statement, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the document as JSON values."""
        return {"Version": VERSION, "Statement": [statement.to_json() for statement in self.statements]}


class PolicyDecision(str, Enum):
    """The result of an evaluation."""

    ALLOWED = "allowed"
    DENIED = "explicitly denied"
    NOT_ALLOWED = "not allowed by any statement"


@dataclass(frozen=True, slots=True)
class Request:
    """One API call.

    Attributes:
        action: ``service:Action``.
        resource: an ARN, or ``*``.
        principal: the caller's ARN, or a service's name; ``""`` when only identity policies are evaluated.
        context: condition key → its values; a missing key is absent from the request.
    """

    action: str
    resource: str = "*"
    principal: str = ""
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def evaluate(policies: Iterable[Policy], request: Request) -> PolicyDecision:
    """Return the decision: an explicit deny wins, otherwise one allow is needed.

    Raises:
        ValueError: a condition operator is not supported.
    """
    effects = [
        statement.effect
        for policy in policies
        for statement in policy.statements
        if statement.applies_to(request)
    ]
    if "Deny" in effects:
        return PolicyDecision.DENIED
    return PolicyDecision.ALLOWED if "Allow" in effects else PolicyDecision.NOT_ALLOWED


def _like(pattern: str, text: str) -> bool:
    parts = re.split(r"([*?])", pattern)
    expression = "".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _equal(pattern: str, text: str) -> bool:
    return pattern == text


def _bool(pattern: str, text: str) -> bool:
    return pattern.lower() == text.lower()


# Operator → comparison of one policy value with one request value, and whether the operator is negated.
_OPERATORS: Mapping[str, tuple[Callable[[str, str], bool], bool]] = {
    "StringEquals": (_equal, False),
    "StringNotEquals": (_equal, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "ArnLike": (_like, False),
    "ArnEquals": (_like, False),
    "ArnNotEquals": (_like, True),
    "ArnNotLike": (_like, True),
    "Bool": (_bool, False),
}


def _one_or_list(values: tuple[str, ...]) -> Any:
    return values[0] if len(values) == 1 else list(values)
