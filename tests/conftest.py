"""Fixtures and the order of all tests. Tests also use the fixtures of glue_secure.testing.plugin."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tls_servers import make, serve

__all__ = ["make", "serve"]

# A busy machine must not make a property fail, and every run of the suite tries the same examples.
settings.register_profile(
    "suite", max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
# make test-long selects this profile: pytest --hypothesis-profile=thorough.
MANY = 2000
settings.register_profile("thorough", settings.get_profile("suite"), max_examples=MANY, derandomize=False)
settings.load_profile("suite")

# The fastest folders run first, then those with the longest files. Those with many short files run last: they
# occupy all processes while the longest files end.
ORDER = ("unit", "property", "contract", "jobs", "faults", "integration", "bypass", "docs", "spark")


# Every test of these folders depends on the Spark line.
SPARK_FOLDERS = ("spark", "bypass")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Sort the tests by the folders in ORDER, and mark those that make test-spark4 repeats with ``spark``.

    The order inside a folder does not change.

    Raises:
        UsageError: an id contains an object's address, which differs between the processes of a run, so that
            the run would stop.
    """
    addressed = [item.nodeid for item in items if re.search(r" at 0x[0-9a-f]+", item.nodeid)]
    if addressed:
        raise pytest.UsageError(f"pass ids to pytest.mark.parametrize: {addressed[0]}")
    root = Path(__file__).parent

    def folder(item):
        return item.path.relative_to(root).parts[0] if item.path.is_relative_to(root) else ""

    items.sort(key=lambda item: ORDER.index(folder(item)) if folder(item) in ORDER else len(ORDER))
    for item in items:
        if folder(item) in SPARK_FOLDERS or "glue_spark" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.spark)


@pytest.fixture(scope="session")
def provisioned(glue_account):
    """Return the keys and the security configuration of the embedded account."""
    from glue_secure.embedded.account_setup import provision

    return provision(glue_account)


@pytest.fixture
def without_request_guard(monkeypatch):
    """Let runs verify their writes with listings, as where the guard's JAR is not on the class path."""
    from glue_secure.engines.spark.engine import SparkEngine

    monkeypatch.setattr(SparkEngine, "guard_requests", lambda _engine, _policy: "switched off by a test")


@pytest.fixture(scope="session")
def mariadb(glue_account):
    """Run the system's MariaDB with a certificate of the embedded account; skip if it is not installed."""
    from glue_secure.embedded.mariadb import MariaDb, server_program

    if server_program() is None:
        pytest.skip("no MariaDB server on this machine (Debian: apt-get install mariadb-server-core)")
    with MariaDb(glue_account.scratch, glue_account.server_pair) as server:
        yield server
