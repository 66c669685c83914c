"""Attempts to write a protected value: in other shapes, under other names, through other APIs and sinks."""

from __future__ import annotations

import json

import pytest
from pyspark.sql import functions as F

from glue_secure import GlueSecureError
from glue_secure.aws.columns import ColumnSource
from glue_secure.core.errors import EngineError, RefusedError, UsageError
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.dynamicframe.frame import DynamicFrame
from glue_secure.embedded.clients import clients

SECRET = "no-sink-may-have-this"
RULES = [
    {"column": "email", "action": "tokenise"},
    {"column": "address.street", "action": "encrypt"},
    {"column": "card", "action": "mask"},
    {"column": "odd.na`me", "action": "tokenise"},
    {"column": "gone", "action": "drop"},
]


@pytest.fixture
def policy(glue_job, glue_account, provisioned):
    """Return ``policy(**changes)``, which uploads a policy and returns the job's argument."""
    source = ColumnSource(clients=clients(glue_account))
    key = source.new_key(KmsKeyArn.parse(provisioned.data_key), "attacked")

    def land(**changes):
        text = {"name": "attacked", "kms_key": str(key.kms_key), "wrapped_key": key.blob, "columns": RULES}
        return {"glue_secure_columns": glue_job.land("policy/columns.json", json.dumps(text | changes))}

    return land


@pytest.fixture
def everything(glue_account, glue_job):
    """Return ``everything()``, which returns names and content of all objects below the job's target."""

    def read():
        s3, (_, _, bucket, prefix) = clients(glue_account)("s3"), glue_job.target.split("/", 3)
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        bodies = [s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read() for entry in listed]
        return "\n".join(entry["Key"] for entry in listed).encode() + b"".join(bodies)

    return read


def one_row(spark):
    """Return one row, in one partition."""
    return spark.range(0, 1, 1, 1)


def shapes(spark):
    """Return frames with the secret in a protected column, by shape."""
    row, secret = one_row(spark), F.lit(SECRET)
    duplicate = row.select(secret.alias("email"), "id")
    labels = {"ml_attr": {"vals": [SECRET], "type": "nominal"}, "__CHAR_VARCHAR_TYPE_STRING": "varchar(9)"}
    return {
        "case": row.select("id", secret.alias("eMail")),
        "header": row.select("id", secret.alias("\ufeff Email ")),
        "alias of the frame": duplicate.alias("email"),
        "struct": row.select(F.struct(F.struct(secret.alias("email"), "id").alias("b")).alias("a")),
        "a name with a dot": row.select("id", secret.alias("address.street")),
        "a struct with a dotted field": row.select(F.struct(secret.alias("x.Email"), "id").alias("a.b")),
        "a backtick": row.select("id", secret.alias("odd.na`me")),
        "a struct with a dropped field": row.select(F.struct(secret.alias("gone"), "id").alias("a")),
        "metadata": row.select("id", secret.alias("email", metadata=labels)),
        "choice": row.select(F.struct(F.lit(1).alias("int"), secret.alias("string")).alias("email")),
        "array": row.select("id", F.array(secret).alias("email")),
        "array of structs": row.select("id", F.array(F.struct(secret.alias("email"))).alias("a")),
        "map": row.select("id", F.create_map(F.lit("k"), F.struct(secret.alias("email"))).alias("a")),
        "map's key": row.select("id", F.create_map(F.struct(secret.alias("email")), F.lit(1)).alias("a")),
        "array of card": row.select("id", F.array(secret).alias("card")),
        "twice": duplicate.select("email", F.col("email"), "id"),
        "twice in another case": duplicate.select("email", F.col("email").alias("EMAIL")),
        "twice in a struct": row.select(F.struct(secret.alias("email"), secret.alias("Email")).alias("a")),
    }


REJECTED = {
    "choice", "array", "array of structs", "map", "map's key", "twice", "twice in another case",
    "twice in a struct",
}  # fmt: skip


