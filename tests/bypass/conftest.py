"""One bypass attempt at a time, in a separate run on the shared session and account."""

from __future__ import annotations

import pytest
from bypass_cases import open_bypass

from glue_secure.embedded.clients import clients


@pytest.fixture(scope="session")
def other_key(glue_account):
    """Return a second customer managed key."""
    return clients(glue_account)("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def bypass(glue_job, glue_account, provisioned, other_key, tmp_path):
    """Return a started run; the test ends it."""
    return open_bypass(glue_job, clients(glue_account), provisioned.data_key, other_key, tmp_path)
