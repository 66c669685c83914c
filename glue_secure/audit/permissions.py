"""The policy that allows an audit, from the calls that it makes."""

from __future__ import annotations

from glue_secure.audit.calls import CALLS
from glue_secure.core.policy_documents import Policy, PolicyCondition, Statement
from glue_secure.governance.policies.documents import via_service

_SCRIPTS = "s3:GetObject"
_DECRYPT = "kms:Decrypt"
_THROUGH = ("s3", "glue", "states", "scheduler")
"""Services that decrypt for a call of an audit, as the values of ``kms:ViaService`` begin."""


def audit_policy(partition: str = "aws") -> Policy:
    """Return the identity policy of an audit: read-only actions, one statement for each service.

    Most of the actions list resources and cannot be limited to one. Objects can be read if they are Python
    files, or in the buckets that AWS Glue's console creates for scripts. Keys decrypt only through Amazon S3,
    for scripts, AWS Glue, for a Data Catalog with encrypted metadata, AWS Step Functions, for definitions of
    state machines, and Amazon EventBridge Scheduler, for inputs of schedules.
    https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html

    Args:
        partition: ``aws``, ``aws-cn``, ..., or a reference to it.
    """
    actions: dict[str, set[str]] = {}
    for call in CALLS:
        if call.permission != _SCRIPTS:
            actions.setdefault(call.permission.partition(":")[0], set()).add(call.permission)
    statements = [
        Statement(f"Audit{service.capitalize()}", "Allow", tuple(sorted(names)))
        for service, names in sorted(actions.items())
    ]
    objects = tuple(f"arn:{partition}:s3:::{name}" for name in ("*.py", "aws-glue-scripts-*/*"))
    scripts = Statement("AuditScripts", "Allow", (_SCRIPTS,), objects)
    through = PolicyCondition("StringLike", "kms:ViaService", via_service("*", *_THROUGH))
    decrypt = Statement("AuditDecrypt", "Allow", (_DECRYPT,), ("*",), conditions=(through,))
    return Policy((*statements, scripts, decrypt))


def permissions_markdown() -> str:
    """Return the table of permissions of ``docs/audit.md``."""
    lines = ["| action | calls |", "|---|---|"]
    by_action: dict[str, list[str]] = {}
    for call in CALLS:
        by_action.setdefault(call.permission, []).append(call.operation)
    by_action[_DECRYPT] = [
        "by Amazon S3, AWS Glue, AWS Step Functions and Amazon EventBridge Scheduler, for GetObject, "
        "GetResourcePolicies, GetResourcePolicy, DescribeStateMachine and GetSchedule"
    ]
    for action, operations in sorted(by_action.items()):
        lines.append(f"| `{action}` | {', '.join(dict.fromkeys(operations))} |")
    return "\n".join(lines)
