"""One way out at a time, in a run of its own on the shared session and account."""

from __future__ import annotations

import pytest
from bypass_cases import open_way

from glue_secure.embedded.clients import clients


@pytest.fixture(scope="session")
def other_key(glue_account):
    """A second customer managed key."""
    return clients(glue_account)("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def way(glue_job, glue_account, provisioned, other_key, tmp_path):
    """A run that is open; the test ends it."""
    return open_way(glue_job, clients(glue_account), provisioned.data_key, other_key, tmp_path)