def test_no_shape_or_name_bypasses_a_column_policy(glue_job, policy):
    rejected = set()
    with pytest.raises(RefusedError, match="GS-COL-003"), glue_job.job("target", **policy()) as job:
        for name, frame in shapes(job.spark).items():
            try:
                out = job._run.columns.protect(frame, glue_job.target).frame
            except RefusedError as error:
                assert error.control == "GS-COL-003"
                rejected.add(name)
                continue
            assert SECRET not in str(out.collect()) + out.schema.json(), name
    assert rejected == REJECTED


def test_columns_that_differ_in_case_are_both_matched_if_spark_is_case_sensitive(glue_job, policy):
    with glue_job.job("target", **policy()) as job:
        job.spark.conf.set("spark.sql.caseSensitive", "true")
        try:
            frame = one_row(job.spark).select(F.lit(SECRET).alias("email"), F.lit(SECRET).alias("EMAIL"))
            out = job._run.columns.protect(frame, glue_job.target).frame.first()
        finally:
            job.spark.conf.unset("spark.sql.caseSensitive")
        assert out.email == out.EMAIL != SECRET


def test_a_partition_directory_has_the_protected_value(glue_job, policy, everything):
    with glue_job.job("target", **policy()) as job:
        frame = one_row(job.spark).select("id", F.lit(SECRET).alias("Email"), F.lit(SECRET).alias("card"))
        job.write.s3(frame, glue_job.target, format="csv", partition_by=["email", "card"])
    assert b"Email=" in everything() or b"email=" in everything()
    assert SECRET.encode() not in everything()


def test_tags_of_partition_columns_are_applied(begin, glue_job, aws, database, policy, everything):
    glue_job.land("in/elsewhere/a.csv", "1\n")
    columns = [{"Name": "id", "Type": "int"}]
    csv = {
        "Columns": columns,
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
                      "Parameters": {"field.delim": ","}},
    }  # fmt: skip
    table = {
        "Name": "t",
        "PartitionKeys": [{"Name": "owner", "Type": "string", "Parameters": {"pii": "true"}}],
        "Parameters": {"classification": "csv"},
        "StorageDescriptor": {**csv, "Location": f"{glue_job.source}in/"},
    }
    aws("glue").create_table(DatabaseName=database, TableInput=table)
    partition = {
        "Values": [SECRET],
        "StorageDescriptor": {**csv, "Location": f"{glue_job.source}in/elsewhere/"},
    }
    aws("glue").create_partition(DatabaseName=database, TableName="t", PartitionInput=partition)
    tagged = policy(tables=[f"{database}.t"], columns=[{"parameter": "pii=true", "action": "tokenise"}])
    started = begin(**tagged)
    read = started.context.create_dynamic_frame.from_catalog(database=database, table_name="t")
    assert SECRET in str(read.toDF().collect())
    started.context.write_dynamic_frame.from_options(
        read, "s3", {"path": started.target, "partitionKeys": ["owner"]}, "json"
    )
    started.job.commit()
    assert b"owner=" in everything()
    assert SECRET.encode() not in everything()


def test_an_update_of_the_catalog_preserves_tags_and_registers_protected_columns(
    begin, aws, database, glue_job, policy, everything
):
    columns = [
        {"Name": "owner", "Type": "int", "Parameters": {"pii": "true"}, "Comment": "c"},
        {"Name": "card", "Type": "string"},
    ]
    storage = {
        "Columns": columns,
        "Location": glue_job.target,
        "SerdeInfo": {"Parameters": {"field.delim": ","}},
    }
    table = {"Name": "t", "Parameters": {"classification": "csv"}, "StorageDescriptor": storage}
    aws("glue").create_table(DatabaseName=database, TableInput=table)
    rules = [{"parameter": "pii=true", "action": "encrypt"}, {"column": "card", "action": "drop"}]
    started = begin(**policy(tables=[f"{database}.t"], columns=rules))
    frame = one_row(started.context.spark_session).select(
        "id", F.lit(7).alias("owner"), F.lit(SECRET).alias("card")
    )
    started.context.write_data_frame.from_catalog(
        frame, database, "t", additional_options={"enableUpdateCatalog": True}
    )
    started.job.commit()
    updated = aws("glue").get_table(DatabaseName=database, Name="t")["Table"]["StorageDescriptor"]["Columns"]
    assert updated == [
        {"Name": "id", "Type": "bigint"},
        {"Name": "owner", "Type": "string", "Parameters": {"pii": "true"}, "Comment": "c"},
    ]
    assert b"gsc1." in everything()
    assert SECRET.encode() not in everything()


