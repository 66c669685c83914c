"""Fixtures of the fault harness, and its modules on the path."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

SEED = "GLUE_SECURE_FAULT_SEED"


@pytest.fixture(scope="session")
def fault_seed() -> int:
    """Return ``GLUE_SECURE_FAULT_SEED``, or a fixed seed."""
    return int(os.environ.get(SEED) or 20260)


@pytest.fixture(scope="session")
def proxy(glue_account):
    """Return a proxy in front of the account's endpoint that injects faults."""
    from fault_proxy import FaultProxy

    made = FaultProxy(glue_account.endpoint_url, glue_account.ca_pem, glue_account.server_pair)
    yield made
    made.close()


@pytest.fixture(scope="session")
def worker(glue_account, proxy):
    """Return a worker process that runs jobs in forked children, through the proxy."""
    from fault_bench import Worker

    made = Worker(glue_account, proxy)
    yield made
    made.close()


@pytest.fixture(scope="session")
def other_worker(glue_account):
    """Return a second worker process, which connects to the account directly."""
    from fault_bench import Worker

    made = Worker(glue_account, None)
    yield made
    made.close()
