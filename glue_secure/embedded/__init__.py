"""The embedded account: S3, KMS, Glue and Secrets Manager over TLS, PostgreSQL over TLS, on loopback.

It needs no Docker, AWS account, installed Java or root, and contains no real data. To run it:

- ``up(state=None, *, progress=None)``: start an account, or return the running one. It outlives the caller.
- ``status(state=None)``: return the running account, or None. ``down(state=None)``: stop it.
- ``embedded_account(state=None, *, progress=None)``: a context manager; the account ends with its process.

To use it:

- ``EmbeddedAccount``: addresses, credentials and files of the account.
- ``environment_of(account, *, master="local[2]")``, ``overlay(environment, account)``,
  ``export_lines(settings)``: the environment of a plain ``spark-submit script.py``.
- ``glue_secure.embedded.clients.clients(account)("s3")``: boto3 clients that reach this account only.

To fill it:

- ``seed_flights(account, *, months)``, ``land_month(account, month)``, ``ensure_job(account, name, script)``.
- ``glue_secure.embedded.fault_injection``: make a seeded account insecure, for tests of refusals.

Each name is imported when it is first used, so that importing this package is cheap.
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

_MODULES = {
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
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
