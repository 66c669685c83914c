"""pytest fixtures for tests of jobs: an embedded account, a Spark session, and a harness for one job.

pytest loads them with the package (entry point ``pytest11``). A fixture does nothing until a test uses it.
"""

from __future__ import annotations

import functools
import os
import sys
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from glue_secure.run.runtime_selection import RUNTIME, SPARK

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from glue_secure.embedded.account import EmbeddedAccount
    from glue_secure.testing.harness import JobTestHarness


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Select the plain-Spark runtime, unless the environment names a runtime.

    The awsglue-compatible modules select the runtime when a test module or conftest file imports them, which
    is before any fixture. No hook runs earlier than this one.
    """
    if not os.environ.get(RUNTIME):
        os.environ[RUNTIME] = SPARK
        early_config.add_cleanup(_unset_runtime)


def pytest_runtest_setup() -> None:
    """Let each test store objects with boto3, although a run of an earlier test has ended.

    In a job's process, storing calls after ``job.commit`` are rejected.
    """
    guard = sys.modules.get("glue_secure.aws.botocore_guard")
    if guard is not None:
        guard.forget_ended_runs()
    children = sys.modules.get("glue_secure.verification.child_processes")
    if children is not None:
        children.CHILD_PROCESSES.forget_ended_run()


def pytest_unconfigure() -> None:
    """Close runs that tests left open. At the end of a job's process, they would be verified."""
    hooks = sys.modules.get("glue_secure.run.process_hooks")
    if hooks is not None:
        hooks.close_open_runs()


def _unset_runtime() -> None:
    os.environ.pop(RUNTIME, None)


@pytest.fixture(scope="session")
def glue_account() -> Iterator[EmbeddedAccount]:
    """Run an embedded account with keys and buckets during the session, and set the environment to use it.

    The account also ends if the process ends for any reason.
    """
    import botocore.loaders
    import botocore.session

    from glue_secure.embedded import environment
    from glue_secure.embedded.account_setup import provision
    from glue_secure.embedded.lifecycle import embedded_account

    with embedded_account() as account, pytest.MonkeyPatch.context() as patch:
        # Each run creates its clients, and botocore would parse the services' models again for each session.
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.loaders.create_loader))
        variables = environment.overlay(os.environ, account)
        for name in set(os.environ) - set(variables):
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        provision(account)
        yield account


@pytest.fixture(scope="session")
def glue_spark(glue_account: EmbeddedAccount) -> Iterator[SparkSession]:  # noqa: ARG001 - sets the environment
    """Create a ``SparkSession`` that uses the embedded account, one for the whole test session."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("glue-secure tests")
    # Tests write their input with Spark before a run, and read and write after it.
    session = builder.config("spark.glueSecure.outsideRuns", "allow").getOrCreate()
    yield session
    session.stop()


@pytest.fixture
def glue_job(glue_account: EmbeddedAccount, glue_spark: SparkSession) -> Iterator[JobTestHarness]:
    """Create a harness for one job: upload files, run the job, and read objects, results and evidence."""
    from glue_secure.testing.harness import JobTestHarness

    harness = JobTestHarness(account=glue_account, spark=glue_spark, name=f"job-{uuid.uuid4().hex[:12]}")
    yield harness
    harness.close()
