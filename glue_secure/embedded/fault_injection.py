"""Spoil a seeded account on purpose, one thing at a time, and mend it: for demonstrations and tests.

None of this belongs near a real account, and none of it can reach one: the clients are the
embedded account's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.clients import clients

_NOT_IN_UPDATE = ("Name", "CreatedOn", "LastModifiedOn", "AllocatedCapacity", "ProfileName")


def attach_configuration(account: EmbeddedAccount, job: str, configuration: str | None) -> str | None:
    """Attach another security configuration to a job, or none. Returns the one it had."""
    held = update_job(account, job, SecurityConfiguration=configuration)
    return held.get("SecurityConfiguration") or None


def update_job(account: EmbeddedAccount, job: str, **changes: Any) -> dict[str, Any]:
    """Change members of a job's definition; None leaves a member out. Returns the definition before."""
    glue = clients(account)("glue")
    held = dict(glue.get_job(JobName=job)["Job"])
    kept = {name: value for name, value in held.items() if name not in _NOT_IN_UPDATE}
    update = {name: value for name, value in {**kept, **changes}.items() if value is not None}
    glue.update_job(JobName=job, JobUpdate=update)
    return held


def change_connection(account: EmbeddedAccount, connection: str, **properties: str | None) -> dict[str, str]:
    """Change properties of a connection; None leaves one out. Returns the properties before."""
    glue = clients(account)("glue")
    held = glue.get_connection(Name=connection, HidePassword=False)["Connection"]
    before = dict(held["ConnectionProperties"])
    after = {name: value for name, value in {**before, **properties}.items() if value is not None}
    glue.update_connection(
        Name=connection,
        ConnectionInput={
            "Name": connection,
            "ConnectionType": held["ConnectionType"],
            "ConnectionProperties": after,
        },
    )
    return before


def schedule_key_deletion(account: EmbeddedAccount, key: str, *, days: int = 7) -> None:
    """Put a key into ``PendingDeletion``. Days from 7 to 30, as in KMS."""
    # moto finds the key here by its id alone, and answers 500 to an ARN.
    clients(account)("kms").schedule_key_deletion(KeyId=_key_id(key), PendingWindowInDays=days)


def restore_key(account: EmbeddedAccount, key: str) -> None:
    """Take a key out of ``PendingDeletion`` and enable it."""
    kms = clients(account)("kms")
    kms.cancel_key_deletion(KeyId=_key_id(key))
    kms.enable_key(KeyId=_key_id(key))


def _key_id(key: str) -> str:
    return key.rpartition("/")[2]


@contextmanager
def attached_configuration(account: EmbeddedAccount, job: str, configuration: str | None) -> Iterator[None]:
    """Attach another configuration for the length of a block."""
    before = attach_configuration(account, job, configuration)
    try:
        yield
    finally:
        attach_configuration(account, job, before)


@contextmanager
def key_pending_deletion(account: EmbeddedAccount, key: str) -> Iterator[None]:
    """Have a key pending deletion for the length of a block."""
    schedule_key_deletion(account, key)
    try:
        yield
    finally:
        restore_key(account, key)


@contextmanager
def changed_connection(account: EmbeddedAccount, connection: str, **properties: str | None) -> Iterator[None]:
    """Have a connection's properties changed for the length of a block."""
    before = change_connection(account, connection, **properties)
    try:
        yield
    finally:
        added = dict.fromkeys(properties.keys() - before.keys())
        change_connection(account, connection, **added, **before)


@contextmanager
def database_certificate(account: EmbeddedAccount, *names: str) -> Iterator[None]:
    """Have the database present a certificate of the account's own authority for other names."""
    import datetime as dt

    from glue_secure.embedded import pki
    from glue_secure.embedded.postgres import present_certificate

    now = dt.datetime.now(dt.timezone.utc)
    pair = pki.issue(
        account.authority,
        names,
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
