"""pytest fixtures for tests of jobs: an embedded account, a Spark session on it, and a bench for one job.

They load with the package (entry point ``pytest11``) and cost nothing until a test asks for one.
"""

from __future__ import annotations

import functools
import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from glue_secure.run.runtime_selection import RUNTIME, SPARK

if TYPE_CHECKING:
    from glue_secure.embedded.account import EmbeddedAccount
    from glue_secure.testing.harness import JobTestHarness


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Tests run on the plain-Spark runtime unless the environment names one.

    Test modules and conftest files import the doors before any fixture runs, and a door asks which
    runtime serves it then. No hook runs earlier than this one.
    """
    if not os.environ.get(RUNTIME):
        os.environ[RUNTIME] = SPARK
        early_config.add_cleanup(_forget_runtime)


def _forget_runtime() -> None:
    os.environ.pop(RUNTIME, None)


@pytest.fixture(scope="session")
def glue_account() -> Iterator[EmbeddedAccount]:
    """A running embedded account, filled, with this process's environment pointing at it.

    It ends with the session, and with the process however that ends.
    """
    import botocore.loaders
    import botocore.session

    from glue_secure.embedded import environment
    from glue_secure.embedded.account_setup import provision
    from glue_secure.embedded.lifecycle import embedded_account

    with embedded_account() as account, pytest.MonkeyPatch.context() as patch:
        # Each run makes its clients, and botocore parses the services' models anew for each session.
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.loaders.create_loader))
        wanted = environment.overlay(os.environ, account)
        for name in set(os.environ) - set(wanted):
            patch.delenv(name)
        for name, value in wanted.items():
            patch.setenv(name, value)
        provision(account)
        yield account


@pytest.fixture(scope="session")
def glue_spark(glue_account: EmbeddedAccount) -> Iterator[Any]:  # noqa: ARG001 - it sets the environment
    """A ``SparkSession`` on the embedded account, one for the whole test session."""
    from pyspark.sql import SparkSession

    session = SparkSession.builder.appName("glue-secure tests").getOrCreate()
    yield session
    session.stop()


@pytest.fixture
def glue_job(glue_account: EmbeddedAccount, glue_spark: Any) -> Iterator[JobTestHarness]:
    """A bench for one job: land files, run, look at objects, results and evidence."""
    from glue_secure.testing.harness import JobTestHarness

    bench = JobTestHarness(account=glue_account, spark=glue_spark, name=f"job-{uuid.uuid4().hex[:12]}")
    yield bench
    bench.close()
