"""The embedded account: S3, KMS, Glue and Secrets Manager over TLS, PostgreSQL over TLS, on loopback.

It needs neither Docker nor AWS nor an installed Java nor root, and holds nothing real. Run it:

- ``up(state=None, *, progress=None)``: start it, or return the one that runs; it outlives the caller.
- ``status(state=None)``, ``down(state=None)``: the account that runs, or None; stop it.
- ``embedded_account(state=None, *, progress=None)``: a context manager; it dies with its process.

Use it:

- ``EmbeddedAccount``: where it is and how one gets in.
- ``environment_of(account, *, master="local[2]")``, ``overlay(environment, account)``,
  ``export_lines(settings)``: for a plain ``spark-submit script.py``.
- ``glue_secure.embedded.clients.clients(account)("s3")``: boto3 clients for it, and for nothing else.

Fill it, with the module ``changes`` to spoil it again:

- ``seed_flights(account, *, months)``, ``land_month(account, month)``, ``ensure_job(account, name, script)``.

Importing this package costs nothing: each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glue_secure.embedded.account import EmbeddedAccount
    from glue_secure.embedded.environment import environment_of, export_lines, overlay
    from glue_secure.embedded.lifecycle import down, embedded_account, status, up
    from glue_secure.embedded.seed import FlightsSeed, ensure_job, land_month, seed_flights

__all__ = [
    "EmbeddedAccount",
    "FlightsSeed",
    "down",
    "embedded_account",
    "ensure_job",
    "environment_of",
    "export_lines",
    "land_month",
    "overlay",
    "seed_flights",
    "status",
    "up",
]

_HOMES = {
    "EmbeddedAccount": "account",
    "FlightsSeed": "seed",
    "down": "lifecycle",
    "embedded_account": "lifecycle",
    "ensure_job": "seed",
    "environment_of": "environment",
    "export_lines": "environment",
    "land_month": "seed",
    "overlay": "environment",
    "seed_flights": "seed",
    "status": "lifecycle",
    "up": "lifecycle",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
