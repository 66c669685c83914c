"""Fixtures for every test that asks for them; the project's own tests use the shipped ones."""

from pathlib import Path

import pytest
from tls_servers import make, serve

__all__ = ["make", "serve"]

# What fails fastest comes first: a broken unit need not wait for Spark, nor Spark for whole jobs.
ORDER = ("unit", "property", "contract", "spark", "evasions", "integration", "faults", "docs", "jobs")


def pytest_collection_modifyitems(items):
    """Run the folders in that order, and each folder as it is."""
    root = Path(__file__).parent

    def rank(item):
        folder = item.path.relative_to(root).parts[0] if item.path.is_relative_to(root) else ""
        return ORDER.index(folder) if folder in ORDER else len(ORDER)

    items.sort(key=rank)


@pytest.fixture(scope="session")
def provisioned(glue_account):
    """Keys and configuration of the embedded account."""
    from glue_secure.embedded.account_setup import provision

    return provision(glue_account)


@pytest.fixture(scope="session")
def mariadb(glue_account):
    """The system's MariaDB with TLS, its certificate from the embedded account's authority; skips without."""
    from glue_secure.embedded.mariadb import MariaDb, server_program

    if server_program() is None:
        pytest.skip("no MariaDB server on this machine (Debian: apt-get install mariadb-server-core)")
    with MariaDb(glue_account.scratch, glue_account.server_pair) as server:
        yield server
