"""GS-CAT: a run uses a Data Catalog only if it is encrypted, and records the objects that it uses."""

import pytest

from glue_secure.core.catalog import CatalogColumn, CatalogPartition, CatalogTable
from glue_secure.core.catalog_encryption import CatalogEncryption
from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.service import ServiceError
from glue_secure.core.table_definition import TableDefinition

TABLE = CatalogTable(
    "db", "t", "s3://landing/t/", "csv", "", {}, {}, (CatalogColumn("a", "string"),), version="3"
)


def encrypt(run_fixture, **changes):
    key = str(run_fixture.key)
    good = {"mode": "SSE-KMS", "key": key, "passwords": True, "password_key": key}
    run_fixture.control_plane.encryption[None] = CatalogEncryption(**good | changes)


def refused(run_fixture, call, kind=RefusedError):
    run = run_fixture.start()
    with pytest.raises(kind) as caught:
        call(run)
    assert type(caught.value) is kind
    return caught.value


def read(run):
    return run.catalog_reader.read_table("db", "t")


def connect(run):
    return run.reader.read_jdbc("ops", "airlines")


WRITES = [
    lambda run: run.catalog.table("db", "t"),
    lambda run: run.catalog.existing_table("db", "t"),
    lambda run: run.catalog.create(TableDefinition("db", "t", "s3://curated/t/", "csv", ())),
    lambda run: run.catalog.replace_columns(
        TableDefinition("db", "t", "s3://curated/t/", "csv", ()), (("a", "int"),)
    ),
    lambda run: run.catalog.add_partitions(
        TableDefinition("db", "t", "s3://curated/t/", "csv", ()), {("1",): "s3://curated/t/m=1/"}
    ),
    lambda run: run.catalog.delete_partitions(
        TableDefinition("db", "t", "s3://curated/t/", "csv", ()), [("1",)]
    ),
]


@pytest.mark.parametrize("changes", [{"mode": "DISABLED"}, {"key": ""}, {"mode": "SSE-S3"}])
@pytest.mark.parametrize("call", [read, connect, *WRITES])
def test_gs_cat_001_an_unencrypted_catalog_is_not_used(run_fixture, call, changes):
    run_fixture.control_plane.tables["db", "t"] = TABLE
    encrypt(run_fixture, **changes)
    assert refused(run_fixture, call).control == "GS-CAT-001"
    assert run_fixture.control_plane.definitions == {}
    assert run_fixture.log == []


@pytest.mark.parametrize("changes", [{"passwords": False}, {"password_key": ""}])
def test_gs_cat_002_no_connection_is_read_if_passwords_are_not_encrypted(run_fixture, changes):
    encrypt(run_fixture, **changes)
    assert refused(run_fixture, connect).control == "GS-CAT-002"
    assert run_fixture.log == []


def test_password_encryption_is_required_for_connections_only(run_fixture):
    run_fixture.control_plane.tables["db", "t"] = TABLE
    encrypt(run_fixture, passwords=False)
    assert read(run_fixture.start()) == []


def test_gs_cat_003_denied_settings_stop_the_run(run_fixture, monkeypatch):
    def denied(_plane, catalog_id=None):
        raise ServiceError("no", code="AccessDeniedException", operation="GetDataCatalogEncryptionSettings")

    run_fixture.control_plane.tables["db", "t"] = TABLE
    monkeypatch.setattr(type(run_fixture.control_plane), "catalog_encryption", denied)
    error = refused(run_fixture, read, VerificationError)
    assert (error.control, error.aws_code) == ("GS-CAT-003", "AccessDeniedException")


@pytest.mark.parametrize(
    ("changes", "control"),
    [
        ({"state": "PendingDeletion"}, "GS-KMS-002"),
        ({"manager": "AWS"}, "GS-KMS-003"),
        ({"usage": "SIGN_VERIFY"}, "GS-KMS-004"),
    ],
)
def test_the_catalogs_key_is_checked_like_every_key(run_fixture, changes, control):
    run_fixture.control_plane.tables["db", "t"] = TABLE
    encrypt(run_fixture, key=str(run_fixture.other_key))
    run_fixture.keys.append(
        KmsKey(run_fixture.other_key, "Enabled", "CUSTOMER", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
    )
    run_fixture.change_key(run_fixture.other_key, **changes)
    assert refused(run_fixture, read).control == control


def test_an_unknown_password_key_stops_connections(run_fixture):
    encrypt(run_fixture, password_key="arn:aws:kms:eu-west-1:123456789012:key/unknown")
    assert refused(run_fixture, connect).control == "GS-KMS-001"


def test_a_run_that_does_not_use_the_catalog_does_not_read_its_settings(run_fixture):
    run_fixture.control_plane.encryption.clear()
    run_fixture.start().commit()


def test_the_settings_are_read_once_a_run(run_fixture, monkeypatch):
    catalog_ids = []
    real = type(run_fixture.control_plane).catalog_encryption

    def counting(plane, catalog_id=None):
        catalog_ids.append(catalog_id)
        return real(plane, catalog_id)

    run_fixture.control_plane.tables["db", "t"] = TABLE
    monkeypatch.setattr(type(run_fixture.control_plane), "catalog_encryption", counting)
    run = run_fixture.start()
    read(run)
    read(run)
    assert catalog_ids == [None]


def test_used_catalog_objects_are_in_the_evidence(run_fixture):
    keyed = CatalogTable(
        "db", "p", "s3://landing/p/", "csv", "", {}, {}, (), (CatalogColumn("m", "string"),), version="7"
    )
    run_fixture.control_plane.tables.update({("db", "t"): TABLE, ("db", "p"): keyed})
    run_fixture.control_plane.table_partitions["db", "p"] = [
        CatalogPartition((str(m),), f"s3://landing/p/m={m}/") for m in range(3)
    ]
    run = run_fixture.start()
    read(run)
    read(run)
    run.catalog_reader.read_table("db", "p")
    run.catalog.create(TableDefinition("db", "new", "s3://curated/new/", "csv", ()))
    run.commit()
    evidence = run_fixture.evidence()
    used = {
        (entry["kind"], entry["name"], entry["access"]): entry["count"]
        for entry in evidence["catalog_objects"]
    }
    assert used == {
        ("database", "db", "read"): 1,
        ("table", "db.t", "read"): 1,
        ("table-version", "db.t@3", "read"): 1,
        ("table", "db.p", "read"): 1,
        ("table-version", "db.p@7", "read"): 1,
        ("partition", "db.p", "read"): 3,
        ("database", "db", "write"): 1,
        ("table", "db.new", "write"): 1,
    }
    assert {"GS-CAT-001", "GS-CAT-003"} <= {finding["control"] for finding in evidence["controls"]}


def test_a_used_connection_is_in_the_evidence(run_fixture, server):
    run = run_fixture.start()
    connect(run)
    run.commit()
    assert {"kind": "connection", "name": "ops", "access": "read", "count": 1} in run_fixture.evidence()[
        "catalog_objects"
    ]
