"""Make a seeded embedded account insecure, one property at a time, and restore it.

For demonstrations and tests. The clients are those of the embedded account, so no other account can change.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from glue_secure.embedded import pki
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.clients import clients
from glue_secure.embedded.postgres import present_certificate

_NOT_IN_UPDATE = ("Name", "CreatedOn", "LastModifiedOn", "AllocatedCapacity", "ProfileName")


def attach_configuration(account: EmbeddedAccount, job: str, configuration: str | None) -> str | None:
    """Attach a security configuration to a job; None detaches it. Return the previous name."""
    before = update_job(account, job, SecurityConfiguration=configuration)
    return before.get("SecurityConfiguration") or None


def update_job(account: EmbeddedAccount, job: str, **changes: Any) -> dict[str, Any]:
    """Change members of a job's definition; None removes a member. Return the previous definition."""
    glue = clients(account)("glue")
    before = dict(glue.get_job(JobName=job)["Job"])
    unchanged = {name: value for name, value in before.items() if name not in _NOT_IN_UPDATE}
    update = {name: value for name, value in {**unchanged, **changes}.items() if value is not None}
    glue.update_job(JobName=job, JobUpdate=update)
    return before


def change_connection(account: EmbeddedAccount, connection: str, **properties: str | None) -> dict[str, str]:
    """Change properties of a connection; None removes a property. Return the previous properties."""
    glue = clients(account)("glue")
    definition = glue.get_connection(Name=connection, HidePassword=False)["Connection"]
    before = dict(definition["ConnectionProperties"])
    after = {name: value for name, value in {**before, **properties}.items() if value is not None}
    glue.update_connection(
        Name=connection,
        ConnectionInput={
            "Name": connection,
            "ConnectionType": definition["ConnectionType"],
            "ConnectionProperties": after,
        },
    )
    return before


def schedule_key_deletion(account: EmbeddedAccount, key: str, *, days: int = 7) -> None:
    """Schedule the deletion of a key, which changes its state to ``PendingDeletion``. Days: 7 to 30."""
    # moto finds the key here by its id only, and returns HTTP 500 for an ARN.
    clients(account)("kms").schedule_key_deletion(KeyId=_key_id(key), PendingWindowInDays=days)


def restore_key(account: EmbeddedAccount, key: str) -> None:
    """Cancel the deletion of a key and enable it."""
    kms = clients(account)("kms")
    kms.cancel_key_deletion(KeyId=_key_id(key))
    kms.enable_key(KeyId=_key_id(key))


def _key_id(key: str) -> str:
    return key.rpartition("/")[2]


@contextmanager
def attached_configuration(account: EmbeddedAccount, job: str, configuration: str | None) -> Iterator[None]:
    """Attach another security configuration to a job during the block."""
    before = attach_configuration(account, job, configuration)
    try:
        yield
    finally:
        attach_configuration(account, job, before)


@contextmanager
def key_pending_deletion(account: EmbeddedAccount, key: str) -> Iterator[None]:
    """Set a key's state to ``PendingDeletion`` during the block."""
    schedule_key_deletion(account, key)
    try:
        yield
    finally:
        restore_key(account, key)


@contextmanager
def changed_connection(account: EmbeddedAccount, connection: str, **properties: str | None) -> Iterator[None]:
    """Change properties of a connection during the block."""
    before = change_connection(account, connection, **properties)
    try:
        yield
    finally:
        added = dict.fromkeys(properties.keys() - before.keys())
        change_connection(account, connection, **added, **before)


@contextmanager
def database_certificate(account: EmbeddedAccount, *host_names: str) -> Iterator[None]:
    """Let the database present a certificate of the account's own authority for other host names."""
    now = dt.datetime.now(dt.timezone.utc)
    pair = pki.issue(
        account.authority,
        host_names,
        folder=account.scratch,
        stem="other",
        not_before=now - pki.SKEW,
        not_after=now + pki.LIFETIME,
    )
    present_certificate(account.postgres, pair)
    try:
        yield
    finally:
        present_certificate(account.postgres, account.server_pair)
