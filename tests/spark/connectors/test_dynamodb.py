"""DynamoDB through GlueContext in local Spark, on the embedded account."""

import pytest

from glue_secure import GlueSecureError, RefusedError, UsageError
from glue_secure.context import GlueContext
from glue_secure.dynamicframe import DynamicFrame
from glue_secure.embedded.clients import clients
from glue_secure.job import Job


@pytest.fixture
def started(glue_job, glue_spark, monkeypatch):
    monkeypatch.setattr("sys.argv", glue_job.argv())
    context = GlueContext(glue_spark)
    context.job = Job(context)
    context.job.init(glue_job.name)
    yield context
    context.secured_run.close(outcome="test over")


@pytest.fixture
def table(glue_account, glue_job, provisioned):
    """``table(NAME)``: create a table, under the run's key unless ``encrypted`` is false."""
    client = clients(glue_account)("dynamodb")

    def create(name, *, encrypted=True):
        sse = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": provisioned.data_key} if encrypted else {}
        client.create_table(
            TableName=f"{glue_job.name}-{name}",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            **({"SSESpecification": sse} if sse else {}),
        )
        return f"{glue_job.name}-{name}"

    create.client = client
    return create


def frame(context, rows=30):
    records = [{"id": f"r{number}", "n": number, "tags": ["a"]} for number in range(rows)]
    return context.create_dynamic_frame.from_rdd(records, "records")


def test_records_are_written_and_read_back_and_the_evidence_says_so(started, table, glue_job):
    name = table("flights")
    written = frame(started)
    result = started.write_dynamic_frame.from_options(
        written, "dynamodb", {"dynamodb.output.tableName": name, "dynamodb.throughput.write.percent": "1.0"}
    )
    assert result is written
    table.client.put_item(
        TableName=name, Item={"id": {"S": "x"}, "n": {"S": "many"}, "m": {"M": {"b": {"N": "1.5"}}}}
    )
    options = {"dynamodb.input.tableName": name, "dynamodb.splits": "3"}
    read = started.create_dynamic_frame.from_options("dynamodb", connection_options=options)
    assert read.count() == 31
    assert read.schema().field_map["n"].dataType.typeName() == "choice"
    data = read.resolveChoice(specs=[("n", "cast:string")]).toDF()
    assert data.where("id = 'x'").select("n", "m.b").first() == ("many", 1.5)
    assert data.where("id = 'r7'").select("n", "tags").first() == ("7", ["a"])
    started.job.commit()
    evidence = glue_job.evidence()[-1]
    (write,) = evidence["writes"]
    assert (write["target"].endswith(f"table/{name}"), write["kind"], write["rows"]) == (True, "dynamodb", 30)
    assert [read["kind"] for read in evidence["reads"]] == ["dynamodb"]
    assert [
        (store["access"], "managed by CUSTOMER" in store["encryption"]) for store in evidence["stores"]
    ] == [
        ("write", True),
        ("read", True),
    ]
    assert "GS-CON-001" in {finding["control"] for finding in evidence["controls"]}


def test_gs_con_001_a_table_without_a_customer_managed_key_is_read_but_not_written(started, table):
    name = table("plain", encrypted=False)
    assert (
        started.create_dynamic_frame.from_options("dynamodb", {"dynamodb.input.tableName": name}).count() == 0
    )
    with pytest.raises(RefusedError, match="GS-CON-001"):
        started.write_dynamic_frame.from_options(
            frame(started), "dynamodb", {"dynamodb.output.tableName": name}
        )
    assert table.client.scan(TableName=name)["Count"] == 0


def test_a_data_catalog_table_and_an_export_read_the_dynamodb_table(started, table, glue_account, glue_job):
    name = table("exported")
    table.client.put_item(TableName=name, Item={"id": {"S": "a"}, "n": {"N": "1"}})
    arn = table.client.describe_table(TableName=name)["Table"]["TableArn"]
    glue = clients(glue_account)("glue")
    glue.create_database(DatabaseInput={"Name": glue_job.name})
    storage = {"Location": arn, "Columns": [{"Name": "id", "Type": "string"}]}
    parameters = {"classification": "dynamodb"}
    glue.create_table(
        DatabaseName=glue_job.name,
        TableInput={"Name": "t", "StorageDescriptor": storage, "Parameters": parameters},
    )
    read = started.create_dynamic_frame.from_catalog(
        glue_job.name, "t", additional_options={"dynamodb.splits": "2"}
    )
    assert [row.asDict() for row in read.toDF().collect()] == [{"id": "a", "n": 1}]
    started.write_dynamic_frame.from_catalog(frame(started, 2), glue_job.name, "t")
    assert table.client.scan(TableName=name)["Count"] == 3
    export = {"dynamodb.export": "ddb", "dynamodb.tableArn": arn, "dynamodb.unnestDDBJson": True}
    unnested = started.create_dynamic_frame.from_options("dynamodb", export)
    assert sorted(row.n for row in unnested.toDF().collect()) == ["0", "1", "1"]


def test_calls_that_cannot_be_served_name_the_reason(started, table):
    read = started.create_dynamic_frame.from_options
    with pytest.raises(GlueSecureError, match="does not exist"):
        read("dynamodb", {"dynamodb.input.tableName": "none"})
    with pytest.raises(RefusedError, match="GS-TLS-005"):
        read("dynamodb", {"dynamodb.input.tableName": "none", "dynamodb.endpoint": "http://localhost"})
    with pytest.raises(UsageError, match="a frame without id"):
        started.write_dynamic_frame.from_options(
            DynamicFrame.fromDF(started.spark_session.range(1).toDF("other"), started, "f"),
            "dynamodb",
            {"dynamodb.output.tableName": table("keys")},
        )
    for kind, options, expected in (
        ("custom.spark", {"className": "org.example.Source"}, "GS-CON-002"),
        ("snowflake", {"connectionName": "c"}, "AWS Glue"),
        ("mongodb", {"connectionName": "c"}, "AWS Glue"),
    ):
        with pytest.raises(GlueSecureError, match=expected):
            read(kind, options)
