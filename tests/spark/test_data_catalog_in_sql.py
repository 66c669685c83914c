"""Spark SQL over the Data Catalog, as a Glue job with --enable-glue-datacatalog has it."""

from types import SimpleNamespace

import pytest
from spark_errors import SPARK_ERRORS

from glue_secure import RefusedError
from glue_secure.catalog.encrypted_metastore import EncryptedMetastore
from glue_secure.core.service import ServiceError
from glue_secure.embedded.clients import clients
from glue_secure.engines.spark import metastore_client
from glue_secure.engines.spark.context import GlueContext
from glue_secure.engines.spark.data_catalog import IMPLEMENTATION, session_with_catalog
from glue_secure.engines.spark.job import Job


@pytest.fixture(scope="module")
def hive_session(glue_spark):
    """A session with Hive support; afterwards the default session is that of the other tests again."""
    from pyspark.sql import SparkSession

    yield session_with_catalog(glue_spark)
    glue_spark.sparkContext._jsc.sc().conf().remove(IMPLEMENTATION)
    SparkSession._instantiatedSession = glue_spark
    for change in ("setDefaultSession", "setActiveSession"):
        getattr(glue_spark._jvm.SparkSession, change)(glue_spark._jsparkSession)


@pytest.fixture
def aws(glue_account):
    return clients(glue_account)


@pytest.fixture
def database(aws, glue_job):
    name = glue_job.name.replace("-", "_")
    aws("glue").create_database(DatabaseInput={"Name": name, "LocationUri": glue_job.target})
    yield name
    aws("glue").delete_database(Name=name)


@pytest.fixture
def begin(glue_job, hive_session, database, monkeypatch):
    """``begin()``: start the job with the Data Catalog as the metastore."""
    started = []

    def start():
        monkeypatch.setattr("sys.argv", glue_job.argv(enable_glue_datacatalog="true"))
        context = GlueContext(hive_session)
        job = Job(context)
        job.init(glue_job.name)
        started.append(context)
        return SimpleNamespace(
            context=context, spark=context.spark_session, job=job, database=database, bench=glue_job
        )

    yield start
    for context in started:
        context.secured_run.close(outcome="test over")


def test_a_table_that_sql_makes_is_in_the_data_catalog_with_its_partitions(begin, aws, provisioned):
    run = begin()
    sql, table = run.spark.sql, f"{run.database}.trips"
    sql(
        f"create external table {table} (id bigint, tags array<struct<q:string>>) partitioned by (dt string) "
        f"stored as parquet location '{run.bench.target}trips/'"
    )
    sql(f"insert into {table} values (1, array(named_struct('q', 'a')), '2024'), (2, null, '2025')")
    sql(f"insert overwrite table {table} partition (dt='2025') values (3, null)")
    assert sql(f"select id from {table} where dt = '2025'").collect()[0].id == 3
    assert run.spark.table(table).count() == 2
    assert [row.tableName for row in sql(f"show tables in {run.database}").collect()] == ["trips"]
    assert run.spark.catalog.tableExists(table)
    assert run.context.tableNames(run.database) == ["trips"]
    glue = aws("glue")
    shape = glue.get_table(DatabaseName=run.database, Name="trips")["Table"]
    assert [c["Type"] for c in shape["StorageDescriptor"]["Columns"]] == ["bigint", "array<struct<q:string>>"]
    partitions = glue.get_partitions(DatabaseName=run.database, TableName="trips")["Partitions"]
    assert {tuple(partition["Values"]) for partition in partitions} == {("2024",), ("2025",)}
    read = run.context.create_dynamic_frame.from_catalog(database=run.database, table_name="trips")
    assert read.count() == 2
    run.job.commit()
    (evidence,) = run.bench.evidence()
    assert {change["action"] for change in evidence["catalog"]} >= {"create-table", "create-partitions"}
    written = [found for write in evidence["writes"] for found in write["objects"]]
    assert {entry["key"] for entry in written} == {provisioned.data_key}


