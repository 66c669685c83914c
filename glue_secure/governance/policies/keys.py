"""Key policies of a job's customer managed keys.

The account, and so its IAM policies, can administer the keys. Otherwise, a key could become unmanageable
(https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html). Administration does not
include Encrypt, Decrypt or GenerateDataKey, so IAM policies alone do not give access to data.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from glue_secure.core.policy_documents import Policy, PolicyCondition, Principal, Statement
from glue_secure.governance.policies.documents import PolicyScope, equals, through

KEY_POLICY = 32_768
"""Most characters of a key policy: https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html"""
NAMED_ROLES = 30_000
"""Most characters of a key policy that names each role: in other partitions, the ARNs of roles are longer."""
_OF_JOB = "kms:EncryptionContext:glue-secure:job"
_CRYPT = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey")
_ADMINISTER = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
# Without DescribeKey, which the guide also lists: it has no encryption context to match the condition.
_LOGS = ("kms:Decrypt*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*")


@dataclass(frozen=True, slots=True)
class BucketUsers:
    """Principals other than the jobs' roles that use the objects of a bucket.

    Attributes:
        bucket: name of the bucket.
        readers: ARNs of principals that read objects.
        producers: ARNs of principals that write objects.
    """

    bucket: str
    readers: tuple[str, ...] = ()
    producers: tuple[str, ...] = ()


def data_key(
    scope: PolicyScope,
    *roles: str,
    code_bucket: str = "",
    evidence_bucket: str = "",
    secrets: tuple[str, ...] = (),
    users: tuple[BucketUsers, ...] = (),
    operators: tuple[str, ...] = (),
) -> Policy:
    """Return the policy of the key for objects and secrets: use by the jobs' roles through AWS services only.

    The services are S3, Glue and Secrets Manager. glue-secure calls DescribeKey, GenerateDataKey and Decrypt
    directly (GS-KMS-006). The last two are restricted to its encryption context.

    Args:
        scope: region and account of the key.
        roles: ARNs of the roles.
        code_bucket: a bucket whose objects IAM policies of the account can also allow others to read and
            write, for deployment.
        evidence_bucket: a bucket whose objects IAM policies of the account can also allow others to read.
        secrets: ARNs of secrets that IAM policies of the account can allow others to create, write and read.
        users: buckets with other readers and producers.
        operators: ARNs of principals that replace objects of the buckets of ``users``.
    """
    jobs = Principal("AWS", roles)
    account = Principal("AWS", (scope.root,))
    probe = equals("kms:EncryptionContext:glue-secure:purpose", "probe")
    read, write = ("kms:Decrypt",), ("kms:Decrypt", "kms:GenerateDataKey")
    of_s3 = through(scope, "s3")
    statements = [
        administration(scope),
        Statement(
            "DescribeKey", "Allow", ("kms:DescribeKey",), principal=Principal("AWS", (*roles, *operators))
        ),
        _use("UseThroughServices", jobs, through(scope, "s3", "glue", "secretsmanager")),
        Statement("ProbeKey", "Allow", write, principal=jobs, conditions=(probe,)),
    ]
    for sid, bucket, actions in (("DeployCode", code_bucket, write), ("ReadEvidence", evidence_bucket, read)):
        if bucket:
            conditions = (of_s3, _objects_of(scope, bucket))
            statements.append(Statement(sid, "Allow", actions, principal=account, conditions=conditions))
    if secrets:
        # CreateSecret and PutSecretValue need both actions, also for a secret that a stack creates:
        # https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
        arns = PolicyCondition("StringLike", "kms:EncryptionContext:SecretARN", secrets)
        conditions = (through(scope, "secretsmanager"), arns)
        statements.append(
            Statement("ManageSecrets", "Allow", write, principal=account, conditions=conditions)
        )
    for number, user in enumerate(users, start=1):
        # Decrypt is needed for an upload in parts too:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
        for sid, names, actions in (("Read", user.readers, read), ("Produce", user.producers, write)):
            if names:
                conditions = (of_s3, _objects_of(scope, user.bucket))
                principal = Principal("AWS", names)
                statements.append(
                    Statement(f"{sid}Bucket{number}", "Allow", actions, ("*",), principal, conditions)
                )
    if operators and users:
        conditions = (of_s3, _objects_of(scope, *(user.bucket for user in users)))
        statements.append(
            Statement("OperateBuckets", "Allow", write, ("*",), Principal("AWS", operators), conditions)
        )
    return Policy(tuple(statements))


def catalog_key(scope: PolicyScope, *roles: str) -> Policy:
    """Return the policy of the Data Catalog's key: use through Glue by the jobs' roles and by IAM policies.

    https://docs.aws.amazon.com/glue/latest/dg/encrypt-glue-data-catalog.html
    """
    return Policy(
        (
            administration(scope),
            _use("EncryptDataCatalog", Principal("AWS", (*roles, scope.root)), through(scope, "glue")),
            Statement("DescribeKey", "Allow", ("kms:DescribeKey",), principal=Principal("AWS", roles)),
        )
    )


def bookmark_key(
    scope: PolicyScope,
    jobs: Mapping[str, str],
    *,
    location: str = "",
    native: Collection[str] = (),
    operators: tuple[str, ...] = (),
) -> Policy:
    """Return the policy of the key for job bookmarks: a role encrypts and decrypts its own job's bookmark.

    glue-secure calls KMS directly and names the job in the encryption context, and S3 encrypts the object
    once more. AWS Glue publishes no encryption context of its own bookmarks.

    Args:
        scope: region and account of the key.
        jobs: name of each job and ARN of its role.
        location: bucket and prefix of the bookmarks, ``bucket/bookmarks``.
        native: names of the jobs that may use the bookmarks of AWS Glue, whose encryption context has no
            ``glue-secure:job``.
        operators: ARNs of principals that show, repair and reset the bookmarks of all jobs.
    """
    roles = tuple(jobs.values())
    purpose = "kms:EncryptionContext:glue-secure:purpose"
    statements = [
        administration(scope),
        Statement(
            "DescribeKey", "Allow", ("kms:DescribeKey",), principal=Principal("AWS", (*roles, *operators))
        ),
        Statement(
            "ProbeKey",
            "Allow",
            ("kms:Decrypt", "kms:GenerateDataKey"),
            principal=Principal("AWS", (*roles, *operators)),
            conditions=(equals(purpose, "probe"),),
        ),
        *(
            Statement(
                f"Bookmark{number}",
                "Allow",
                _CRYPT,
                principal=Principal("AWS", (role,)),
                conditions=(
                    (PolicyCondition("StringEqualsIfExists", _OF_JOB, (job,)),)
                    if job in native
                    else (equals(purpose, "job-bookmark"), equals(_OF_JOB, job))
                ),
            )
            for number, (job, role) in enumerate(jobs.items(), start=1)
        ),
    ]
    if operators:
        conditions = (equals(purpose, "job-bookmark"),)
        statements.append(
            Statement("OperateBookmarks", "Allow", _CRYPT, ("*",), Principal("AWS", operators), conditions)
        )
    if location:
        bucket, _, prefix = location.partition("/")
        arns = (scope.bucket(bucket), scope.bucket(bucket, f"{prefix}/*"))
        statements.append(
            Statement(
                "StoreBookmarks",
                "Allow",
                ("kms:Decrypt", "kms:GenerateDataKey"),
                principal=Principal("AWS", (*roles, *operators)),
                conditions=(
                    through(scope, "s3"),
                    PolicyCondition("StringLike", "kms:EncryptionContext:aws:s3:arn", arns),
                ),
            )
        )
    return Policy(tuple(statements))


def signing_key(scope: PolicyScope, role: str, *, auditors: tuple[str, ...] = ()) -> Policy:
    """Return the policy of the asymmetric key that signs the evidence of one job.

    Only the job's role signs. IAM policies of the account can allow others to get the public key.

    Args:
        scope: region and account of the key.
        role: ARN of the job's role.
        auditors: ARNs of principals, also of other accounts, that get the public key.
    """
    read = ("kms:DescribeKey", "kms:GetPublicKey")
    sign = equals("kms:SigningAlgorithm", "ECDSA_SHA_256")
    return Policy(
        (
            administration(scope),
            Statement("DescribeKey", "Allow", ("kms:DescribeKey",), principal=Principal("AWS", (role,))),
            Statement("SignEvidence", "Allow", ("kms:Sign",), ("*",), Principal("AWS", (role,)), (sign,)),
            Statement("VerifyEvidence", "Allow", read, principal=Principal("AWS", (scope.root, *auditors))),
        )
    )


def logs_key(scope: PolicyScope, *log_groups: str, readers: tuple[str, ...] = ()) -> Policy:
    """Return the policy of the key for CloudWatch Logs: use by the service for these log groups.

    Args:
        scope: region and account of the key.
        log_groups: names of log groups, which can end with ``*``.
        readers: ARNs of the roles whose runs check the key (GS-KMS-001).

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    groups = tuple(scope.arn("logs", f"log-group:{name}") for name in log_groups)
    context = PolicyCondition("StringLike", "kms:EncryptionContext:aws:logs:arn", groups)
    service = Principal("Service", (f"logs.{scope.region}.{scope.suffix}",))
    describe = (Statement("DescribeKey", "Allow", ("kms:DescribeKey",), principal=Principal("AWS", readers)),)
    return Policy(
        (
            administration(scope),
            *(describe if readers else ()),
            Statement("EncryptLogGroups", "Allow", _LOGS, principal=service, conditions=(context,)),
        )
    )


