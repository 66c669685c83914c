"""Key policies: who may use the customer managed keys of a job, and for what.

Administration goes to the account, that is to whoever its IAM policies name: without it a key cannot be
managed any more (https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html). It does
not hold Encrypt, Decrypt or GenerateDataKey, so IAM alone gives nobody the data.
"""

from __future__ import annotations

from glue_secure.core.policy_documents import Condition, Policy, Principal, Statement
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
# Without DescribeKey, which the guide lists too: it has no encryption context, so the condition never holds.
_LOGS = ("kms:Decrypt*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*")


def data_key(scope: PolicyScope, *roles: str, code_bucket: str = "", evidence_bucket: str = "") -> Policy:
    """The key of objects and secrets: the jobs' roles, through S3, Glue and Secrets Manager only.

    DescribeKey and the two calls that the guard makes itself (GenerateDataKey and Decrypt, control
    GS-KMS-006) come without a service between; they are bound to the guard's encryption context.

    Args:
        scope: where the key is.
        roles: ARNs of the roles.
        code_bucket: a bucket whose objects the account's IAM policies may also let others read and write:
            whoever deploys.
        evidence_bucket: likewise to read: whoever looks at evidence.
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
    people = (
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
            for sid, bucket, actions in people
            if bucket
        )
    )


def catalog_key(scope: PolicyScope, *roles: str) -> Policy:
    """The key of the account's Data Catalog: through Glue, the jobs' roles and whom IAM lets use it.

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
    """The key of job bookmarks. They are sealed on the client: no ViaService condition can hold for it."""
    users = Principal("AWS", roles)
    return Policy((_administration(scope), Statement("EncryptBookmarks", "Allow", USE, principal=users)))


def logs_key(scope: PolicyScope, *log_groups: str, readers: tuple[str, ...] = ()) -> Policy:
    """The key of CloudWatch Logs: the service, for the account's log groups of those names.

    Args:
        scope: where the key is.
        log_groups: names; ``*`` stands for the rest of one.
        readers: ARNs of the roles whose runs look at the key before they start (GS-KMS-001).

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    groups = tuple(scope.arn("logs", f"log-group:{name}") for name in log_groups)
    context = Condition("StringLike", "kms:EncryptionContext:aws:logs:arn", groups)
    service = Principal("Service", (f"logs.{scope.region}.amazonaws.com",))
    look = (Statement("DescribeKey", "Allow", ("kms:DescribeKey",), principal=Principal("AWS", readers)),)
    return Policy(
        (
            _administration(scope),
            *(look if readers else ()),
            Statement("EncryptLogGroups", "Allow", _LOGS, principal=service, conditions=(context,)),
        )
    )


def _administration(scope: PolicyScope) -> Statement:
    return Statement("AdministerKey", "Allow", _ADMINISTER, principal=Principal("AWS", (scope.root,)))


def _use(sid: str, users: Principal, through: Condition) -> Statement:
    actions = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey")
    return Statement(sid, "Allow", actions, principal=users, conditions=(through,))


def _through(scope: PolicyScope, *services: str) -> Condition:
    return equals("kms:ViaService", *(f"{one}.{scope.region}.amazonaws.com" for one in services))


def _objects_of(scope: PolicyScope, bucket: str) -> Condition:
    # With a bucket key S3 names the bucket, without one the object.
    arns = (scope.bucket(bucket), scope.bucket(bucket, "*"))
    return Condition("StringLike", "kms:EncryptionContext:aws:s3:arn", arns)
