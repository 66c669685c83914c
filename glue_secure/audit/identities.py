"""The principals of an account with their policies, and what these policies allow.

The identity policies and the permissions boundary of a principal are evaluated. Service control policies and
resource policies are not read: the first can only take away, the second can only add for a resource.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

A condition on a key that the caller does not state is taken as met in Allow, and as not met in Deny.

IAM completes an ARN with fewer than six parts by ``*``, and so does this module:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from glue_secure.audit import calls
from glue_secure.audit.calls import Call, Request
from glue_secure.audit.estate import Estate, Shape, Unread, derived
from glue_secure.core.json_documents import load_json
from glue_secure.core.policy_documents import PolicyCondition
from glue_secure.governance.lakeformation.direct_access import matches_action, matches_resource, role_name

Context = Mapping[str, tuple[str, ...] | None]
"""Condition key → its values, None if the request does not have the key. Other keys are not known."""
_INVENTED = "invented-8c1f4b7e"
_RESOURCES = {
    "iam:AddUserToGroup": "group/{}",
    "iam:*Group*": "group/{}",
    "iam:*User*": "user/{}",
    "iam:*AccessKey": "user/{}",
    "iam:*LoginProfile": "user/{}",
    "iam:*PolicyVersion": "policy/{}",
    "iam:*": "role/{}",
    "glue:*Job*": "job/{}",
    "glue:*Session*": "session/{}",
    "glue:*DevEndpoint*": "devEndpoint/{}",
    "glue:*Database*": "database/{}",
    "glue:*": "table/{}/{}",
}
"""Action, with ``*`` for any text → the last part of the ARNs that it is about. The first match counts."""
_INLINE = ("RolePolicyList", "UserPolicyList", "GroupPolicyList")
DETAILS: tuple[Call, ...] = (calls.ROLES, calls.USERS, calls.GROUPS, calls.POLICIES)


@dataclass(frozen=True)
class Identity:
    """A role or user.

    Attributes:
        arn: its ARN.
        name: its name.
        statements: the statements of its policies, with the policy's name.
        trust: the trust policy of a role.
        boundary: the statements of the permissions boundary, None without one.
        boundary_arn: the ARN of the permissions boundary, "" without one.
        missing: ARN of a policy whose document is not known, "" if all are known.
        region: the AWS Region of the resources that :meth:`patterns` and :meth:`invented` are about.
    """

    arn: str
    name: str
    statements: tuple[tuple[str, Mapping[str, Any]], ...]
    trust: Mapping[str, Any]
    boundary: tuple[Mapping[str, Any], ...] | None
    missing: str = ""
    region: str = ""
    boundary_arn: str = ""

    @cached_property
    def is_administrator(self) -> bool:
        """Whether a policy allows everything without a condition, and no permissions boundary limits it."""
        limits = self.boundary
        is_within_limits = limits is not None and (
            not any(map(_allows_everything, limits))
            or any(statement.get("Effect") == "Deny" for statement in limits)
        )
        allows = any(_allows_everything(statement) for _, statement in self.statements)
        return allows and not is_within_limits

    def allows(self, action: str, resource: str, context: Context | None = None) -> bool:
        """Return whether the policies allow an action on a resource, and no statement denies it."""
        own = [statement for _, statement in self.statements]
        limits = [own] if self.boundary is None else [own, list(self.boundary)]
        return all(_is_allowed(statements, action, resource, context or {}) for statements in limits)

    def is_limited_in(self, action: str, context: Context | None = None) -> bool:
        """Return whether the permissions boundary denies an action on a resource that no policy names.

        A boundary that allows the action on every resource, such as ``iam:*``, is no limit of the action.
        """
        if self.boundary is None:
            return False
        return not _is_allowed(self.boundary, action, self.invented(action), context or {})

    @cached_property
    def changes_of_own_boundary(self) -> tuple[str, ...]:
        """Actions by which the identity can remove, replace or change its own permissions boundary.

        The boundary must allow them, too. ``iam:PermissionsBoundary`` is the current boundary when
        one is removed, and the new one when one is set.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
        """
        if self.boundary is None:
            return ()
        kind = "User" if ":user/" in self.arn else "Role"
        own: Context = {"iam:PermissionsBoundary": (self.boundary_arn,)}
        other: Context = {"iam:PermissionsBoundary": (f"{self.boundary_arn}-{_INVENTED}",)}
        tried: tuple[tuple[str, str, Context], ...] = (
            (f"iam:Delete{kind}PermissionsBoundary", self.arn, own),
            (f"iam:Put{kind}PermissionsBoundary", self.arn, other),
            ("iam:CreatePolicyVersion", self.boundary_arn, {}),
            ("iam:SetDefaultPolicyVersion", self.boundary_arn, {}),
        )
        return tuple(action for action, resource, context in tried if self.allows(action, resource, context))

    def patterns(self, action: str, context: Context | None = None) -> tuple[str, ...]:
        """Return the patterns of resources on which an action is allowed, in the order of the policies.

        A pattern counts if an example of it is allowed. Examples are also made from the patterns of the
        permissions boundary and of Deny statements with NotResource, which can be narrower.
        """
        own = [statement for _, statement in self.statements if matches_action(statement, action)]
        denies = [statement for statement in own if statement.get("Effect") == "Deny"]
        narrower = [str(one) for statement in denies for one in listed(statement.get("NotResource"))]
        for statement in self.boundary or ():
            if statement.get("Effect") == "Allow" and matches_action(statement, action):
                narrower += map(str, listed(statement.get("Resource")))
        others = [self.example(pattern, action) for pattern in dict.fromkeys(narrower)]
        found: dict[str, None] = {}
        for statement in own:
            if statement.get("Effect") != "Allow":
                continue
            examples = [resource for resource in others if matches_resource(statement, resource)]
            for pattern in map(str, listed(statement.get("Resource")) or ["*"]):
                if any(
                    self.allows(action, resource, context)
                    for resource in (self.example(pattern, action), *examples)
                ):
                    found[pattern] = None
        return tuple(found)

    def invented(self, action: str) -> str:
        """Return the ARN of a resource of the account that no policy names, of the type of an action."""
        partition, account = self.arn.split(":")[1], self.arn.split(":")[4]
        service = action.partition(":")[0]
        region = "" if service == "iam" else self.region
        kind = next((kind for pattern, kind in _RESOURCES.items() if fnmatchcase(action, pattern)), "{}")
        return f"arn:{partition}:{service}:{region}:{account}:{kind.replace('{}', _INVENTED)}"

    def example(self, pattern: str, action: str) -> str:
        """Return a resource that a pattern matches, with the account's own values where it has wildcards."""
        invented = self.invented(action)
        if matches_resource({"Resource": pattern}, invented):
            return invented
        fields = pattern.split(":", 5)
        own = invented.split(":", 5)[:5]
        filled = [
            value if set("*?") & set(field) else field for field, value in zip(fields, own, strict=False)
        ]
        return ":".join((*filled, *fields[5:])).replace("*", "x").replace("?", "x")


