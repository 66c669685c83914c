"""The Glue scripts in jobs/glue, which differ from scripts for Glue only by their imports.

The streaming script and the one that reads a database run under ``glue-secure run``. The others run in the
session of the tests. Their data is in tests/vectors/glue_scripts. The tests check rows,
types, the encryption of every object, and the evidence.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from glue_secure.embedded.account_setup import CURATED, LANDING
from glue_secure.embedded.clients import clients

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "jobs" / "glue"
DATA = ROOT / "tests" / "vectors" / "glue_scripts"
PREFIX = "glue_scripts"


def landed(folder):
    return f"s3://{LANDING}/{PREFIX}/{folder}/"


def target(name):
    return f"s3://{CURATED}/{PREFIX}/{name}/"


def test_legislators_are_joined_and_relationalized(scripts):
    for name in ("persons", "memberships", "organizations"):
        scripts.table("legislators", f"{name}_json", landed(f"legislators/{name}.json").rstrip("/"), "json")
    out = target("legislators")
    result = scripts.run_here("join_and_relationalize.py", output_dir=out, TempDir=target("legislators_tmp"))
    assert "Count: 3 5 2" in result.output
    history = scripts.rows(f"{out}legislator_history/")
    assert sorted((row["org_name"], row["family_name"], row["start_date"]) for row in history) == [
        ("House of Representatives", "Larsen", "2013-01-03"),
        ("House of Representatives", "Sanz", "2015-01-06"),
        ("Senate", "Larsen", "2015-01-06"),
        ("Senate", "Okoye", "2011-01-05"),
    ]
    root = scripts.rows(f"{out}tables/hist_root/", "json")
    assert len(root) == 4
    links = scripts.rows(f"{out}tables/hist_root_links/", "json")
    assert sorted((row["id"], row["index"]) for row in links) == sorted(
        (row["links"], index)
        for row in root
        for index in range({"Larsen": 2, "Okoye": 1}.get(row["family_name"], 0))
    )
    assert {row["links.val.url"] for row in links} == {
        "https://example.org/wiki/ada",
        "https://example.org/ada",
        "https://example.org/ben",
    }
    assert scripts.objects("legislators")
    scripts.objects("legislators_tmp")


def test_a_column_of_numbers_with_text_in_it_is_resolved_and_nested(scripts):
    names = (DATA / "medicare" / "payments.csv").read_text().splitlines()[0].split(",")
    kinds = {"provider_id": "bigint", "provider_zip_code": "bigint", "total_discharges": "bigint"}
    scripts.table(
        "payments",
        "medicare",
        landed("medicare"),
        "csv",
        [(name, kinds.get(name, "string")) for name in names],
        **{"skip.header.line.count": "1", "serde": {"field.delim": ",", "quoteChar": '"'}},
    )
    result = scripts.run_here(
        "resolve_choice.py", database="payments", table="medicare", output_dir=target("medicare")
    )
    assert re.search(r"provider_id: choice\n.*long\n.*string", result.output), result.output[-3000:]
    rows = sorted(scripts.rows(target("medicare")), key=lambda row: row["provider"]["id"])
    assert [row["provider"]["id"] for row in rows] == [10001, 10005, 450289]
    assert rows[2]["provider"] == {
        "id": 450289,
        "name": "HARRIS, COUNTY HOSPITAL",
        "city": "HOUSTON",
        "state": "TX",
        "zip": 77504,
    }
    assert rows[0]["charges"] == {"covered": 32963.07, "total_pay": 5777.24, "medicare_pay": 4763.73}
    assert scripts.objects("medicare")


@pytest.fixture(scope="module")
def database(glue_account):
    """The account's connection, and tables in its database."""
    from glue_secure.embedded import seed

    return seed.seed_flights(glue_account, months=())


def test_a_database_table_goes_to_s3(scripts, database):
    result = scripts.run(
        "jdbc_to_s3.py",
        connection_name=database.connection,
        db_table="planes",
        s3_target=target("planes"),
    )
    frame = scripts.read(target("planes"))
    assert dict(frame.dtypes) == {
        "tail_number": "string",
        "built": "bigint",
        "manufacturer": "string",
        "model": "string",
        "seats": "int",
        "engines": "int",
    }
    assert frame.count() > 250
    assert frame.selectExpr("min(seats)").first()[0] > 200
    assert result.evidence["tls"][0]["protocol"] == "TLSv1.3"
    assert any("/engines=2/" in key for key in scripts.objects("planes"))


def connect(account):
    import psycopg

    server = account.postgres
    return psycopg.connect(
        host=server.host,
        port=server.port,
        dbname=server.database,
        user=server.user,
        password=server.password,
        sslmode="verify-full",
        sslrootcert=str(account.ca_pem),
    )


