"""Fixtures and the order of all tests. Tests also use the fixtures of glue_secure.testing.plugin."""

from pathlib import Path

import pytest
from tls_servers import make, serve

__all__ = ["make", "serve"]

# The fastest folders run first.
ORDER = ("unit", "property", "contract", "spark", "bypass", "integration", "faults", "docs", "jobs")


def pytest_collection_modifyitems(items):
    """Sort the tests by the folders in ORDER. The order inside a folder does not change."""
    root = Path(__file__).parent

    def rank(item):
        folder = item.path.relative_to(root).parts[0] if item.path.is_relative_to(root) else ""
        return ORDER.index(folder) if folder in ORDER else len(ORDER)

    items.sort(key=rank)


@pytest.fixture(scope="session")
def provisioned(glue_account):
    """Return the keys and the security configuration of the embedded account."""
    from glue_secure.embedded.account_setup import provision

    return provision(glue_account)


@pytest.fixture(scope="session")
def mariadb(glue_account):
    """Run the system's MariaDB with a certificate of the embedded account; skip if it is not installed."""
    from glue_secure.embedded.mariadb import MariaDb, server_program

    if server_program() is None:
        pytest.skip("no MariaDB server on this machine (Debian: apt-get install mariadb-server-core)")
    with MariaDb(glue_account.scratch, glue_account.server_pair) as server:
        yield server