def requests() -> Iterator[Request]:
    """Yield the calls that return the principals."""
    return (Request(call) for call in DETAILS)


def unread(estate: Estate) -> Unread | None:
    """Return why the principals are not known, None if they are."""
    return next(filter(None, (estate.listing(call).unread for call in DETAILS)), None)


def completed(pattern: str) -> str:
    """Return a pattern of ARNs with all six parts: IAM takes missing ones as ``*``."""
    missing = 5 - pattern.count(":")
    return pattern + ":*" * missing if pattern.startswith("arn:") and missing > 0 else pattern


def caller(estate: Estate) -> tuple[str, Identity | None]:
    """Return the caller's ARN, and its role or user; None if it is not a principal of the account."""
    arn = str((estate.known_answer(calls.CALLER) or {}).get("Arn") or "")
    role = role_name(arn)
    found = (
        one
        for one in identities(estate)
        if one.arn == arn
        or (role and role == role_name(one.arn) and arn.split(":")[4] == one.arn.split(":")[4])
    )
    return arn, next(found, None)


def certainly_allowed_by_key(estate: Estate, policy: str, key: str, action: str, context: Context) -> bool:
    """Return whether the caller may certainly use a key of the account, by the key's policy and its own.

    A statement of the key's policy about the account lets the caller's own policies decide. Conditions that
    are not stated count as not met in Allow, and as met in Deny.

    Args:
        estate: the answers about the principals.
        policy: the key's policy.
        key: the key's ARN.
        action: such as ``kms:Decrypt``.
        context: the values of condition keys.
    """
    arn, identity = caller(estate)
    root = f"arn:{estate.partition}:iam::{estate.account}:root"
    named = {arn, "*"} | ({identity.arn} if identity else set())
    by_account = _of_principals(policy, named | {root, estate.account})
    if not _is_allowed(by_account, action, key, context, is_strict=True):
        return False
    if arn == root or identity is None or identity.missing:
        return arn == root
    own = [statement for _, statement in identity.statements]
    if _is_allowed(_of_principals(policy, named), action, key, context, is_strict=True):
        own.append({"Effect": "Allow", "Action": action, "Resource": "*"})
    limits = [own] if identity.boundary is None else [own, list(identity.boundary)]
    return all(_is_allowed(statements, action, key, context, is_strict=True) for statements in limits)


