"""Catalog sinks: the table's format and keys, and registration of partitions and columns after the write."""

import pytest

from glue_secure import GlueSecureError, UsageError
from glue_secure.dynamicframe.frame import DynamicFrame


def frame(context, extra=""):
    data = context.spark_session.sql(
        f"select id, concat('n', id) as name, cast(id % 2 as string) as month{extra} from range(4)"
    )
    return DynamicFrame.fromDF(data, context, "rows")


@pytest.fixture
def table(aws, database, started):
    aws("glue").create_table(
        DatabaseName=database,
        TableInput={
            "Name": "flights",
            "Description": "description",
            "Parameters": {"classification": "csv", "skip.header.line.count": "1"},
            "PartitionKeys": [{"Name": "month", "Type": "string"}],
            "StorageDescriptor": {
                "Columns": [{"Name": "id", "Type": "bigint"}, {"Name": "name", "Type": "string"}],
                "Location": started.target,
                "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                "SerdeInfo": {"Parameters": {"field.delim": ";"}},
            },
        },
    )
    return "flights"


def partitions(aws, database, table="flights"):
    response = aws("glue").get_partitions(DatabaseName=database, TableName=table)["Partitions"]
    return {tuple(partition["Values"]): partition["StorageDescriptor"]["Location"] for partition in response}


def columns(aws, database, table="flights"):
    table_input = aws("glue").get_table(DatabaseName=database, Name=table)["Table"]
    return [(column["Name"], column["Type"]) for column in table_input["StorageDescriptor"]["Columns"]]


def test_a_frame_is_written_to_the_tables_location_and_format(started, aws, database, table, provisioned):
    dynamic_frame = frame(started.context)
    assert started.context.write_dynamic_frame.from_catalog(dynamic_frame, database, table) is dynamic_frame
    seen = started.bench.objects()
    assert {encryption["key"] for encryption in seen.values()} == {provisioned.data_key}
    assert {key.split("/")[1] for key in seen if "month=" in key} == {"month=0", "month=1"}
    key = next(key for key in seen if "part-" in key)
    body = aws("s3").get_object(Bucket="glue-secure-curated", Key=key)["Body"].read().decode()
    assert body.splitlines()[0] == "id;name"
    assert partitions(aws, database) == {}  # Glue registers them with enableUpdateCatalog only


def test_new_partitions_are_registered_and_columns_replaced_when_asked(started, aws, database, table):
    context = started.context
    options = {"enableUpdateCatalog": True, "partitionKeys": ["month"]}
    context.write_dynamic_frame.from_catalog(
        frame(context, ", 1.5D as price"), database, table, additional_options=options
    )
    locations = partitions(aws, database)
    assert locations == {("0",): f"{started.target}month=0/", ("1",): f"{started.target}month=1/"}
    assert columns(aws, database) == [("id", "bigint"), ("name", "string"), ("price", "double")]
    table_input = aws("glue").get_table(DatabaseName=database, Name=table)["Table"]
    assert (table_input["Description"], table_input["Parameters"]["classification"]) == ("description", "csv")
    context.write_data_frame.from_catalog(frame(context).toDF(), database, table, additional_options=options)
    assert columns(aws, database) == [("id", "bigint"), ("name", "string")]
    started.job.commit()
    changes = started.bench.evidence()[-1]["catalog"]
    assert [(change["action"], change["details"]) for change in changes] == [
        ("update-schema", ["id", "name", "price"]),
        ("create-partitions", ["0", "1"]),
        ("update-schema", ["id", "name"]),
    ]


def test_update_behavior_log_rejects_new_columns_before_the_write(started, aws, database, table):
    context, log = started.context, {"enableUpdateCatalog": "true", "updateBehavior": "LOG"}
    context.write_dynamic_frame.from_catalog(
        frame(context).drop_fields(["name"]), database, table, additional_options=log
    )
    assert columns(aws, database) == [("id", "bigint"), ("name", "string")]
    before = started.bench.objects()
    with pytest.raises(UsageError, match="price"):
        context.write_dynamic_frame.from_catalog(
            frame(context, ", 1 as price"), database, table, additional_options=log
        )
    assert started.bench.objects() == before


