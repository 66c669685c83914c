"""S3 sinks: the formats that Glue writes, their options, choices and rejected options."""

import gzip
import json

import pytest

from glue_secure import RefusedError, UsageError
from glue_secure.dynamicframe.frame import DynamicFrame, DynamicFrameCollection
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue

BUCKET = "glue-secure-curated"


def rows(context, count=3):
    data = context.spark_session.createDataFrame(
        [(n, f"carrier {n}", n % 2) for n in range(count)], "id int, name string, month int"
    )
    return DynamicFrame.fromDF(data, context, "flights")


def choices(context):
    """A frame whose column ``v`` is a long in one row and a string in the other."""
    data = context.spark_session.sql(
        "select 1 as id, named_struct('long', 7L, 'string', cast(null as string)) as v, 2 as month"
        " union all select 2, named_struct('long', cast(null as bigint), 'string', 'se\"ven'), 2"
    )
    kind = glue.ChoiceType([glue.LongType(), glue.StringType()])
    schema = glue.StructType(
        [
            glue.Field("id", glue.IntegerType()),
            glue.Field("v", kind),
            glue.Field("month", glue.IntegerType()),
        ]
    )
    return DynamicFrame(Table(data, schema), context, "mixed")


def bodies(aws, bench, *, packed=False):
    s3, texts = aws("s3"), []
    for key in bench.objects():
        body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        if body:
            texts.append((gzip.decompress(body) if packed else body).decode())
    return sorted(texts)


@pytest.mark.parametrize("format", ["csv", "json", "parquet", "glueparquet", "orc", "avro"])
def test_each_format_is_written_partitioned_and_verified(started, provisioned, format):
    started.context.write_dynamic_frame.from_options(
        rows(started.context),
        "s3",
        {"path": started.target, "partitionKeys": ["month"]},
        format=format,
    )
    started.job.commit()
    seen = started.bench.objects()
    assert {each["key"] for each in seen.values()} == {provisioned.data_key}
    assert {key.split("/")[1] for key in seen if "month=" in key} == {"month=0", "month=1"}
    (write,) = started.bench.evidence()[-1]["writes"]
    assert (write["rows"], write["kind"]) == (3, "s3")
    assert write["format"] == format.replace("glueparquet", "parquet")
    name = "parquet" if format == "glueparquet" else format
    stored = started.context.spark_session.read.format(name).option("header", True)
    assert stored.load(started.target.replace("s3:", "s3a:")).count() == 3


def test_csv_has_a_header_and_doubled_quotes_by_default(started, aws):
    data = started.context.spark_session.createDataFrame([('say "hi"', 1)], "name string, id int")
    frame = DynamicFrame.fromDF(data.coalesce(1), started.context, "x")
    started.context.write_dynamic_frame.from_options(frame, "s3", {"path": started.target}, format="csv")
    assert bodies(aws, started.bench) == ['name,id\n"say ""hi""",1\n']


def test_csv_options_and_compression(started, aws):
    started.context.write_dynamic_frame.from_options(
        DynamicFrame.fromDF(rows(started.context, 1).toDF().coalesce(1), started.context, "x"),
        "s3",
        {"path": started.target, "compression": "gzip"},
        format="csv",
        format_options={"separator": ";", "quoteChar": -1, "writeHeader": False},
    )
    assert bodies(aws, started.bench, packed=True) == ["0;carrier 0;0\n"]


def test_json_writes_the_bare_value_of_a_choice(started, aws):
    started.context.write_dynamic_frame.from_options(
        choices(started.context), "s3", {"path": started.target, "partitionKeys": ["month"]}, format="json"
    )
    lines = [json.loads(line) for body in bodies(aws, started.bench) for line in body.splitlines()]
    assert sorted(lines, key=lambda line: line["id"]) == [{"id": 1, "v": 7}, {"id": 2, "v": 'se"ven'}]
    assert all("month=2/" in key for key in started.bench.objects() if "part-" in key)
    assert started.context.secured_run.recorder.writes[-1].format == "json"


def test_csv_writes_the_text_of_a_choice_and_parquet_a_struct(started, aws):
    context = started.context
    context.write_dynamic_frame.from_options(
        choices(context), "s3", {"path": f"{started.target}p/"}, format="parquet"
    )
    stored = context.spark_session.read.parquet(f"{started.target}p/".replace("s3:", "s3a:"))
    assert stored.schema["v"].dataType.simpleString() == "struct<long:bigint,string:string>"
    context.write_dynamic_frame.from_options(
        choices(context), "s3", {"path": f"{started.target}c/"}, format="csv"
    )
    written = f"{started.target}c/".replace("s3:", "s3a:")
    text = context.spark_session.read.csv(written, header=True, escape='"')
    assert {row.v for row in text.collect()} == {"7", 'se"ven'}


def test_nested_choices_are_bare_values_too(started, aws):
    data = started.context.spark_session.sql(
        "select array(named_struct('int', 1, 'string', cast(null as string)), null) as a,"
        " map('k\"', named_struct('int', cast(null as int), 'string', 'x}')) as m,"
        " named_struct('deep', named_struct('double', 1.5D, 'int', cast(null as int))) as s,"
        " cast(12345678901234567890.12 as decimal(30,2)) as d, cast(null as int) as n"
    )
    kind = glue.ChoiceType([glue.IntegerType(), glue.StringType()])
    number = glue.ChoiceType([glue.IntegerType(), glue.DoubleType()])
    schema = glue.StructType(
        [
            glue.Field("a", glue.ArrayType(kind)),
            glue.Field("m", glue.MapType(kind)),
            glue.Field("s", glue.StructType([glue.Field("deep", number)])),
            glue.Field("d", glue.DecimalType(30, 2)),
            glue.Field("n", glue.IntegerType()),
        ]
    )
    frame = DynamicFrame(Table(data, schema), started.context, "deep")
    started.context.write_dynamic_frame.from_options(frame, "s3", {"path": started.target}, format="json")
    expected = '{"a":[1,null],"m":{"k\\"":"x}"},"s":{"deep":1.5},"d":12345678901234567890.12}\n'
    assert bodies(aws, started.bench) == [expected]