@pytest.mark.parametrize("format", ["parquet", "orc", "textfile"])
def test_rows_are_inserted_into_a_table_whose_location_has_no_object(begin, provisioned, format):
    run = begin()
    sql, table = run.spark.sql, f"{run.database}.new_{format}"
    sql(
        f"create external table {table} (id bigint) stored as {format} location '{run.bench.target}{format}/'"
    )
    assert run.spark.table(table).count() == 0
    sql(f"insert into {table} values (1), (2)")
    assert run.spark.table(table).count() == 2
    run.job.commit()
    (evidence,) = run.bench.evidence()
    written = [found for write in evidence["writes"] for found in write["objects"]]
    assert {entry["key"] for entry in written} == {provisioned.data_key}


def test_a_table_that_cannot_be_created_leaves_no_object(begin, monkeypatch):
    def deny(*_):
        raise ServiceError("CreateTable: denied", code="AccessDeniedException", operation="CreateTable")

    monkeypatch.setattr(EncryptedMetastore, "create_table_shape", deny)
    run = begin()
    location = f"{run.bench.target}refused/"
    with pytest.raises(SPARK_ERRORS, match="CreateTable: denied"):
        run.spark.sql(f"create table {run.database}.t (id int) stored as parquet location '{location}'")
    # S3A stores a marker of the folder above.
    assert set(run.bench.objects()) <= {f"{run.bench.name}/"}


def test_the_error_of_a_table_that_cannot_be_created_is_that_of_the_data_catalog(begin, monkeypatch):
    def deny(*_):
        monkeypatch.setattr(metastore_client._Methods, "_file_system", lambda *_: 1 / 0)
        raise ServiceError("CreateTable: denied", code="AccessDeniedException", operation="CreateTable")

    monkeypatch.setattr(EncryptedMetastore, "create_table_shape", deny)
    run = begin()
    location = f"{run.bench.target}refused/"
    with pytest.raises(SPARK_ERRORS, match="CreateTable: denied"):
        run.spark.sql(f"create table {run.database}.t (id int) stored as parquet location '{location}'")


def test_partitions_are_found_altered_and_dropped(begin, aws):
    run = begin()
    sql, table = run.spark.sql, f"{run.database}.p"
    run.spark.sql("select 1 as id, '2024' as dt").write.partitionBy("dt").parquet(f"{run.bench.target}p/")
    sql(
        f"create external table {table} (id int) partitioned by (dt string) stored as parquet "
        f"location '{run.bench.target}p/'"
    )
    assert run.spark.table(table).count() == 0
    sql(f"msck repair table {table}")
    assert run.spark.table(table).count() == 1
    sql(f"alter table {table} add if not exists partition (dt='2030') location '{run.bench.target}else/'")
    assert [row.partition for row in sql(f"show partitions {table}").collect()] == ["dt=2024", "dt=2030"]
    sql(f"alter table {table} drop partition (dt='2024')")
    sql(f"alter table {table} add columns (name string)")
    glue = aws("glue")
    partitions = glue.get_partitions(DatabaseName=run.database, TableName="p")["Partitions"]
    assert [partition["Values"] for partition in partitions] == [["2030"]]
    shape = glue.get_table(DatabaseName=run.database, Name="p")["Table"]
    assert [column["Name"] for column in shape["StorageDescriptor"]["Columns"]] == ["id", "name"]
    sql(f"drop table {table}")
    assert glue.get_tables(DatabaseName=run.database)["TableList"] == []
    with pytest.raises(SPARK_ERRORS, match="TABLE_OR_VIEW_NOT_FOUND"):
        sql(f"select * from {table}")
    run.job.commit()


