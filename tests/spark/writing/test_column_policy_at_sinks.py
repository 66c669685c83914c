"""A column policy with Spark, S3 and catalog tables."""

from __future__ import annotations

import json

import pytest
from pyspark.sql import Row

from glue_secure.aws.columns import ColumnSource
from glue_secure.columns.sealing import tokens, unseal
from glue_secure.core.columns import WrappedKey
from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.dynamicframe.frame import DynamicFrame
from glue_secure.embedded.clients import clients

RULES = [
    {"column": "email", "action": "tokenise", "domain": "person"},
    {"column": "iban", "action": "encrypt"},
    {"column": "card", "action": "mask", "keep_last": 4},
    {"column": "birth_year", "action": "mask"},
    {"column": "contact.phone", "action": "encrypt"},
    {"column": "secret", "action": "drop"},
]
ROWS = [
    Row(id=1, email="a@x", iban=7, card="12345678", birth_year=1970, secret="s", contact=("1", "B")),
    Row(id=2, email="a@x", iban=8, card="1234", birth_year=1980, secret="s", contact=(None, "C")),
    Row(id=3, email=None, iban=None, card=None, birth_year=None, secret=None, contact=None),
]  # fmt: skip


@pytest.fixture
def frame(glue_spark):
    kinds = "id int, email string, iban int, card string, birth_year int, secret string"
    return glue_spark.createDataFrame(ROWS, kinds + ", contact struct<phone:string,city:string>")


@pytest.fixture
def wrapped(glue_account, provisioned):
    source = ColumnSource(clients=clients(glue_account))
    return source.new_key(KmsKeyArn.parse(provisioned.data_key), "people")


@pytest.fixture
def plain(glue_account, wrapped):
    return ColumnSource(clients=clients(glue_account)).open_key(wrapped)


def land(glue_job, wrapped, **policy):
    text = json.dumps(
        {
            "name": "people",
            "kms_key": str(wrapped.kms_key),
            "wrapped_key": wrapped.blob,
            "columns": RULES,
            **policy,
        }
    )
    return glue_job.land("policy/columns.json", text)


def test_every_action_at_an_s3_sink(glue_job, frame, wrapped, plain):
    with glue_job.job("target", glue_secure_columns=land(glue_job, wrapped)) as job:
        record = job.write.s3(frame, job.args.target, format="parquet")
    rows = sorted(glue_job.read().collect())
    assert record.rows == 3
    assert glue_job.read().columns == ["id", "email", "iban", "card", "birth_year", "contact"]
    token = tokens(["a@x"], data_key=plain, domain="person")[0]
    assert [row.email for row in rows] == [token, token, None]
    decrypted = unseal([row.iban for row in rows], data_key=plain, policy="people", column="iban")
    assert decrypted == ["7", "8", None]
    assert [row.card for row in rows] == ["****5678", "****", None]
    assert [row.birth_year for row in rows] == [None, None, None]
    phones = [row.contact and row.contact.phone for row in rows]
    decrypted = unseal(phones, data_key=plain, policy="people", column="contact.phone")
    assert decrypted == ["1", None, None]
    assert [row.contact and row.contact.city for row in rows] == ["B", "C", None]
    records = glue_job.evidence()[-1]["columns"]
    assert [(record["column"], record["action"]) for record in records] == [
        ("email", "tokenise"), ("iban", "encrypt"), ("card", "mask"), ("birth_year", "mask"),
        ("secret", "drop"), ("contact.phone", "encrypt"),
    ]  # fmt: skip


def test_a_tagged_catalog_column_requires_an_action(glue_job, glue_account, frame, wrapped):
    glue = clients(glue_account)("glue")
    name = glue_job.name.replace("-", "_")
    glue.create_database(DatabaseInput={"Name": name})
    columns = [{"Name": "card", "Type": "string", "Parameters": {"pii": "true"}}]
    glue.create_table(
        DatabaseName=name, TableInput={"Name": "t", "StorageDescriptor": {"Columns": columns, "Location": ""}}
    )
    policy = {"tables": [f"{name}.t"], "tagged": [{"parameter": "pii=true"}]}
    without = land(glue_job, wrapped, columns=[{"column": "email", "action": "drop"}], **policy)
    with pytest.raises(RefusedError) as error, glue_job.job("target", glue_secure_columns=without) as job:
        job.write.s3(frame, job.args.target, format="parquet")
    assert error.value.control == "GS-COL-001"
    assert glue_job.objects() == {}
    tagged = land(glue_job, wrapped, columns=[{"parameter": "pii=true", "action": "drop"}], **policy)
    with glue_job.job("target", glue_secure_columns=tagged) as job:
        job.write.s3(frame, job.args.target, format="parquet")
    assert "card" not in glue_job.read().columns


@pytest.mark.parametrize("format", ["json", "glueparquet"])
def test_the_awsglue_api_protects_columns_before_rows_become_text(begin, glue_job, frame, wrapped, format):
    started = begin(glue_secure_columns=land(glue_job, wrapped))
    flat = DynamicFrame.fromDF(frame.drop("contact"), started.context, "people")
    started.context.write_dynamic_frame.from_options(
        flat, connection_type="s3", connection_options={"path": started.target}, format=format
    )
    started.job.commit()
    written = glue_job.read(format="text" if format == "json" else "parquet")
    text = "\n".join(str(row) for row in written.collect())
    assert "gsc1." in text
    assert "****5678" in text
    assert "a@x" not in text
    assert "12345678" not in text


def test_a_key_that_was_wrapped_for_another_policy_stops_the_run(glue_job, wrapped):
    other = WrappedKey(wrapped.kms_key, wrapped.blob, "other")
    with (
        pytest.raises(VerificationError, match="GS-COL-002"),
        glue_job.job("target", glue_secure_columns=land(glue_job, other, name="other")),
    ):
        pass
