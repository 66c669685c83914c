"""Fixtures for every test that asks for them; the project's own tests use the shipped ones."""

import pytest


@pytest.fixture(scope="session")
def foundation(glue_account):
    """Keys and configuration of the embedded account."""
    from glue_secure.local.foundation import lay

    return lay(glue_account)
