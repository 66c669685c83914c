"""Deny statements that restrict Glue jobs and sessions to a VPC.

CreateJob, UpdateJob and CreateSession have the condition keys ``glue:VpcIds``, ``glue:SubnetIds`` and
``glue:SecurityGroupIds``, with the values of the request's connections. The keys have several values:

- ``ForAnyValue:StringNotEquals`` in a Deny denies a request with at least one other VPC.
- A request without a VPC has no such key, and ForAnyValue is false for it. ``Null`` denies this request.

An Allow with ``ForAnyValue:StringEquals`` would allow a job with one permitted and one other VPC.
StartJobRun has none of these keys.
https://docs.aws.amazon.com/glue/latest/dg/security_iam_id-based-policy-examples.html
"""

from __future__ import annotations

from collections.abc import Sequence

from glue_secure.core.policy_documents import ANY_PRINCIPAL, Policy, PolicyCondition, Statement
from glue_secure.governance.policies.documents import PolicyScope

DATA_ACTIONS = ("dynamodb:*", "kms:*", "s3:*", "s3tables:*", "secretsmanager:*")
ACTIONS = ("glue:CreateJob", "glue:UpdateJob", "glue:CreateSession")
VPC_IDS, SUBNET_IDS, SECURITY_GROUP_IDS = "glue:VpcIds", "glue:SubnetIds", "glue:SecurityGroupIds"


def network_denies(
    vpcs: Sequence[str], subnets: Sequence[str] = (), security_groups: Sequence[str] = ()
) -> tuple[Statement, ...]:
    """Return statements that deny jobs and sessions in another network or without a network.

    Args:
        vpcs: ids of the permitted VPCs, at least one.
        subnets: ids of the permitted subnets; empty for all.
        security_groups: ids of the permitted security groups; empty for all.

    Raises:
        ValueError: ``vpcs`` is empty.
    """
    if not vpcs:
        raise ValueError("vpcs is empty, which would deny every job")
    allowed = {VPC_IDS: vpcs, SUBNET_IDS: subnets, SECURITY_GROUP_IDS: security_groups}
    restricted = {key: tuple(values) for key, values in allowed.items() if values}
    other = [
        _deny(f"Other{_name(key)}", PolicyCondition("ForAnyValue:StringNotEquals", key, values))
        for key, values in restricted.items()
    ]
    missing = [_deny(f"No{_name(key)}", PolicyCondition("Null", key, ("true",))) for key in restricted]
    return (*other, *missing)


def only_from(
    *, vpcs: Sequence[str] = (), endpoints: Sequence[str] = (), sid: str = "DenyOtherNetworks"
) -> Statement:
    """Return a statement that denies a job's code the use of data from another network.

    ``glue:CredentialIssuingService`` is present in requests with the credentials that Glue gives to the code
    of a job, and not where Glue itself fetches the script. A service that continues a request, such as S3
    with AWS KMS, sends no VPC. A negated condition is met by a request without its key, from the internet.

    - https://docs.aws.amazon.com/glue/latest/dg/security_iam_service-with-iam.html
    - network_perimeter_glue_scp.json of https://github.com/aws-samples/data-perimeter-policy-examples

    Args:
        vpcs: ids of VPCs from which requests are permitted.
        endpoints: ids of VPC endpoints through which requests are permitted, from whatever VPC.
        sid: identifier of the statement.

    Raises:
        ValueError: there are no VPCs and no endpoints, which would deny every request.
    """
    networks = tuple(
        PolicyCondition("StringNotEquals", key, tuple(ids))
        for key, ids in (("aws:SourceVpc", vpcs), ("aws:SourceVpce", endpoints))
        if ids
    )
    if not networks:
        raise ValueError("vpcs and endpoints are empty, which would deny every request")
    conditions = (
        PolicyCondition("StringEquals", "glue:CredentialIssuingService", ("glue.amazonaws.com",)),
        *networks,
        PolicyCondition("BoolIfExists", "aws:ViaAWSService", ("false",)),
    )
    return Statement(sid, "Deny", DATA_ACTIONS, ("*",), None, conditions)


def own_principals_only(scope: PolicyScope) -> Policy:
    """Return the policy of a VPC endpoint that accepts requests of principals of the account only.

    Without it, code in the VPC could send data to another account with that account's credentials.
    """
    when = (PolicyCondition("StringEquals", "aws:PrincipalAccount", (scope.account,)),)
    return Policy((Statement("OwnPrincipals", "Allow", ("*",), ("*",), ANY_PRINCIPAL, when),))


def _deny(sid: str, condition: PolicyCondition) -> Statement:
    return Statement(f"Deny{sid}", "Deny", ACTIONS, ("*",), None, (condition,))


def _name(key: str) -> str:
    return key.removeprefix("glue:")
