"""Ways to get a protected value out of a guarded sink: under other shapes, names, doors and places."""

from __future__ import annotations

import json

import pytest
from pyspark.sql import functions as F

from glue_secure import GlueSecureError
from glue_secure.aws.columns import ColumnSource
from glue_secure.core.errors import RefusedError
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
    """``policy(**changes)``: the argument that names a policy of :data:`RULES`."""
    source = ColumnSource(clients=clients(glue_account))
    key = source.new_key(KmsKeyArn.parse(provisioned.data_key), "attacked")

    def land(**changes):
        text = {"name": "attacked", "kms_key": str(key.kms_key), "wrapped_key": key.blob, "columns": RULES}
        return {"glue_secure_columns": glue_job.land("policy/columns.json", json.dumps(text | changes))}

    return land


@pytest.fixture
def everything(glue_account, glue_job):
    """``everything()``: names and bytes of all objects below the job's target, its evidence beside them."""

    def read():
        s3, (_, _, bucket, prefix) = clients(glue_account)("s3"), glue_job.target.split("/", 3)
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        bodies = [s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in listed]
        return "\n".join(each["Key"] for each in listed).encode() + b"".join(bodies)

    return read


def one_row(spark):
    """One row, in one partition."""
    return spark.range(0, 1, 1, 1)


def shapes(spark):
    """Frames that hold the secret in a protected column, by what was done to it."""
    one, secret = one_row(spark), F.lit(SECRET)
    dup = one.select(secret.alias("email"), "id")
    labels = {"ml_attr": {"vals": [SECRET], "type": "nominal"}, "__CHAR_VARCHAR_TYPE_STRING": "varchar(9)"}
    return {
        "case": one.select("id", secret.alias("eMail")),
        "header": one.select("id", secret.alias("\ufeff Email ")),
        "alias of the frame": dup.alias("email"),
        "struct": one.select(F.struct(F.struct(secret.alias("email"), "id").alias("b")).alias("a")),
        "a name with a dot": one.select("id", secret.alias("address.street")),
        "a struct with a dotted field": one.select(F.struct(secret.alias("x.Email"), "id").alias("a.b")),
        "a backtick": one.select("id", secret.alias("odd.na`me")),
        "fields of dropped and kept": one.select(F.struct(secret.alias("gone"), "id").alias("a")),
        "metadata": one.select("id", secret.alias("email", metadata=labels)),
        "choice": one.select(F.struct(F.lit(1).alias("int"), secret.alias("string")).alias("email")),
        "array": one.select("id", F.array(secret).alias("email")),
        "array of structs": one.select("id", F.array(F.struct(secret.alias("email"))).alias("a")),
        "map": one.select("id", F.create_map(F.lit("k"), F.struct(secret.alias("email"))).alias("a")),
        "map's key": one.select("id", F.create_map(F.struct(secret.alias("email")), F.lit(1)).alias("a")),
        "array of card": one.select("id", F.array(secret).alias("card")),
        "twice": dup.select("email", F.col("email"), "id"),
        "twice in another case": dup.select("email", F.col("email").alias("EMAIL")),
        "twice in a struct": one.select(F.struct(secret.alias("email"), secret.alias("Email")).alias("a")),
    }


REFUSED = {
    "choice", "array", "array of structs", "map", "map's key", "twice", "twice in another case",
    "twice in a struct",
}  # fmt: skip


def test_no_shape_or_name_bypasses_a_column_policy(glue_job, policy):
    refused = set()
    with pytest.raises(RefusedError, match="GS-COL-003"), glue_job.job("target", **policy()) as job:
        for name, frame in shapes(job.spark).items():
            try:
                out = job._run.protect(frame, glue_job.target).frame
            except RefusedError as error:
                assert error.control == "GS-COL-003"
                refused.add(name)
                continue
            assert SECRET not in str(out.collect()) + out.schema.json(), name
    assert refused == REFUSED


def test_columns_that_differ_in_case_are_both_met_where_spark_tells_them_apart(glue_job, policy):
    with glue_job.job("target", **policy()) as job:
        job.spark.conf.set("spark.sql.caseSensitive", "true")
        try:
            frame = one_row(job.spark).select(F.lit(SECRET).alias("email"), F.lit(SECRET).alias("EMAIL"))
            out = job._run.protect(frame, glue_job.target).frame.first()
        finally:
            job.spark.conf.unset("spark.sql.caseSensitive")
        assert out.email == out.EMAIL != SECRET


def test_a_partition_directory_has_the_protected_value(glue_job, policy, everything):
    with glue_job.job("target", **policy()) as job:
        frame = one_row(job.spark).select("id", F.lit(SECRET).alias("Email"), F.lit(SECRET).alias("card"))
        job.write.s3(frame, glue_job.target, format="csv", partition_by=["email", "card"])
    assert b"Email=" in everything() or b"email=" in everything()
    assert SECRET.encode() not in everything()