@pytest.fixture
def writing_connection(glue_account, database):
    """A Glue connection whose user may write one table."""
    server, make = glue_account.postgres, clients(glue_account)
    properties = make("glue").get_connection(Name=database.connection)["Connection"]["ConnectionProperties"]
    with connect(glue_account) as session:
        session.execute("DROP TABLE IF EXISTS orders")
        session.execute(
            "CREATE TABLE orders"
            " (order_id bigint, customer text, ordered_at timestamptz, amount numeric(10,2))"
        )
    secret = {"username": server.user, "password": server.password}
    make("secretsmanager").create_secret(
        Name="glue-scripts/orders",
        KmsKeyId=database.provisioned.data_key,
        SecretString=json.dumps(secret),
    )
    make("glue").create_connection(
        ConnectionInput={
            "Name": "orders-postgres",
            "ConnectionType": "JDBC",
            "ConnectionProperties": {**properties, "SECRET_ID": "glue-scripts/orders"},
        }
    )
    return "orders-postgres"


def test_files_of_s3_go_to_a_database_table(scripts, glue_account, writing_connection):
    result = scripts.run_here(
        "s3_to_jdbc.py",
        s3_source=landed("orders"),
        connection_name=writing_connection,
        db_name=glue_account.postgres.database,
        db_table="public.orders",
        TempDir=target("orders_tmp"),
        job_bookmark_option="job-bookmark-enable",
    )
    with connect(glue_account) as session:
        rows = session.execute(
            "SELECT order_id, customer, ordered_at AT TIME ZONE 'UTC', amount FROM orders ORDER BY 1"
        ).fetchall()
    assert [(number, customer, str(at), amount) for number, customer, at, amount in rows] == [
        (1, "Ana", "2024-01-05 10:15:00", Decimal("19.90")),
        (2, "Björn", "2024-01-06 23:59:59", Decimal("250.00")),
        (3, "O'Neil, Kate", "2024-02-01 00:00:00", Decimal("0.05")),
    ]
    assert result.evidence["tls"][0]["protocol"] == "TLSv1.3"
    assert result.evidence["bookmark"]["sequence_after"] == 1
    assert scripts.objects("orders_tmp") == []  # Redshift alone is loaded by way of S3


def test_partitions_of_a_catalog_table_are_pruned_and_written_partitioned(scripts):
    columns = [
        ("id", "string"),
        ("type", "string"),
        ("actor", "struct<id:int,login:string>"),
        ("repo", "struct<id:int,name:string>"),
        ("payload", "struct<action:string>"),
        ("public", "boolean"),
    ]
    storage = scripts.table("github", "events", landed("events"), "json", columns, ("year", "month"))
    for year, month in (("2023", "02"), ("2024", "01"), ("2024", "02")):
        location = f"{landed('events')}year={year}/month={month}/"
        scripts.client("glue").create_partition(
            DatabaseName="github",
            TableName="events",
            PartitionInput={
                "Values": [year, month],
                "StorageDescriptor": {**storage, "Location": location},
                "Parameters": {"classification": "json"},
            },
        )
    result = scripts.run_here(
        "catalog_to_s3_partitioned.py",
        database="github",
        table="events",
        month="02",
        output_dir=target("events"),
    )
    assert "Partitions pruned, records left: 3" in result.output
    rows = scripts.rows(target("events"), basePath=target("events").replace("s3://", "s3a://"))
    assert sorted((row["id"], row["type"], row["login"], row["repository"]) for row in rows) == [
        ("3", "PushEvent", "carla", "c/three"),
        ("5", "IssuesEvent", "ben", "a/one"),
    ]
    # Hadoop 3.4 does not delete folder markers.
    files = [key for key in scripts.objects("events") if "=" in key and not key.endswith("/")]
    assert {key.rpartition("/")[0].removeprefix(f"{PREFIX}/events/") for key in files} == {
        "type=PushEvent/year=2024/month=02",
        "type=IssuesEvent/year=2024/month=02",
    }


@pytest.mark.long  # tests/spark/writing/test_streaming.py tests each rule of streams
def test_a_stream_of_files_is_written_in_batches_with_ingestion_time(scripts):
    result = scripts.run(
        "streaming_micro_batch.py",
        environment={"GLUE_SECURE_STREAMING": "available-now"},
        input_dir=landed("sensors").replace("s3://", "s3a://"),
        output_dir=target("sensors"),
        checkpoint_dir=target("sensors_checkpoint"),
    )
    rows = scripts.rows(target("sensors"), "json")
    assert sorted((row["sensor"], row["temperature"]) for row in rows) == [("north", 3.5), ("north", 3.75)]
    assert all(row["ingest_year"] >= 2024 and 1 <= row["ingest_month"] <= 12 for row in rows)
    assert all("/ingest_hour=" in key for key in scripts.objects("sensors") if key.endswith(".json"))
    assert any("/commits/0" in key for key in scripts.objects("sensors_checkpoint"))
    assert [stream["rows"] for stream in result.evidence["streams"]] == [3]


