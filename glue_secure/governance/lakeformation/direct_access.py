"""S3 permissions of a role at locations that Lake Formation governs (GS-LF-008).

Lake Formation gives credentials for a registered location to the integrated service. A role with S3
permissions of its own can read and write the same objects without them, whatever its grants are.
https://docs.aws.amazon.com/lake-formation/latest/dg/access-control-underlying-data.html

The role's identity policies are read. A condition is taken as met in Allow, and as not met in Deny. Bucket
policies, permissions boundaries and service control policies are not read: the first can give more, the
others can only take away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from glue_secure.aws.errors import translate_errors

READ = ("s3:GetObject",)
WRITE = ("s3:PutObject", "s3:DeleteObject")
_ROLE = re.compile(r"arn:[^:]+:(?:iam::\d{12}:role/(?:.*/)?|sts::\d{12}:assumed-role/)(?P<name>[^/]+)")
_VARIABLE = re.compile(r"\$\{[^}]*\}")


def role_name(principal: str) -> str:
    """Return the name of a role or of a session's role; ``""`` for other principals."""
    match = _ROLE.match(principal)
    return match["name"] if match else ""


def role_policies(iam: Any, role: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield name and document of each inline and attached policy of a role.

    Args:
        iam: an IAM client.
        role: name of the role.

    Raises:
        ServiceError: the policies cannot be read.
    """
    for page in _pages(iam, "list_role_policies", RoleName=role):
        for name in page["PolicyNames"]:
            with translate_errors("GetRolePolicy"):
                policy = iam.get_role_policy(RoleName=role, PolicyName=name)
            yield str(name), policy["PolicyDocument"]
    for page in _pages(iam, "list_attached_role_policies", RoleName=role):
        for attached in page["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            with translate_errors("GetPolicy"):
                version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            with translate_errors("GetPolicyVersion"):
                policy = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
            yield str(attached["PolicyName"]), policy["Document"]


def direct_permissions(
    policies: Iterable[tuple[str, Mapping[str, Any]]], location: str, actions: Iterable[str]
) -> dict[str, str]:
    """Return the actions that policies allow on objects of a location, each with the policy that allows it.

    Args:
        policies: names and documents.
        location: ARN of the location, without a slash at the end.
        actions: the actions, such as ``s3:GetObject``.
    """
    statements = [
        (name, statement)
        for name, document in policies
        for statement in _listed(document.get("Statement"))
        if isinstance(statement, Mapping)
    ]
    allowed: dict[str, str] = {}
    for action in actions:
        if any(_denies(statement, action, location) for _, statement in statements):
            continue
        for name, statement in statements:
            if _allows(statement, action, location):
                allowed[action] = name
                break
    return allowed


def matches_action(statement: Mapping[str, Any], action: str) -> bool:
    """Return whether a statement is about an action."""
    if "NotAction" in statement:
        return not any(_like(pattern, action) for pattern in _listed(statement["NotAction"]))
    return any(_like(pattern, action) for pattern in _listed(statement.get("Action")))


def matches_resource(statement: Mapping[str, Any], resource: str) -> bool:
    """Return whether a statement is about one resource. Variables of policies match every text."""

    def is_like(pattern: str) -> bool:
        pattern = _VARIABLE.sub("*", pattern)
        return len(pattern) in _positions(pattern, resource)

    if "NotResource" in statement:
        return not any(is_like(pattern) for pattern in _listed(statement["NotResource"]))
    return any(is_like(pattern) for pattern in _listed(statement.get("Resource")))


def _allows(statement: Mapping[str, Any], action: str, location: str) -> bool:
    if statement.get("Effect") != "Allow" or not matches_action(statement, action):
        return False
    if "NotResource" in statement:
        return not any(_covers(pattern, location) for pattern in _listed(statement["NotResource"]))
    return any(_reaches(pattern, location) for pattern in _listed(statement.get("Resource")))


def _denies(statement: Mapping[str, Any], action: str, location: str) -> bool:
    if (
        statement.get("Effect") != "Deny"
        or statement.get("Condition")
        or not matches_action(statement, action)
    ):
        return False
    if "NotResource" in statement:
        return not any(_reaches(pattern, location) for pattern in _listed(statement["NotResource"]))
    return any(_covers(pattern, location) for pattern in _listed(statement.get("Resource")))


@lru_cache(maxsize=100_000)
def _like(pattern: str, action: str) -> bool:
    """Return whether the name of an action matches a pattern. Names of actions are case-insensitive."""
    return bool(_positions(pattern.lower(), action.lower()) & {len(pattern)})


def _reaches(pattern: str, location: str) -> bool:
    """Return whether a pattern of resources matches some object below the location."""
    return bool(_positions(_VARIABLE.sub("*", pattern), f"{location}/"))


def _covers(pattern: str, location: str) -> bool:
    """Return whether a pattern of resources matches every object below the location."""
    return pattern.endswith("*") and len(pattern) in _positions(pattern, f"{location}/")


def _positions(pattern: str, text: str) -> set[int]:
    """Return the positions in a pattern with ``*`` and ``?`` at which a match of the whole text can be."""

    def with_skipped_stars(positions: Iterable[int]) -> set[int]:
        reached = set(positions)
        for position in sorted(reached):
            while position < len(pattern) and pattern[position] == "*":
                position += 1
                reached.add(position)
        return reached

    positions = with_skipped_stars({0})
    for character in text:
        following = set()
        for position in positions:
            if position < len(pattern):
                if pattern[position] == "*":
                    following.add(position)
                elif pattern[position] in ("?", character):
                    following.add(position + 1)
        positions = with_skipped_stars(following)
    return positions


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def _pages(iam: Any, method: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
    operation = "".join(word.capitalize() for word in method.split("_"))
    while True:
        with translate_errors(operation):
            page = getattr(iam, method)(**parameters)
        yield page
        if not page.get("IsTruncated"):
            return
        parameters["Marker"] = page["Marker"]
