"""Key policies of a job's customer managed keys.

The account, and so its IAM policies, can administer the keys. Otherwise, a key could become unmanageable
(https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html). Administration does not
include Encrypt, Decrypt or GenerateDataKey, so IAM policies alone do not give access to data.
"""

from __future__ import annotations

from glue_secure.core.policy_documents import Policy, PolicyCondition, Principal, Statement
from glue_secure.governance.policies.documents import PolicyScope, equals

USE = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")
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


def data_key(scope: PolicyScope, *roles: str, code_bucket: str = "", evidence_bucket: str = "") -> Policy:
    """Return the policy of the key for objects and secrets: use by the jobs' roles through AWS services only.

    The services are S3, Glue and Secrets Manager. glue-secure calls DescribeKey, GenerateDataKey and Decrypt
    directly (GS-KMS-006). The last two are restricted to its encryption context.

    Args:
        scope: region and account of the key.
        roles: ARNs of the roles.
        code_bucket: a bucket whose objects IAM policies of the account can also allow others to read and
            write, for deployment.
        evidence_bucket: a bucket whose objects IAM policies of the account can also allow others to read.
    """
    users = Principal("AWS", roles)
    probe = equals("kms:EncryptionContext:glue-secure:purpose", "probe")
    statements = (
        _administration(scope),
        Statement("DescribeKey", "Allow", ("kms:DescribeKey",), principal=users),
        _use("UseThroughServices", users, _through(scope, "s3", "glue", "secretsmanager")),
        Statement(
            "ProbeKey",
            "Allow",
            ("kms:Decrypt", "kms:GenerateDataKey"),
            principal=users,
            conditions=(probe,),
        ),
    )
    delegated = (
        ("DeployCode", code_bucket, ("kms:Decrypt", "kms:GenerateDataKey")),
        ("ReadEvidence", evidence_bucket, ("kms:Decrypt",)),
    )
    return Policy(
        statements
        + tuple(
            Statement(
                sid,
                "Allow",
                actions,
                principal=Principal("AWS", (scope.root,)),
                conditions=(_through(scope, "s3"), _objects_of(scope, bucket)),
            )
            for sid, bucket, actions in delegated
            if bucket
        )
    )


def catalog_key(scope: PolicyScope, *roles: str) -> Policy:
    """Return the policy of the Data Catalog's key: use through Glue by the jobs' roles and by IAM policies.

    https://docs.aws.amazon.com/glue/latest/dg/encrypt-glue-data-catalog.html
    """
    through = _through(scope, "glue")
    return Policy(
        (
            _administration(scope),
            _use("EncryptDataCatalog", Principal("AWS", (*roles, scope.root)), through),
            Statement("DescribeKey", "Allow", ("kms:DescribeKey",), principal=Principal("AWS", roles)),
        )
    )


def bookmark_key(scope: PolicyScope, *roles: str) -> Policy:
    """Return the policy of the key for job bookmarks.

    It has no ViaService condition, because bookmarks are encrypted on the client.
    """
    users = Principal("AWS", roles)
    return Policy((_administration(scope), Statement("EncryptBookmarks", "Allow", USE, principal=users)))


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
    service = Principal("Service", (f"logs.{scope.region}.amazonaws.com",))
    describe = (Statement("DescribeKey", "Allow", ("kms:DescribeKey",), principal=Principal("AWS", readers)),)
    return Policy(
        (
            _administration(scope),
            *(describe if readers else ()),
            Statement("EncryptLogGroups", "Allow", _LOGS, principal=service, conditions=(context,)),
        )
    )


def _administration(scope: PolicyScope) -> Statement:
    return Statement("AdministerKey", "Allow", _ADMINISTER, principal=Principal("AWS", (scope.root,)))


def _use(sid: str, users: Principal, through: PolicyCondition) -> Statement:
    actions = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey")
    return Statement(sid, "Allow", actions, principal=users, conditions=(through,))


def _through(scope: PolicyScope, *services: str) -> PolicyCondition:
    return equals("kms:ViaService", *(f"{service}.{scope.region}.amazonaws.com" for service in services))


def _objects_of(scope: PolicyScope, bucket: str) -> PolicyCondition:
    # The encryption context is the bucket's ARN with an S3 Bucket Key, and the object's ARN without one.
    arns = (scope.bucket(bucket), scope.bucket(bucket, "*"))
    return PolicyCondition("StringLike", "kms:EncryptionContext:aws:s3:arn", arns)
