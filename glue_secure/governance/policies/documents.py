"""The names that generated policies use: ARNs in one account and region, and short forms of statements."""

from __future__ import annotations

from dataclasses import dataclass

from glue_secure.core.policy_documents import Condition, Statement


@dataclass(frozen=True, slots=True)
class PolicyScope:
    """Where ARNs lie: literals, or references that a template resolves."""

    region: str
    account: str
    partition: str = "aws"

    def arn(self, service: str, resource: str) -> str:
        """``arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE``."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def role(self, name: str) -> str:
        """A role's ARN."""
        return f"arn:{self.partition}:iam::{self.account}:role/{name}"

    @property
    def root(self) -> str:
        """The account itself: whoever its IAM policies name."""
        return f"arn:{self.partition}:iam::{self.account}:root"

    def bucket(self, name: str, path: str = "") -> str:
        """A bucket's ARN, or that of what lies under ``path`` in it."""
        return f"arn:{self.partition}:s3:::{name}{'/' + path if path else ''}"


def allow(sid: str, *actions: str, on: tuple[str, ...], when: tuple[Condition, ...] = ()) -> Statement:
    """An identity policy's allow."""
    return Statement(sid, "Allow", actions, on, None, when)


def equals(key: str, *values: str) -> Condition:
    """``StringEquals``."""
    return Condition("StringEquals", key, values)
