"""Denies that keep Glue jobs and sessions in the right VPC.

``glue:VpcIds``, ``glue:SubnetIds`` and ``glue:SecurityGroupIds`` come with CreateJob, UpdateJob and
CreateSession, filled from the connections that the request names. They have several values, so:

- ``ForAnyValue:StringNotEquals`` in a Deny: one foreign VPC among several is enough to be denied;
- a request without a VPC has no such key, and ForAnyValue is false for it: ``Null`` denies that.

An Allow with ``ForAnyValue:StringEquals`` would let a job with one right and one foreign VPC through.
StartJobRun knows none of these keys.
https://docs.aws.amazon.com/glue/latest/dg/security_iam_id-based-policy-examples.html
"""

from __future__ import annotations

from collections.abc import Sequence

from glue_secure.core.policy_documents import Condition, Statement

ACTIONS = ("glue:CreateJob", "glue:UpdateJob", "glue:CreateSession")
VPC_IDS, SUBNET_IDS, SECURITY_GROUP_IDS = "glue:VpcIds", "glue:SubnetIds", "glue:SecurityGroupIds"


def network_denies(
    vpcs: Sequence[str], subnets: Sequence[str] = (), security_groups: Sequence[str] = ()
) -> tuple[Statement, ...]:
    """Denies of jobs and sessions outside a network, or in none.

    Args:
        vpcs: ids that are allowed; at least one.
        subnets: likewise, empty for any subnet of the VPCs.
        security_groups: likewise.
    """
    if not vpcs:
        raise ValueError("a network without a VPC would deny every job")
    allowed = {VPC_IDS: vpcs, SUBNET_IDS: subnets, SECURITY_GROUP_IDS: security_groups}
    named = {key: tuple(values) for key, values in allowed.items() if values}
    foreign = [
        _deny(f"Foreign{_word(key)}", Condition("ForAnyValue:StringNotEquals", key, values))
        for key, values in named.items()
    ]
    missing = [_deny(f"No{_word(key)}", Condition("Null", key, ("true",))) for key in named]
    return (*foreign, *missing)


def _deny(sid: str, condition: Condition) -> Statement:
    return Statement(f"Deny{sid}", "Deny", ACTIONS, ("*",), None, (condition,))


def _word(key: str) -> str:
    return key.removeprefix("glue:")
