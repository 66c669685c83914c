"""The accounts of an audit: the caller's own, and those of an organisation by assumed roles."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.aws.regions import partition_of
from glue_secure.aws.session import AwsSession
from glue_secure.core.errors import UsageError, VerificationError
from glue_secure.core.service import ServiceError

_SESSION = "glue-secure-audit"


@dataclass(frozen=True, slots=True)
class AuditedAccount:
    """One account in one AWS Region.

    Attributes:
        session: a session with credentials of the account.
        account: the account's twelve digits.
        region: the AWS Region.
    """

    session: AwsSession
    account: str
    region: str
    _sessions: dict[str, AwsSession] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def partition(self) -> str:
        """The partition of the Region: ``aws``, ``aws-cn``, ..."""
        return partition_of(self.region)[0]

    def client_of(self, service: str, region: str) -> Any:
        """Return the client of a service in a Region. Threads can call it at the same time."""
        with self._lock:
            if region == self.session.region:
                return self.session.client(service)
            if region not in self._sessions:
                self._sessions[region] = self.session.in_region(region)
            return self._sessions[region].client(service)


def audited_accounts(
    session: AwsSession,
    *,
    regions: Sequence[str] = (),
    roles: Sequence[str] = (),
    organization_role: str = "",
) -> Iterator[AuditedAccount]:
    """Yield the accounts of an audit, in each of the Regions.

    Args:
        session: the caller's session.
        regions: AWS Regions; the session's without any.
        roles: ARNs of roles to assume; the caller's own account without any.
        organization_role: name of a role to assume in every active account of the organisation.

    Raises:
        VerificationError: GS-SEC-008, the accounts cannot be determined.
    """
    if organization_role:
        account, partition = _account(session), partition_of(session.region)[0]
        accounts = _accounts_of_organization(session)
        roles = [
            f"arn:{partition}:iam::{number}:role/{organization_role}"
            for number in accounts
            if number != account
        ]
        for region in regions or (session.region,):
            yield AuditedAccount(session.in_region(region), account, region)
    for region in regions or (session.region,):
        for role in roles:
            account = _account_of_role(role)
            yield AuditedAccount(session.assuming(role, _SESSION, region), account, region)
        if not roles and not organization_role:
            yield AuditedAccount(session.in_region(region), _account(session), region)


def _account(session: AwsSession) -> str:
    try:
        return session.account
    except ServiceError as error:
        raise _unavailable(
            "the account", error, "credentials of the account, and a route to AWS STS"
        ) from error


def _account_of_role(role: str) -> str:
    parts = role.split(":")
    if len(parts) != 6 or parts[2] != "iam" or not parts[5].startswith("role/"):
        raise UsageError("--assume-role", found=repr(role), required="arn:PARTITION:iam::ACCOUNT:role/NAME")
    return parts[4]


def _accounts_of_organization(session: AwsSession) -> list[str]:
    client, accounts = session.client("organizations"), []
    arguments: dict[str, Any] = {}
    try:
        while True:
            with translate_errors("ListAccounts"):
                page: Mapping[str, Any] = client.list_accounts(**arguments)
            accounts += [shape["Id"] for shape in page.get("Accounts", ()) if shape.get("Status") == "ACTIVE"]
            if not page.get("NextToken"):
                return accounts
            arguments["NextToken"] = page["NextToken"]
    except ServiceError as error:
        raise _unavailable(
            "the organisation's accounts",
            error,
            "organizations:ListAccounts, from the management account or a delegated administrator",
        ) from error


def _unavailable(resource: str, error: ServiceError, fix: str) -> VerificationError:
    return VerificationError(
        "GS-SEC-008",
        resource=resource,
        found=str(error),
        required=f"the answer of {error.operation}",
        fix=fix,
        aws_code=error.code,
    )