def test_tables_of_the_catalog_are_read_whatever_made_them(begin, aws):
    run = begin()
    run.bench.land("plain/a.csv", "1;x\n2;y\n")
    run.bench.land("lines/m=7/a.json", '{"id": 1, "n": {"a": "b"}}\n')
    text = "org.apache.hadoop.mapred.TextInputFormat"
    output = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
    glue = aws("glue")
    columns = [{"Name": "id", "Type": "bigint"}, {"Name": "name", "Type": "string"}]
    lazy = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
    storage = {"Columns": columns, "Location": f"{run.bench.source}plain/", "InputFormat": text}
    serde = {"SerializationLibrary": lazy, "Parameters": {"field.delim": ";"}}
    glue.create_table(
        DatabaseName=run.database,
        TableInput={
            "Name": "plain",
            "StorageDescriptor": {**storage, "OutputFormat": output, "SerdeInfo": serde},
        },
    )
    storage = {
        "Columns": [{"Name": "id", "Type": "int"}, {"Name": "n", "Type": "struct<a:string>"}],
        "Location": f"{run.bench.source}lines/",
        "InputFormat": text,
        "OutputFormat": output,
        "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
    }
    glue.create_table(
        DatabaseName=run.database,
        TableInput={
            "Name": "lines",
            "Parameters": {"classification": "json"},
            "PartitionKeys": [{"Name": "m", "Type": "int"}],
            "StorageDescriptor": storage,
        },
    )
    glue.create_partition(
        DatabaseName=run.database,
        TableName="lines",
        PartitionInput={
            "Values": ["7"],
            "StorageDescriptor": {**storage, "Location": f"{run.bench.source}lines/m=7/"},
        },
    )
    sql = run.spark.sql
    assert sql(f"select id, name from {run.database}.plain order by id").collect() == [(1, "x"), (2, "y")]
    assert sql(f"select id, n.a, m from {run.database}.lines where m = 7").collect() == [(1, "b", 7)]


def test_save_as_table_and_views(begin, aws):
    run = begin()
    table = f"{run.database}.saved"
    run.spark.range(3).write.format("parquet").option("path", f"{run.bench.target}saved/").saveAsTable(table)
    run.spark.range(2).write.insertInto(table)
    run.spark.sql(f"create or replace view {run.database}.v as select max(id) as m from {table}")
    assert run.spark.table(f"{run.database}.v").collect() == [(2,)]
    kinds = {
        shape["Name"]: shape["TableType"]
        for shape in aws("glue").get_tables(DatabaseName=run.database)["TableList"]
    }
    assert kinds == {"saved": "EXTERNAL_TABLE", "v": "VIRTUAL_VIEW"}
    run.job.commit()


def test_gs_cat_001_sql_over_a_catalog_that_is_not_encrypted_is_refused(begin, aws, monkeypatch):
    from glue_secure.aws.glue import GlueControlPlane
    from glue_secure.core.catalog_encryption import CatalogEncryption

    monkeypatch.setattr(GlueControlPlane, "catalog_encryption", lambda *_: CatalogEncryption())
    run = begin()
    with pytest.raises(SPARK_ERRORS, match="GS-CAT-001"):
        run.spark.sql(f"show tables in {run.database}")
    with pytest.raises(RefusedError, match="GS-CAT-001"):
        run.job.commit()


def test_gs_s3_005_an_insert_under_another_key_is_rejected(begin, provisioned):
    run = begin()
    table = f"{run.database}.t"
    run.spark.sql(f"create table {table} (id int) using parquet location '{run.bench.target}t/'")
    settings = {"fs.s3.impl.disable.cache": "true", "fs.s3a.encryption.key": provisioned.bookmark_key}
    for name, value in settings.items():
        run.spark.conf.set(name, value)
    try:
        with pytest.raises((*SPARK_ERRORS, RefusedError), match="GS-S3-005"):
            run.spark.sql(f"insert into {table} values (1)")
    finally:
        for name in settings:
            run.spark.conf.unset(name)
    assert not [key for key in run.bench.objects() if "part-" in key]


def test_gs_s3_004_an_insert_into_a_partition_outside_its_table_is_encrypted(begin, provisioned):
    run = begin()
    table = f"{run.database}.t"
    run.spark.sql(
        f"create external table {table} (id int) partitioned by (dt string) stored as parquet "
        f"location '{run.bench.target}t/'"
    )
    run.spark.sql(f"alter table {table} add partition (dt='1') location '{run.bench.target}elsewhere/'")
    run.spark.sql(f"insert into {table} partition (dt='1') values (1)")
    run.job.commit()
    (evidence,) = run.bench.evidence()
    written = [found for write in evidence["writes"] for found in write["objects"]]
    assert {entry["key"] for entry in written} == {provisioned.data_key}
    assert any("/elsewhere/" in entry["uri"] for entry in written)
