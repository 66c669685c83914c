"""The Data Catalog for Spark SQL: encrypted, or it is not called."""

from contextlib import contextmanager
from datetime import datetime, timezone

import pytest

from glue_secure import RefusedError
from glue_secure.catalog.encrypted_catalog import EncryptedCatalog
from glue_secure.catalog.encrypted_metastore import EncryptedMetastore
from glue_secure.core.catalog_encryption import CatalogEncryption
from glue_secure.core.recorder import RunRecorder
from glue_secure.testing.fakes import FakeControlPlane, FakeKeyService


class Calls:
    """A metastore that records its calls."""

    def __init__(self):
        self.made = []

    def __getattr__(self, name):
        def call(*arguments):
            self.made.append(name)
            return iter(())

        return call


@contextmanager
def operation(*_):
    yield


def checked_metastore(encryption):
    recorder, calls = RunRecorder(started=datetime(2026, 1, 1, tzinfo=timezone.utc)), Calls()
    plane = FakeControlPlane(encryption={None: encryption})
    catalog = EncryptedCatalog(
        plane, keys=FakeKeyService(), account="123456789012", region="eu-west-1", recorder=recorder
    )
    return EncryptedMetastore(calls, catalog=catalog, recorder=recorder, operation=operation), calls


CALLS = {
    "databases": (),
    "database": ("d",),
    "create_database": ({"Name": "d"},),
    "update_database": ("d", {"Name": "d"}),
    "delete_database": ("d",),
    "table_shapes": ("d",),
    "table_shape": ("d", "t"),
    "create_table_shape": ("d", {"Name": "t"}),
    "update_table": ("d", {"Name": "t"}),
    "delete_table": ("d", "t"),
    "partition_shapes": ("d", "t"),
    "partition_shape": ("d", "t", ["1"]),
    "create_partition_shapes": ("d", "t", [{"Values": ["1"]}]),
    "update_partition": ("d", "t", ["1"], {"Values": ["1"]}),
    "delete_partition": ("d", "t", ["1"]),
}


@pytest.mark.parametrize("call", CALLS)
def test_gs_cat_001_no_call_reaches_a_catalog_that_is_not_encrypted(call):
    metastore, calls = checked_metastore(CatalogEncryption())
    with pytest.raises(RefusedError, match="GS-CAT-001"):
        list(getattr(metastore, call)(*CALLS[call]) or ())
    assert calls.made == []
