"""Policies that apply where glue-secure is not used: of the organisation, of roles and of single runs.

AWS Organizations accepts 5,120 characters for a service control policy and for a resource control policy.
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from glue_secure.core.policy_documents import (
    ANY_PRINCIPAL,
    Policy,
    PolicyCondition,
    Statement,
)
from glue_secure.governance.policies.documents import PolicyScope, allow
from glue_secure.governance.policies.iam import ResourceLocation
from glue_secure.governance.policies.network import only_from
from glue_secure.governance.policies.table_buckets import BucketTable, table_buckets_of_run

ORGANIZATION_POLICY = 5120
"""Most characters of a policy of AWS Organizations."""
# An action of a trigger and the arguments of a run can name another security configuration or script. IAM has
# no condition keys for them, so these actions need a named principal.
_DEPLOY = (
    "glue:CreateCrawler",
    "glue:CreateJob",
    "glue:CreateMLTransform",
    "glue:CreateSession",
    "glue:CreateTrigger",
    "glue:CreateWorkflow",
    "glue:UpdateCrawler",
    "glue:UpdateJob",
    "glue:UpdateTrigger",
    "glue:UpdateWorkflow",
)
_ADMINISTER = (
    "glue:CreateSecurityConfiguration",
    "glue:DeleteResourcePolicy",
    "glue:DeleteSecurityConfiguration",
    "glue:PutDataCatalogEncryptionSettings",
    "glue:PutResourcePolicy",
)
# S3 Tables is not in AWS's list of the services with resource control policies.
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html#rcp-supported-services
_DATA = ("kms:*", "s3:*", "secretsmanager:*")
# What a job uses beside objects. The role's policy and the key policies limit these.
_BESIDE_OBJECTS = ("cloudwatch", "dynamodb", "ec2", "glue", "kms", "lakeformation", "logs", "secretsmanager")


def service_control(
    *,
    deployers: tuple[str, ...],
    administrators: tuple[str, ...],
    runners: tuple[str, ...] = (),
    vpcs: tuple[str, ...] = (),
    endpoints: tuple[str, ...] = (),
) -> Policy:
    """Return a service control policy: only named principals change, start and configure Glue jobs.

    Args:
        deployers: patterns of the ARNs that create and change jobs, sessions, crawlers and triggers.
        administrators: patterns of the ARNs that change security configurations and the Data Catalog's
            encryption and resource policy, such as the role of the project's stack.
        runners: patterns of further ARNs that start jobs.
        vpcs: as of :func:`only_from`; empty, with ``endpoints``, for no restriction of networks.
        endpoints: as of :func:`only_from`.

    Raises:
        ValueError: there are no deployers or no administrators, which would deny everyone.
    """
    if not deployers or not administrators:
        raise ValueError("deployers and administrators must not be empty")
    return Policy(
        (
            _deny_others("DenyUnmanagedJobs", _DEPLOY, (*deployers, *administrators)),
            _deny_others("DenyUnmanagedRuns", ("glue:StartJobRun",), (*deployers, *administrators, *runners)),
            _deny_others("DenyWeakerEncryption", _ADMINISTER, administrators),
            # Development endpoints end with Glue 1.0, and glue-secure does not run in them.
            Statement("DenyDevEndpoints", "Deny", ("glue:CreateDevEndpoint", "glue:UpdateDevEndpoint")),
            *_only_from(vpcs, endpoints),
        )
    )


def resource_control(
    organization: str,
    *,
    partners: tuple[str, ...] = (),
    vpcs: tuple[str, ...] = (),
    endpoints: tuple[str, ...] = (),
) -> Policy:
    """Return a resource control policy: data, keys and secrets are for the organisation and partners only.

    Requests of AWS services pass, because log delivery and replication have no organisation.

    Args:
        organization: id of the organisation, ``o-...``.
        partners: ids of other accounts that bucket and key policies may admit.
        vpcs: as of :func:`only_from`, for the jobs of all accounts; empty, with ``endpoints``, for any.
        endpoints: as of :func:`only_from`.
    """
    networks = (
        replace(statement, actions=_DATA, principal=ANY_PRINCIPAL)
        for statement in _only_from(vpcs, endpoints)
    )
    outside = [PolicyCondition("StringNotEqualsIfExists", "aws:PrincipalOrgID", (organization,))]
    if partners:
        outside.append(PolicyCondition("StringNotEqualsIfExists", "aws:PrincipalAccount", partners))
    outside.append(PolicyCondition("BoolIfExists", "aws:PrincipalIsAWSService", ("false",)))
    insecure = (PolicyCondition("BoolIfExists", "aws:SecureTransport", ("false",)),)
    return Policy(
        (
            Statement("DenyOtherOrganizations", "Deny", _DATA, ("*",), ANY_PRINCIPAL, tuple(outside)),
            Statement("DenyInsecureTransport", "Deny", ("s3:*",), ("*",), ANY_PRINCIPAL, insecure),
            *networks,
        )
    )


def permissions_boundary(role_policies: Iterable[Policy]) -> Policy:
    """Return a permissions boundary for the roles of jobs: the actions of their policies, and use of keys.

    The boundary has no resources, so it remains valid if a job gets another bucket. The key policies admit
    the roles to the keys, and decide about the use of AWS KMS.
    """
    actions = {
        action
        for policy in role_policies
        for statement in policy.statements
        if statement.effect == "Allow"
        for action in statement.actions
    }
    uses = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:Sign")
    return Policy((allow("JobsOnly", *sorted({*actions, *uses}), on=("*",)),))


def run_policy(
    scope: PolicyScope,
    *,
    reads: Iterable[ResourceLocation],
    writes: Iterable[ResourceLocation],
    tables: Iterable[BucketTable] = (),
) -> Policy:
    """Return a session policy (``ExecutionRoleSessionPolicy``) that limits one run to locations.

    A session policy grants nothing: the run has what this policy and the policies of the role both allow.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session

    Args:
        scope: region and account.
        reads: locations of objects that the run reads, including its code.
        writes: locations that it reads, writes and deletes in, including evidence and bookmarks.
        tables: the job's tables of Amazon S3 Tables.
    """
    write = tuple(location.objects(scope) for location in writes)
    read = (*(location.objects(scope) for location in reads), *write)
    actions = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject")
    return Policy(
        (
            allow("ReadObjects", "s3:GetObject", on=tuple(dict.fromkeys(read))),
            allow("WriteObjects", *actions, on=tuple(dict.fromkeys(write))),
            *table_buckets_of_run(scope, tables),
            allow("Rest", "s3:ListBucket", *(f"{service}:*" for service in _BESIDE_OBJECTS), on=("*",)),
        )
    )


def _only_from(vpcs: tuple[str, ...], endpoints: tuple[str, ...]) -> tuple[Statement, ...]:
    return (only_from(vpcs=vpcs, endpoints=endpoints),) if vpcs or endpoints else ()


def _deny_others(sid: str, actions: tuple[str, ...], principals: tuple[str, ...]) -> Statement:
    other = PolicyCondition("ArnNotLike", "aws:PrincipalArn", tuple(dict.fromkeys(principals)))
    return Statement(sid, "Deny", actions, ("*",), None, (other,))