def test_avro_1_7_stores_dates_and_decimals_as_text_and_1_8_as_themselves(started):
    context = started.context
    data = context.spark_session.sql("select date'2026-01-02' as day, cast(1.5 as decimal(5,2)) as price")
    frame = DynamicFrame.fromDF(data, context, "x")
    for version, expected in (("1.7", ["string", "string"]), ("1.8", ["date", "decimal(5,2)"])):
        path = f"{started.target}{version}/"
        context.write_dynamic_frame.from_options(
            frame, "s3", {"path": path}, format="avro", format_options={"version": version}
        )
        stored = context.spark_session.read.format("avro").load(path.replace("s3:", "s3a:"))
        assert [field.dataType.simpleString() for field in stored.schema] == expected


def test_a_collection_is_written_to_folders_by_name(started):
    context = started.context
    both = DynamicFrameCollection({"one": rows(context, 1), "two": rows(context, 2)}, context)
    assert context.write_from_options(both, "s3", {"path": started.target}, format="json") is both
    assert {key.split("/")[1] for key in started.bench.objects()} == {"one", "two"}


def test_a_sink_without_a_format_is_rejected(started):
    sink = started.context.getSink("s3", path=started.target)
    with pytest.raises(UsageError, match="setFormat"):
        sink.writeFrame(rows(started.context))
    assert started.bench.objects() == {}


def test_a_sink_is_set_up_step_by_step(started):
    sink = started.context.getSink("s3", path=started.target)
    sink.setFormat("json")
    sink.setAccumulableSize(10)
    frame = rows(started.context)
    assert sink.writeFrame(frame) is frame
    assert sink.writeDataFrame(frame.toDF(), started.context) is not None
    assert started.bench.read(format="json").count() == 6


@pytest.mark.parametrize(
    ("call", "match"),
    [
        ({"format": "xml"}, "no writing of xml"),
        ({"format": "iceberg"}, "not atomic"),
        ({"format": "csv", "format_options": {"withHeaders": True}}, "withHeaders"),
        ({"format": "json", "connection_options": {"partitionKey": ["month"]}}, "partitionKey"),
        ({"format": "json", "connection_options": {"partitionKeys": ["nope"]}}, "nope"),
        ({"format": "json", "connection_options": {"partitionKeys": ["id", "name", "month"]}}, "every"),
        ({"format": "parquet", "connection_options": {"compression": "lzo"}}, "lzo"),
        ({"format": "json", "connection_options": {"enableUpdateCatalog": True}}, "setCatalogInfo"),
        ({"format": "parquet", "format_options": {"blockSize": "many"}}, "blockSize"),
        ({"connection_type": "dynamodb", "format": None}, "dynamodb"),
    ],
)
def test_unknown_options_of_a_sink_are_rejected_before_the_write(started, call, match):
    options = {"path": started.target, **call.pop("connection_options", {})}
    kind = call.pop("connection_type", "s3")
    with pytest.raises(UsageError, match=match):
        started.context.write_dynamic_frame.from_options(rows(started.context), kind, options, **call)
    assert started.bench.objects() == {}


@pytest.mark.parametrize("where", ["connection_options", "format_options"])
def test_gs_s3_005_no_option_of_a_sink_changes_encryption(started, where):
    call = {"connection_options": {"path": started.target}, "format_options": {}}
    call[where] = {**call[where], "fs.s3a.encryption.algorithm": "AES256"}
    with pytest.raises(RefusedError, match="GS-S3-005"):
        started.context.write_dynamic_frame.from_options(rows(started.context), "s3", format="csv", **call)
    assert started.bench.objects() == {}


def test_gs_s3_004_an_unencrypted_object_fails_the_run(started, unencrypted_heads):
    with unencrypted_heads(), pytest.raises(RefusedError, match="GS-S3-004"):
        started.context.write_dynamic_frame.from_options(
            rows(started.context), "s3", {"path": started.target}, format="avro"
        )
    with pytest.raises(RefusedError, match="GS-S3-004"):
        started.job.commit()


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.getSink("s3", path="s3://bucket-a/x"),
        lambda c: c.write_from_options(None, "s3", {"path": "s3://bucket-a/x"}, "json"),
        lambda c: c.write_dynamic_frame.from_catalog(None, "db", "table"),
        lambda c: c.write_data_frame.from_catalog(None, "db", "table"),
        lambda c: c.write_dynamic_frame.from_jdbc_conf(None, "ops", {"dbtable": "t"}),
        lambda c: c.write_from_jdbc_conf(None, "ops", {"dbtable": "t"}),
        lambda c: c.purge_table("db", "table"),
        lambda c: c.purge_s3_path("s3://bucket-a/x"),
        lambda c: c.transition_table("db", "table", "STANDARD_IA"),
        lambda c: c.transition_s3_path("s3://bucket-a/x", "STANDARD_IA"),
        lambda c: c.forEachBatch(None, None, {}),
        lambda c: c.getSampleStreamingDynamicFrame(None, {}),
    ],
    ids=[
        "getSink", "options", "catalog", "data-frame-catalog", "jdbc", "jdbc-dfc", "purge-table", "purge",
        "transition-table", "transition", "stream", "sample",
    ],
)  # fmt: skip
def test_gs_sec_007_no_write_or_purge_before_job_init(context, call):
    with pytest.raises(RefusedError, match="GS-SEC-007"):
        call(context)