def for_roles_like(scope: PolicyScope, policy: Policy, roles: Collection[str], pattern: str) -> Policy:
    """Return a key policy that leaves to IAM policies what it allows ``roles``, for roles like a pattern.

    Its length does not depend on the number of roles. Each role needs its permissions in its IAM policy
    (:func:`permissions_on_key`), which has the condition on the name of the job.

    Args:
        scope: account of the roles.
        policy: a key policy that names the roles.
        roles: ARNs of the roles that match the pattern.
        pattern: pattern of the ARNs of the roles.
    """
    alike = PolicyCondition("ArnLike", "aws:PrincipalArn", (pattern,))
    statements: list[Statement] = []
    grouped: dict[Statement, None] = {}
    for statement in policy.statements:
        names = statement.principal.names if statement.principal else ()
        others = tuple(name for name in names if name not in roles)
        if len(others) == len(names):
            statements.append(statement)
            continue
        if others:
            statements.append(replace(statement, principal=Principal("AWS", others)))
        conditions = tuple(condition for condition in statement.conditions if condition.key != _OF_JOB)
        grouped[
            replace(
                statement, sid="", principal=Principal("AWS", (scope.root,)), conditions=(*conditions, alike)
            )
        ] = None
    numbered = (
        replace(statement, sid=f"RolesByIam{number}") for number, statement in enumerate(grouped, start=1)
    )
    return Policy((*statements, *numbered))


def administration(scope: PolicyScope) -> Statement:
    """Return the statement that lets the account administer a key, without its use."""
    return Statement("AdministerKey", "Allow", _ADMINISTER, principal=Principal("AWS", (scope.root,)))


def _use(sid: str, users: Principal, condition: PolicyCondition) -> Statement:
    return Statement(sid, "Allow", _CRYPT, principal=users, conditions=(condition,))


def _objects_of(scope: PolicyScope, *buckets: str) -> PolicyCondition:
    # The encryption context is the bucket's ARN with an S3 Bucket Key, and the object's ARN without one.
    arns = tuple(arn for bucket in buckets for arn in (scope.bucket(bucket), scope.bucket(bucket, "*")))
    return PolicyCondition("StringLike", "kms:EncryptionContext:aws:s3:arn", arns)