def test_partition_columns_of_the_catalog_are_tagged_like_others(
    begin, glue_job, aws, database, policy, everything
):
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
        "PartitionKeys": [{"Name": "who", "Type": "string", "Parameters": {"pii": "true"}}],
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
    begun = begin(**tagged)
    read = begun.context.create_dynamic_frame.from_catalog(database=database, table_name="t")
    assert SECRET in str(read.toDF().collect())
    begun.context.write_dynamic_frame.from_options(
        read, "s3", {"path": begun.target, "partitionKeys": ["who"]}, "json"
    )
    begun.job.commit()
    assert b"who=" in everything()
    assert SECRET.encode() not in everything()


def test_an_update_of_the_catalog_keeps_tags_and_registers_what_was_written(
    begin, aws, database, glue_job, policy, everything
):
    columns = [
        {"Name": "who", "Type": "int", "Parameters": {"pii": "true"}, "Comment": "c"},
        {"Name": "card", "Type": "string"},
    ]
    place = {
        "Columns": columns,
        "Location": glue_job.target,
        "SerdeInfo": {"Parameters": {"field.delim": ","}},
    }
    table = {"Name": "t", "Parameters": {"classification": "csv"}, "StorageDescriptor": place}
    aws("glue").create_table(DatabaseName=database, TableInput=table)
    rules = [{"parameter": "pii=true", "action": "encrypt"}, {"column": "card", "action": "drop"}]
    begun = begin(**policy(tables=[f"{database}.t"], columns=rules))
    frame = one_row(begun.context.spark_session).select(
        "id", F.lit(7).alias("who"), F.lit(SECRET).alias("card")
    )
    begun.context.write_data_frame.from_catalog(
        frame, database, "t", additional_options={"enableUpdateCatalog": True}
    )
    begun.job.commit()
    held = aws("glue").get_table(DatabaseName=database, Name="t")["Table"]["StorageDescriptor"]["Columns"]
    assert held == [
        {"Name": "id", "Type": "bigint"},
        {"Name": "who", "Type": "string", "Parameters": {"pii": "true"}, "Comment": "c"},
    ]
    assert b"gsc1." in everything()
    assert SECRET.encode() not in everything()


@pytest.mark.parametrize("door", ["short", "drop-in"])
def test_a_dropped_column_is_no_partition_key(begin, glue_job, policy, everything, door):
    begun = begin(**policy())
    frame = one_row(begun.context.spark_session).select("id", F.lit(SECRET).alias("gone"))
    with pytest.raises(Exception, match="gone") as error:
        if door == "short":
            begun.context.secured_run.write_s3(frame, begun.target, format="csv", partition_by=["gone"])
        else:
            begun.context.write_dynamic_frame.from_options(
                DynamicFrame.fromDF(frame, begun.context, "f"),
                "s3",
                {"path": begun.target, "partitionKeys": ["gone"]},
                "csv",
            )
    assert SECRET not in str(error.value)
    assert everything() == b""


MIXED = "\n".join(
    json.dumps({"id": at, "email": email, "address": {"street": SECRET, "city": "Bern"}, "items": [
        {"email": SECRET, "n": 1}]})
    for at, email in enumerate([7, SECRET])
)  # fmt: skip


def test_dynamic_frames_take_nothing_out_through_any_sink_of_theirs(begin, glue_job, policy, everything):
    glue_job.land("in/a.json", MIXED)
    begun = begin(**policy())
    read = begun.context.create_dynamic_frame.from_options("s3", {"paths": [f"{glue_job.source}in/"]}, "json")
    assert "ChoiceType" in str(read.schema())
    sink = begun.context.write_dynamic_frame

    def write(frame, place, format="json"):
        options = {"path": f"{begun.target}{place}"}
        sink.from_options(frame, connection_type="s3", connection_options=options, format=format)

    write(read.resolveChoice(choice="make_cols").drop_fields(["items"]), "make_cols")
    write(read.resolveChoice(choice="cast:string").drop_fields(["items"]).unnest(), "cast", "csv")
    write(read.drop_fields(["items"]).unnest(), "unnest")
    write(read.relationalize("root", f"{begun.target}staged"), "relationalized")
    read.drop_fields(["items"]).unnest().spigot(f"{begun.target}spigot")
    begun.job.commit()
    assert b"gsc1." in everything()
    assert b"Bern" in everything(), "what is not protected can be seen"
    assert SECRET.encode() not in everything()


@pytest.mark.parametrize("way", ["choice", "array", "errors"])
def test_gs_col_003_columns_that_cannot_be_matched_by_name_are_rejected(
    begin, glue_job, policy, everything, way
):
    glue_job.land("in/a.json", MIXED)
    begun = begin(**policy())
    read = begun.context.create_dynamic_frame.from_options("s3", {"paths": [f"{glue_job.source}in/"]}, "json")

    def fail(record):
        raise ValueError(record["email"])

    frame = {
        "choice": lambda: read.resolveChoice(choice="make_struct").drop_fields(["items"]),
        "array": lambda: read.resolveChoice(choice="cast:string"),
        "errors": lambda: read.map(fail).errorsAsDynamicFrame(),
    }[way]()
    with pytest.raises(GlueSecureError) as error:
        frame.spigot(f"{begun.target}spigot")
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
