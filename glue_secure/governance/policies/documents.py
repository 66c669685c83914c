"""ARNs in one account and region, and short forms of statements, for generated policies."""

from __future__ import annotations

from dataclasses import dataclass

from glue_secure.core.policy_documents import PolicyCondition, Statement


@dataclass(frozen=True, slots=True)
class PolicyScope:
    """Region, account and partition of ARNs: literals, or references that a template resolves."""

    region: str
    account: str
    partition: str = "aws"

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


def equals(key: str, *values: str) -> PolicyCondition:
    """Return a ``StringEquals`` condition."""
    return PolicyCondition("StringEquals", key, values)
