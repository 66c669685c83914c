"""Bucket policies that require TLS, and SSE-KMS under one key.

An upload without encryption headers uses the bucket's default encryption, which must have the same key. The
policies deny uploads with other headers. The ``IfExists`` operators cannot be used for this: in a Deny they
match requests without the header.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
"""

from __future__ import annotations

from glue_secure.core.policy_documents import ANY_PRINCIPAL, Policy, PolicyCondition, Principal, Statement
from glue_secure.governance.policies.documents import PolicyScope, equals

BUCKET_POLICY = 20_480
"""Most characters of a bucket policy.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html
"""
_ALGORITHM = "s3:x-amz-server-side-encryption"
_KEY = "s3:x-amz-server-side-encryption-aws-kms-key-id"
_CUSTOMER = "s3:x-amz-server-side-encryption-customer-algorithm"


def data_bucket(
    scope: PolicyScope,
    bucket: str,
    *keys: str,
    readers: tuple[str, ...] = (),
    producers: tuple[str, ...] = (),
    evidence: tuple[str, ...] = (),
    algorithms: tuple[str, ...] = ("aws:kms",),
) -> Policy:
    """Return the policy of a bucket whose objects all use SSE-KMS under one of ``keys``.

    Args:
        scope: the account, of which only the partition is used.
        bucket: name of the bucket.
        keys: ARNs of the keys, as in upload requests.
        readers: ARNs of principals that may list and read objects, also of other accounts.
        producers: ARNs of principals that may write objects, also of other accounts.
        evidence: prefixes of evidence, whose objects no principal may overwrite or delete.
        algorithms: accepted values of the header; ``AES256`` is SSE-S3.
    """
    objects = (scope.bucket(bucket, "*"),)
    statements = [
        _tls_only(scope, bucket),
        _deny_put(
            "DenyOtherAlgorithm",
            objects,
            _present(_ALGORITHM),
            PolicyCondition("StringNotEquals", _ALGORITHM, algorithms),
        ),
        _deny_put("DenyOtherKey", objects, _present(_KEY), PolicyCondition("ArnNotEquals", _KEY, keys)),
        # aws:kms without a key uses the account's AWS managed key.
        _deny_put("DenyUnnamedKey", objects, equals(_ALGORITHM, "aws:kms"), _absent(_KEY)),
        _deny_put("DenyCustomerProvidedKey", objects, _present(_CUSTOMER)),
    ]
    if evidence:
        locked = tuple(scope.bucket(bucket, f"{prefix.strip('/')}/*") for prefix in evidence)
        # UploadPart and the start of an upload in parts have no such header; its completion has.
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
        creates = PolicyCondition("Bool", "s3:ObjectCreationOperation", ("true",))
        statements += [
            _deny_put("DenyOverwrite", locked, _absent("s3:if-none-match"), creates),
            Statement(
                "DenyDelete", "Deny", ("s3:DeleteObject", "s3:DeleteObjectVersion"), locked, ANY_PRINCIPAL
            ),
        ]
    if readers:
        users = Principal("AWS", readers)
        statements += [
            Statement(
                "ListObjects",
                "Allow",
                ("s3:GetBucketLocation", "s3:ListBucket"),
                (scope.bucket(bucket),),
                users,
            ),
            Statement("ReadObjects", "Allow", ("s3:GetObject",), objects, users),
        ]
    if producers:
        actions = ("s3:AbortMultipartUpload", "s3:PutObject")
        statements.append(Statement("ProduceObjects", "Allow", actions, objects, Principal("AWS", producers)))
    return Policy(tuple(statements))


def access_log_bucket(scope: PolicyScope, bucket: str, *sources: str) -> Policy:
    """Return the policy of a bucket that receives server access logs of ``sources``, ARNs of buckets.

    S3 delivers access logs with SSE-S3 only:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
    """
    deliver = Statement(
        "DeliverAccessLogs",
        "Allow",
        ("s3:PutObject",),
        (scope.bucket(bucket, "*"),),
        Principal("Service", ("logging.s3.amazonaws.com",)),
        (PolicyCondition("ArnLike", "aws:SourceArn", sources), equals("aws:SourceAccount", scope.account)),
    )
    return Policy((_tls_only(scope, bucket), deliver))


def _tls_only(scope: PolicyScope, bucket: str) -> Statement:
    return Statement(
        "DenyInsecureTransport",
        "Deny",
        ("s3:*",),
        (scope.bucket(bucket), scope.bucket(bucket, "*")),
        ANY_PRINCIPAL,
        (PolicyCondition("Bool", "aws:SecureTransport", ("false",)),),
    )


def _deny_put(sid: str, objects: tuple[str, ...], *conditions: PolicyCondition) -> Statement:
    return Statement(sid, "Deny", ("s3:PutObject",), objects, ANY_PRINCIPAL, conditions)


def _present(key: str) -> PolicyCondition:
    return PolicyCondition("Null", key, ("false",))


def _absent(key: str) -> PolicyCondition:
    return PolicyCondition("Null", key, ("true",))
