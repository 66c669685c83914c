from collections.abc import Iterator

import pytest

from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.lifecycle import embedded_account


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAccount]:
    """An account in a folder whose path has a space, shared by the tests of a module."""
    with embedded_account(tmp_path_factory.mktemp("a path") / "state") as running:
        yield running