def test_a_sink_updates_its_table_and_partitions_in_the_catalog(scripts):
    glue = scripts.client("glue")
    glue.create_database(DatabaseInput={"Name": "shop"})
    scripts.run_here(
        "sink_updates_catalog.py",
        input_dir=landed("products"),
        output_dir=target("products"),
        database="shop",
        table="products",
    )
    table = glue.get_table(DatabaseName="shop", Name="products")["Table"]
    assert {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]} == {
        "sku": "string",
        "name": "string",
        "price": "double",
    }
    assert [key["Name"] for key in table["PartitionKeys"]] == ["region", "category"]
    partitions = glue.get_partitions(DatabaseName="shop", TableName="products")["Partitions"]
    assert sorted(partition["Values"] for partition in partitions) == [
        ["eu", "home"],
        ["eu", "office"],
        ["us", "office"],
    ]
    rows = scripts.rows(target("products"))
    assert sorted((row["sku"], row["price"]) for row in rows) == [
        ("A-1", 19.5),
        ("A-2", 120.0),
        ("B-1", 75.25),
    ]
    assert len(scripts.objects("products")) >= 3


def test_records_that_cannot_be_parsed_are_error_records(scripts):
    result = scripts.run_here("map_filter_errors.py", input_dir=landed("logs"), output_dir=target("logs"))
    assert "Records: 5 parsed: 3 errors: 2" in result.output
    assert "2 records could not be parsed" in result.output
    serious = scripts.rows(f"{target('logs')}serious/", "json")
    assert sorted((row["day"], row["level"], row["message"]) for row in serious) == [
        ("2024-03-01", "ERROR", "disk is full"),
        ("2024-03-02", "WARN", "retrying"),
    ]
    assert all("trace" not in row for row in serious)
    assert len(scripts.rows(f"{target('logs')}errors/", "json")) == 2
    assert scripts.objects("logs")


def test_csv_files_are_read_in_groups_and_written_in_three_formats(scripts):
    scripts.run_here("csv_to_formats.py", input_dir=landed("stations"), output_dir=target("stations"))
    expected = [("1", "Bern"), ("2", "Zürich; HB"), ("3", "Genève"), ("4", "Lugano")]
    for format in ("orc", "avro"):
        frame = scripts.read(f"{target('stations')}{format}/", format)
        assert dict(frame.dtypes)["latitude"] == "double"
        assert sorted((row["station"], row["name"]) for row in frame.collect()) == expected
    lines = scripts.rows(f"{target('stations')}csv/", "csv", sep="|", header="true")
    assert sorted((row["station"], row["name"]) for row in lines) == expected
    assert {row["opened"] for row in lines} >= {"1847-08-09"}
    assert len(scripts.objects("stations")) >= 3


def test_an_export_of_dynamodb_is_unnested_merged_and_split(scripts):
    result = scripts.run_here(
        "dynamodb_export.py",
        export_dir=landed("dynamodb/export"),
        changes_dir=landed("dynamodb/changes"),
        output_dir=target("dynamodb"),
    )
    assert "orders: 3 changes: 2 current: 4" in result.output
    large = scripts.rows(f"{target('dynamodb')}large/", "json")
    small = scripts.rows(f"{target('dynamodb')}small/", "json")
    assert sorted((row["order_id"], row["total"], row["state"]) for row in large) == [
        ("o-1", 250.0, "open"),
        ("o-2", 140.0, "paid"),
    ]
    assert sorted((row["order_id"], row["customer"]) for row in small) == [("o-3", "Cy"), ("o-4", "Di")]
    assert len(scripts.rows(f"{target('dynamodb')}sample/", "json")) == 2
    assert scripts.objects("dynamodb")


def test_only_the_imports_of_the_scripts_name_this_project():
    scripts = sorted(SCRIPTS.glob("*.py"))
    tests = Path(__file__).read_text(encoding="utf-8")
    tests += Path(__file__).with_name("table_program.py").read_text(encoding="utf-8")
    assert scripts
    for script in scripts:
        others = [
            line
            for line in script.read_text(encoding="utf-8").splitlines()
            if "glue_secure" in line and not line.startswith("from glue_secure.")
        ]
        assert others == [], script.name
        assert f'{script.name}"' in tests, script.name