def test_a_sink_creates_the_table_that_it_names(started, aws, database):
    context = started.context
    sink = context.getSink("s3", path=started.target, enableUpdateCatalog=True, partitionKeys=["month"])
    sink.setFormat("glueparquet")
    sink.setCatalogInfo(catalogDatabase=database, catalogTableName="made")
    sink.writeFrame(frame(context))
    table_input = aws("glue").get_table(DatabaseName=database, Name="made")["Table"]
    assert table_input["Parameters"]["classification"] == "parquet"
    assert table_input["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")
    assert table_input["PartitionKeys"][0]["Name"] == "month"
    assert columns(aws, database, "made") == [("id", "bigint"), ("name", "string")]
    assert set(partitions(aws, database, "made")) == {("0",), ("1",)}
    sink.writeFrame(frame(context))  # again: what is registered stays
    read = context.create_dynamic_frame.from_catalog(database=database, table_name="made")
    assert read.count() == 8


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"partitionKeys": ["name"]}, "the table's partition keys"),
        ({"updateBehavior": "MERGE", "enableUpdateCatalog": True}, "MERGE"),
        ({"enableUpdateCatalog": "yes"}, "yes"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_options_of_a_catalog_sink_are_validated_first(started, database, table, options, match):
    with pytest.raises(UsageError, match=match):
        started.context.write_dynamic_frame.from_catalog(
            frame(started.context), database, table, additional_options=options
        )
    assert started.bench.objects() == {}


def test_nested_columns_are_created_and_preserved_and_a_changed_type_is_rejected(started, aws, database):
    context = started.context

    def write(extra, **options):
        sink = context.getSink(
            "s3", path=started.target, enableUpdateCatalog=True, partitionKeys=["month"], **options
        )
        sink.setFormat("glueparquet")
        sink.setCatalogInfo(catalogDatabase=database, catalogTableName="nested")
        sink.writeFrame(frame(context, extra))

    nested = ", array(named_struct('q', 'a')) as answers, map('k', 1) as m"
    write(nested)
    types = {"answers": "array<struct<q:string>>", "m": "map<string,int>"}
    assert dict(columns(aws, database, "nested")).items() >= types.items()
    write(f"{nested}, 1 as added")
    assert dict(columns(aws, database, "nested"))["added"] == "int"
    before = started.bench.objects()
    changed = ", array(named_struct('q', 'a', 'r', 1)) as answers"
    with pytest.raises(
        UsageError, match=r"(?s)column answers .*in which the updating schemas are nested"
    ) as error:
        write(changed)
    assert "array<struct<q:string>>" in str(error.value)
    assert started.bench.objects() == before
    write(changed, updateBehavior="LOG")
    assert dict(columns(aws, database, "nested")).items() >= types.items()


def test_a_choice_is_not_registered_as_a_column(started, database, table):
    records = started.context.create_dynamic_frame.from_rdd(
        [{"c": 1, "month": "0"}, {"c": "a", "month": "0"}], "c"
    )
    with pytest.raises(UsageError, match="column c, a choice"):
        started.context.write_dynamic_frame.from_catalog(
            records, database, table, additional_options={"enableUpdateCatalog": True}
        )
    assert started.bench.objects() == {}


def test_another_account_a_missing_table_and_an_incomplete_name_are_rejected(started, database, table):
    write, dynamic_frame = started.context.write_dynamic_frame.from_catalog, frame(started.context)
    with pytest.raises(UsageError, match="catalog_id"):
        write(dynamic_frame, database, table, catalog_id="999999999999")
    with pytest.raises(GlueSecureError, match="cannot read table"):
        write(dynamic_frame, database, "nothing")
    with pytest.raises(UsageError, match="name_space"):
        write(dynamic_frame, database, table, name_space=database)
    with pytest.raises(UsageError, match="table_name"):
        write(dynamic_frame, database)
    assert write(dynamic_frame, table_name=table, name_space=database) is dynamic_frame
