"""pytest fixtures for tests of jobs: an embedded account, a Spark session, and a harness for one job.

pytest loads them with the package (entry point ``pytest11``). A fixture does nothing until a test uses it.

With ``--glue-secure-test-mode``, or ``glue_secure_test_mode = true`` in pytest's configuration, the embedded
account runs during the whole session, and every ``GlueContext`` works in it
(:mod:`glue_secure.run.test_mode`).
"""

from __future__ import annotations

import functools
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from glue_secure.run import automatic_start
from glue_secure.run.runtime_selection import RUNTIME, SPARK

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from glue_secure.context import GlueContext
    from glue_secure.embedded.account import EmbeddedAccount
    from glue_secure.run.test_mode import TestMode
    from glue_secure.testing.harness import JobTestHarness


_MODE = "glue_secure_test_mode"
_STATE = "glue_secure_account"
_ACCOUNT = pytest.StashKey["EmbeddedAccount"]()
# Spark reads and writes of a test are outside of a run.
_OUTSIDE_RUNS = "spark.glueSecure.outsideRuns"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the setting of the test mode."""
    text = "Let every GlueContext work in an embedded account that runs during the session."
    parser.getgroup("glue-secure").addoption(
        "--glue-secure-test-mode", dest=_MODE, action="store_true", default=False, help=text
    )
    parser.addini(_MODE, text, type="bool", default=False)
    text = "Use the embedded account of this state folder, and leave it running for the next session."
    parser.getgroup("glue-secure").addoption(
        "--glue-secure-account", dest=_STATE, metavar="FOLDER", help=text
    )
    parser.addini(_STATE, text, default="")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the embedded account of the test mode, before test modules are imported."""
    config = session.config
    # With pytest-xdist, the tests run in other processes.
    distributes = getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput")
    if distributes or not (config.getoption(_MODE) or config.getini(_MODE)):
        return
    from glue_secure.run import test_mode

    with ExitStack() as stack:
        account = stack.enter_context(running_account(_state(config)))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("PYSPARK_SUBMIT_ARGS", f"--conf {_OUTSIDE_RUNS}=allow pyspark-shell")
        stack.enter_context(test_mode.enabled(_test_mode(account)))
        config.stash[_ACCOUNT] = account
        config.add_cleanup(stack.pop_all().close)


def _test_mode(account: EmbeddedAccount) -> TestMode:
    from glue_secure.core.arguments import BOOKMARK_URI, EVIDENCE_URI
    from glue_secure.embedded.account_setup import BOOKMARKS_URI
    from glue_secure.embedded.account_setup import EVIDENCE_URI as EVIDENCE
    from glue_secure.embedded.seed import ensure_job
    from glue_secure.run.test_mode import TestMode

    return TestMode(
        job=f"test-{uuid.uuid4().hex[:12]}",
        register=functools.partial(ensure_job, account),
        defaults={BOOKMARK_URI: BOOKMARKS_URI, EVIDENCE_URI: EVIDENCE},
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Select the plain-Spark runtime by default, and let no run start without ``job.init``.

    The awsglue-compatible modules select the runtime when a test module or conftest file imports them, which
    is before any fixture. No hook runs earlier than this one.
    """
    automatic_start.forbid()
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
def glue_account(pytestconfig: pytest.Config) -> Iterator[EmbeddedAccount]:
    """Run an embedded account with keys and buckets during the session, and set the environment to use it.

    The account also ends if the process ends for any reason. In the test mode, it is the account of the mode.
    """
    account = pytestconfig.stash.get(_ACCOUNT, None)
    if account is not None:
        yield account
        return
    with running_account(_state(pytestconfig)) as account:
        yield account


def _state(config: pytest.Config) -> Path | None:
    """Return the state folder that the configuration names, one for each process of pytest-xdist."""
    folder = config.getoption(_STATE) or config.getini(_STATE)
    if not folder:
        return None
    worker = getattr(config, "workerinput", {}).get("workerid", "")
    return Path(config.rootpath, f"{folder}-{worker}" if worker else folder)


@contextmanager
def running_account(state: Path | None = None) -> Iterator[EmbeddedAccount]:
    """Run an embedded account with keys and buckets, and set the environment to use it during the block.

    Args:
        state: folder of an account that is started if it does not run, and left running. Default: a new one.
    """
    import botocore.loaders
    import botocore.session

    from glue_secure.embedded import databases, environment
    from glue_secure.embedded.account_setup import provision
    from glue_secure.embedded.lifecycle import embedded_account, up

    source = embedded_account() if state is None else nullcontext(up(state))
    with source as account, pytest.MonkeyPatch.context() as patch:
        # Each run creates its clients, and botocore would parse the services' models again for each session.
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.loaders.create_loader))
        variables = environment.overlay(os.environ, account)
        for name in set(os.environ) - set(variables):
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        provision(account)
        try:
            yield account
        finally:
            databases.end_servers(account)


@pytest.fixture(scope="session")
def glue_spark(glue_account: EmbeddedAccount, pytestconfig: pytest.Config) -> Iterator[SparkSession]:
    """Create a ``SparkSession`` that uses the embedded account, one for the whole test session.

    With ``--glue-secure-account``, Spark is left running for the next test session.
    """
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    with ExitStack() as stack:
        # A test or conftest file may have started Spark, with settings of its own.
        if _state(pytestconfig) is not None and SparkContext._active_spark_context is None:
            from glue_secure.testing.warm_session import running_session

            warm = stack.enter_context(running_session(glue_account))
            if warm is not None:
                yield warm
                return
        builder = SparkSession.builder.appName("glue-secure tests")
        # Tests write their input with Spark before a run, and read and write after it.
        session = builder.config(_OUTSIDE_RUNS, "allow").getOrCreate()
        yield session
        session.stop()


@pytest.fixture
def glue_job(glue_account: EmbeddedAccount, glue_spark: SparkSession) -> Iterator[JobTestHarness]:
    """Create a harness for one job: upload files, run the job, and read objects, results and evidence."""
    from glue_secure.testing.harness import JobTestHarness

    harness = JobTestHarness(account=glue_account, spark=glue_spark, name=f"job-{uuid.uuid4().hex[:12]}")
    yield harness
    harness.close()


@pytest.fixture
def glue_context(glue_account: EmbeddedAccount, glue_spark: SparkSession) -> Iterator[GlueContext]:
    """Create a ``GlueContext`` that reads and writes in the embedded account, in the test mode.

    Its run starts with the first read or write. A job that the test starts on it with ``job.init`` is
    registered by itself.
    """
    from glue_secure.context import GlueContext
    from glue_secure.run import test_mode

    with test_mode.enabled(_test_mode(glue_account)):
        context = GlueContext(glue_spark.sparkContext)
        yield context
        test_mode.end(context.secured_run)
