"""ARNs in one account and region, and short forms of statements, for generated policies."""

from __future__ import annotations

from dataclasses import dataclass

from glue_secure.core.policy_documents import PolicyCondition, Statement


@dataclass(frozen=True, slots=True)
class PolicyScope:
    """Region, account and partition of ARNs: literals, or references that a template resolves.

    Attributes:
        region: for example ``eu-west-1``.
        account: twelve digits.
        partition: ``aws``, ``aws-cn``, ...
        suffix: of the partition's host names, for example ``amazonaws.com.cn``.
    """

    region: str
    account: str
    partition: str = "aws"
    suffix: str = "amazonaws.com"

    def arn(self, service: str, resource: str) -> str:
        """Return ``arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE``."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def role(self, name: str) -> str:
        """Return the ARN of a role."""
        return f"arn:{self.partition}:iam::{self.account}:role/{name}"

    @property
    def root(self) -> str:
        """ARN of the account, which as a principal delegates to its IAM policies."""
        return f"arn:{self.partition}:iam::{self.account}:root"

    def bucket(self, name: str, path: str = "") -> str:
        """Return the ARN of a bucket, or of the objects at ``path`` in it."""
        return f"arn:{self.partition}:s3:::{name}{'/' + path if path else ''}"


def allow(sid: str, *actions: str, on: tuple[str, ...], when: tuple[PolicyCondition, ...] = ()) -> Statement:
    """Return an Allow statement of an identity policy."""
    return Statement(sid, "Allow", actions, on, None, when)


def through(scope: PolicyScope, *services: str) -> PolicyCondition:
    """Return the condition that a service makes the request to KMS, on behalf of the caller."""
    return PolicyCondition("StringLike", "kms:ViaService", via_service(scope.region, *services))


def via_service(region: str, *services: str) -> tuple[str, ...]:
    """Return the patterns of ``kms:ViaService`` for services in a Region, or in every one for ``*``.

    The value ends with the partition's suffix or with ``amazonaws.com``; AWS KMS sets it.
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    """
    return tuple(f"{service}.{region}.amazonaws.*" for service in services)


def equals(key: str, *values: str) -> PolicyCondition:
    """Return a ``StringEquals`` condition."""
    return PolicyCondition("StringEquals", key, values)
