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
    """``GLUE_SECURE_FAULT_SEED``, else a fixed one."""
    return int(os.environ.get(SEED) or 20260)


@pytest.fixture(scope="session")
def proxy(glue_account):
    """The account's endpoint behind a proxy that does harm."""
    from fault_proxy import FaultProxy

    made = FaultProxy(glue_account.endpoint_url, glue_account.ca_pem, glue_account.server_pair)
    yield made
    made.close()


@pytest.fixture(scope="session")
def worker(glue_account, proxy):
    """A process that runs jobs in forked children."""
    from fault_bench import Worker

    made = Worker(glue_account, proxy)
    yield made
    made.close()


@pytest.fixture(scope="session")
def other_worker(glue_account):
    """A second such process, past the proxy."""
    from fault_bench import Worker

    made = Worker(glue_account, None)
    yield made
    made.close()
