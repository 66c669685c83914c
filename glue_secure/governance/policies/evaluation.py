"""Who may do what, by these documents: a small evaluator of IAM policies.

It knows the operators that the generated policies use and refuses any other; it is for tests and for
reviewing, not a replacement of IAM. Rules:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from glue_secure.governance.policies.documents import Condition, Policy, Principal, Statement


class Decision(str, Enum):
    """What comes out."""

    ALLOWED = "allowed"
    DENIED = "explicitly denied"
    NOT_ALLOWED = "allowed by nothing"


@dataclass(frozen=True, slots=True)
class Request:
    """One call.

    Attributes:
        action: ``service:Action``.
        resource: an ARN, or ``*``.
        principal: the caller's ARN, or a service's name; "" where only identity policies are asked.
        context: condition key → its values; a key that is not there is absent from the request.
    """

    action: str
    resource: str = "*"
    principal: str = ""
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def evaluate(policies: Iterable[Policy], request: Request) -> Decision:
    """An explicit deny wins; else one allow is needed.

    Raises:
        ValueError: a condition operator that is not known here.
    """
    applying = [
        statement.effect
        for policy in policies
        for statement in policy.statements
        if applies(statement, request)
    ]
    if "Deny" in applying:
        return Decision.DENIED
    return Decision.ALLOWED if "Allow" in applying else Decision.NOT_ALLOWED


def applies(statement: Statement, request: Request) -> bool:
    """Whether principal, action, resource and all conditions match."""
    return (
        _principal(statement.principal, request.principal)
        and any(_like(pattern.lower(), request.action.lower()) for pattern in statement.actions)
        and any(_like(pattern, request.resource) for pattern in statement.resources)
        and all(holds(condition, request.context) for condition in statement.conditions)
    )


def holds(condition: Condition, context: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether one condition holds for the request's context."""
    values = {name.lower(): tuple(held) for name, held in context.items()}.get(condition.key.lower())
    prefix, _, name = condition.operator.rpartition(":")
    if name == "Null":
        return (values is None) == (condition.values[0].lower() == "true")
    if_exists, name = name.endswith("IfExists"), name.removesuffix("IfExists")
    if name not in _OPERATORS or prefix not in ("", "ForAnyValue", "ForAllValues"):
        raise ValueError(f"the condition operator {condition.operator} is not known here")
    same, negated = _OPERATORS[name]
    if values is None:
        # An absent key: ForAllValues holds, ForAnyValue does not; without a set, a negated operator holds.
        return if_exists or prefix == "ForAllValues" or (prefix == "" and negated)

    def meets(value: str) -> bool:
        return any(same(pattern, value) for pattern in condition.values) != negated

    if prefix == "ForAnyValue":
        return any(map(meets, values))
    if prefix == "ForAllValues" or negated:
        return all(map(meets, values))
    return any(map(meets, values))


def _like(pattern: str, text: str) -> bool:
    parts = re.split(r"([*?])", pattern)
    return (
        re.fullmatch("".join({"*": ".*", "?": "."}.get(p, re.escape(p)) for p in parts), text, re.S)
        is not None
    )


def _equal(pattern: str, text: str) -> bool:
    return pattern == text


def _bool(pattern: str, text: str) -> bool:
    return pattern.lower() == text.lower()


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


def _principal(principal: Principal | None, caller: str) -> bool:
    if principal is None or principal.kind == "*":
        return True
    account = re.match(r"arn:[^:]*:(?:iam|sts)::(\d{12}):", caller)
    for name in principal.names:
        if name == caller:
            return True
        if name.endswith(":root") and account and f"::{account[1]}:" in name:
            return True
    return False
