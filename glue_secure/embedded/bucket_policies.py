"""Bucket policies of the embedded account with their conditions, which moto ignores.

moto applies a ``Deny`` to every request for its action. With this module, conditions on the encryption of
an upload and on TLS decide as in S3. A statement that is not understood denies every request for an object
of the bucket.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs, urlsplit

from glue_secure.core.policy_documents import (
    ANY_PRINCIPAL,
    Policy,
    PolicyCondition,
    PolicyDecision,
    Principal,
    Request,
    Statement,
    evaluate,
)
from glue_secure.embedded.account import ACCOUNT_ID

_MEMBERS = frozenset({"Sid", "Effect", "Principal", "Action", "Resource", "Condition"})
_HEADERS = (
    "if-none-match",
    "if-match",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-acl",
)
# All steps of a multipart upload are PutObject.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
_ACTIONS = {"s3:PostObject": "s3:PutObject", "s3:HeadObject": "s3:GetObject"}

_NOTHING: Mapping[str, tuple[str, ...]] = {}
# Condition key → values of the request that is handled; None for a step of an upload that has started.
_context: ContextVar[Mapping[str, tuple[str, ...]] | None] = ContextVar("context", default=_NOTHING)


def serve_bucket_policies() -> None:
    """Let moto evaluate the conditions of bucket policies in this process."""
    from moto.iam.access_control import PermissionResult
    from moto.s3 import models, responses

    bucket: Any = models.FakeBucket
    response: Any = responses.S3Response
    if getattr(bucket, "has_conditions", False):
        return
    moto_response, results = (
        response._key_response,
        {
            PolicyDecision.ALLOWED: PermissionResult.PERMITTED,
            PolicyDecision.DENIED: PermissionResult.DENIED,
            PolicyDecision.NOT_ALLOWED: PermissionResult.NEUTRAL,
        },
    )

    def key_response(self: Any, request: Any, full_url: str, *arguments: Any, **options: Any) -> Any:
        token = _context.set(_context_of(request.headers, str(request.url)))
        try:
            return moto_response(self, request, full_url, *arguments, **options)
        finally:
            _context.reset(token)

    def get_permission(self: Any, action: str, resource: str) -> Any:
        context = _context.get()
        if self.policy is None or context is None:
            return PermissionResult.NEUTRAL
        caller = f"arn:{self.partition}:iam::{ACCOUNT_ID}:root"
        try:
            policy = parse_bucket_policy(self.policy.decode())
            decision = evaluate([policy], Request(_ACTIONS.get(action, action), resource, caller, context))
        except ValueError:
            return PermissionResult.DENIED
        return results[decision]

    response._key_response, bucket.get_permission, bucket.has_conditions = key_response, get_permission, True


def parse_bucket_policy(text: str) -> Policy:
    """Return a bucket policy. Raises ValueError for one that is not understood."""
    document = json.loads(text)
    statements = document["Statement"]
    return Policy(
        tuple(_statement(each) for each in (statements if isinstance(statements, list) else [statements]))
    )


def _statement(statement: Mapping[str, Any]) -> Statement:
    if not set(statement) <= _MEMBERS:
        raise ValueError(f"members {sorted(set(statement) - _MEMBERS)} are not supported")
    return Statement(
        sid=str(statement.get("Sid", "")),
        effect=str(statement["Effect"]),
        actions=_texts(statement["Action"]),
        resources=_texts(statement["Resource"]),
        principal=_principal(statement["Principal"]),
        conditions=tuple(
            PolicyCondition(operator, key, _texts(values))
            for operator, tests in statement.get("Condition", {}).items()
            for key, values in tests.items()
        ),
    )


def _principal(value: Any) -> Principal:
    if value == "*" or (isinstance(value, dict) and value.get("AWS") == "*"):
        return ANY_PRINCIPAL
    ((kind, names),) = value.items()
    return Principal(kind, _texts(names))


def _texts(value: Any) -> tuple[str, ...]:
    texts: Sequence[Any] = value if isinstance(value, list) else [value]
    return tuple(str(text) for text in texts)


def _context_of(headers: Mapping[str, str], url: str) -> Mapping[str, tuple[str, ...]] | None:
    parts = urlsplit(url)
    if "uploadId" in parse_qs(parts.query, keep_blank_values=True):
        return None  # the request that started the upload was checked
    found = {f"s3:{name}": (headers[name],) for name in _HEADERS if headers.get(name) is not None}
    starts = "uploads" in parse_qs(parts.query, keep_blank_values=True)
    return {
        **found,
        "aws:SecureTransport": (str(parts.scheme == "https").lower(),),
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
        "s3:ObjectCreationOperation": (str(not starts).lower(),),
    }