def _of_principals(policy: str, names: set[str]) -> list[Mapping[str, Any]]:
    """Return the statements of a key policy that allow one of the principals, and every one that denies."""
    found = []
    for statement in statements_of(policy):
        principal = statement.get("Principal")
        about = listed(principal.get("AWS") if isinstance(principal, Mapping) else principal)
        if statement.get("Effect") == "Deny" or names & set(map(str, about)):
            found.append(statement)
    return found


@derived
def identities(estate: Estate) -> list[Identity]:
    """Return the roles and users, without roles that AWS services create for themselves."""
    managed = {str(policy["Arn"]): _default_version(policy) for policy in estate.known(calls.POLICIES)}
    groups = {str(group["GroupName"]): group for group in estate.known(calls.GROUPS)}
    found = [
        _identity(role, "Role", [role], managed, estate.region)
        for role in estate.known(calls.ROLES)
        if not str(role.get("Path", "/")).startswith("/aws-service-role/")
    ]
    for user in estate.known(calls.USERS):
        owners = [user, *(groups[name] for name in user.get("GroupList") or () if name in groups)]
        found.append(_identity(user, "User", owners, managed, estate.region))
    return found


def listed(value: Any) -> list[Any]:
    """Return a value of a policy document as a list."""
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def statements_of(document: Any) -> tuple[Mapping[str, Any], ...]:
    """Return the statements of a policy document, given as text or as JSON values."""
    if isinstance(document, str):
        try:
            document = load_json(document)
        except ValueError:
            return ()
    found = listed(document.get("Statement")) if isinstance(document, Mapping) else []
    return tuple(_with_complete_arns(statement) for statement in found if isinstance(statement, Mapping))


def _with_complete_arns(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        **statement,
        **{
            member: [completed(str(pattern)) for pattern in listed(statement[member])]
            for member in ("Resource", "NotResource")
            if member in statement
        },
    }


def _allows_everything(statement: Mapping[str, Any]) -> bool:
    return (
        statement.get("Effect") == "Allow"
        and bool({"*", "*:*"} & set(map(str, listed(statement.get("Action")))))
        and "*" in listed(statement.get("Resource"))
        and not statement.get("Condition")
    )


def _identity(
    shape: Shape, kind: str, owners: Sequence[Shape], managed: Mapping[str, Any], region: str
) -> Identity:
    statements: list[tuple[str, Mapping[str, Any]]] = []
    missing = ""
    for owner in owners:
        for inline in next((owner[member] for member in _INLINE if owner.get(member)), ()):
            name = str(inline["PolicyName"])
            statements += [(name, one) for one in statements_of(inline["PolicyDocument"])]
        for attached in owner.get("AttachedManagedPolicies") or ():
            document = managed.get(str(attached["PolicyArn"]))
            if document is None:
                missing = str(attached["PolicyArn"])
            else:
                statements += [(str(attached["PolicyName"]), one) for one in statements_of(document)]
    limit = str((shape.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn") or "")
    limits = managed.get(limit)
    boundary = statements_of(limits) if limit else None
    trust = shape.get("AssumeRolePolicyDocument") or {}
    return Identity(
        arn=str(shape["Arn"]),
        name=str(shape[f"{kind}Name"]),
        statements=tuple(statements),
        trust={"Statement": list(statements_of(trust))},
        boundary=boundary,
        missing=missing or (limit if limit and limits is None else ""),
        region=region,
        boundary_arn=limit,
    )


def _default_version(policy: Shape) -> Any:
    versions = policy.get("PolicyVersionList") or ()
    return next((one["Document"] for one in versions if one.get("IsDefaultVersion")), None)


def _is_allowed(
    statements: Iterable[Mapping[str, Any]],
    action: str,
    resource: str,
    context: Context,
    *,
    is_strict: bool = False,
) -> bool:
    effects = {
        str(statement.get("Effect"))
        for statement in statements
        if matches_action(statement, action)
        and matches_resource(statement, resource)
        and _is_met(statement, context, is_strict=is_strict)
    }
    return "Allow" in effects and "Deny" not in effects


def _is_met(statement: Mapping[str, Any], context: Context, *, is_strict: bool) -> bool:
    """Return whether the conditions of a statement are met.

    A condition on a key that is not stated counts as met in Allow only; if strict, in Deny only.
    """
    unstated = (statement.get("Effect") == "Allow") is not is_strict
    known = {key.lower(): values for key, values in context.items()}
    present = {key: values for key, values in known.items() if values is not None}
    for operator, tests in (statement.get("Condition") or {}).items():
        for key, values in tests.items():
            met = unstated
            if str(key).lower() in known:
                condition = PolicyCondition(str(operator), str(key), tuple(map(str, listed(values))))
                with suppress(ValueError):  # an operator that the evaluator does not have
                    met = condition.is_met(present)
            if not met:
                return False
    return True