@pytest.mark.parametrize("api", ["SecureJob", "awsglue"])
def test_a_dropped_column_cannot_be_a_partition_key(begin, glue_job, policy, everything, api):
    started = begin(**policy())
    frame = one_row(started.context.spark_session).select("id", F.lit(SECRET).alias("gone"))
    with pytest.raises((EngineError, UsageError), match="gone") as error:
        if api == "SecureJob":
            started.context.secured_run.writer.write_s3(
                frame, started.target, format="csv", partition_by=["gone"]
            )
        else:
            started.context.write_dynamic_frame.from_options(
                DynamicFrame.fromDF(frame, started.context, "f"),
                "s3",
                {"path": started.target, "partitionKeys": ["gone"]},
                "csv",
            )
    assert SECRET not in str(error.value)
    assert everything() == b""


MIXED = "\n".join(
    json.dumps({"id": at, "email": email, "address": {"street": SECRET, "city": "Bern"}, "items": [
        {"email": SECRET, "n": 1}]})
    for at, email in enumerate([7, SECRET])
)  # fmt: skip


def test_no_sink_of_a_dynamic_frame_writes_a_protected_value(begin, glue_job, policy, everything):
    glue_job.land("in/a.json", MIXED)
    started = begin(**policy())
    read = started.context.create_dynamic_frame.from_options(
        "s3", {"paths": [f"{glue_job.source}in/"]}, "json"
    )
    assert "ChoiceType" in str(read.schema())
    sink = started.context.write_dynamic_frame

    def write(frame, folder, format="json"):
        options = {"path": f"{started.target}{folder}"}
        sink.from_options(frame, connection_type="s3", connection_options=options, format=format)

    write(read.resolveChoice(choice="make_cols").drop_fields(["items"]), "make_cols")
    write(read.resolveChoice(choice="cast:string").drop_fields(["items"]).unnest(), "cast", "csv")
    write(read.drop_fields(["items"]).unnest(), "unnest")
    write(read.relationalize("root", f"{started.target}staged"), "relationalized")
    read.drop_fields(["items"]).unnest().spigot(f"{started.target}spigot")
    started.job.commit()
    assert b"gsc1." in everything()
    assert b"Bern" in everything(), "columns without a rule are not changed"
    assert SECRET.encode() not in everything()


@pytest.mark.parametrize("shape", ["choice", "array", "errors"])
def test_gs_col_003_columns_that_cannot_be_matched_by_name_are_rejected(
    begin, glue_job, policy, everything, shape
):
    glue_job.land("in/a.json", MIXED)
    started = begin(**policy())
    read = started.context.create_dynamic_frame.from_options(
        "s3", {"paths": [f"{glue_job.source}in/"]}, "json"
    )

    def fail(record):
        raise ValueError(record["email"])

    frame = {
        "choice": lambda: read.resolveChoice(choice="make_struct").drop_fields(["items"]),
        "array": lambda: read.resolveChoice(choice="cast:string"),
        "errors": lambda: read.map(fail).errorsAsDynamicFrame(),
    }[shape]()
    with pytest.raises(GlueSecureError) as error:
        frame.spigot(f"{started.target}spigot")
    assert error.value.control == "GS-COL-003"
    assert everything() == b""


def test_a_database_gets_no_protected_value(glue_job, policy, writer, superuser):
    table = "attacked_" + glue_job.name.replace("-", "_")
    with glue_job.job("target", **policy()) as job:
        names = ("EMAIL", "card", "gone")
        frame = one_row(job.spark).select("id", *(F.lit(SECRET).alias(name) for name in names))
        job.write.jdbc(frame, connection=writer.name, table=table)
    (row,) = superuser(f"select * from {table}")
    assert len(row) == 3
    assert SECRET not in str(row)
