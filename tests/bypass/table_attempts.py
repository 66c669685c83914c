"""Bypass attempts through table formats, in a separate session with their JARs: Iceberg, Delta and Hudi.

As a program, it runs each attempt and prints the result, one JSON object per line.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import uuid

from glue_secure.embedded import table_formats

WAREHOUSE = "glue-secure-curated/lake"
ICEBERG = "org.apache.iceberg.spark.SparkCatalog"
S3_FILE_IO = "org.apache.iceberg.aws.s3.S3FileIO"


def settings(endpoint: str, region: str) -> dict[str, str]:
    """Return Iceberg catalogs: on Hadoop's file system, on Iceberg's S3 client, and the Data Catalog."""
    lake, own, glue = (f"spark.sql.catalog.{name}" for name in ("lake", "s3lake", "gluelake"))
    return {
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions,"
        "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.serializer": "org.apache.spark.serializer.KryoSerializer",
        lake: ICEBERG,
        f"{lake}.type": "hadoop",
        f"{lake}.warehouse": f"s3a://{WAREHOUSE}",
        own: ICEBERG,
        f"{own}.type": "hadoop",
        f"{own}.warehouse": f"s3a://{WAREHOUSE}",
        f"{own}.io-impl": S3_FILE_IO,
        f"{own}.s3.endpoint": endpoint,
        f"{own}.s3.path-style-access": "true",
        f"{own}.client.region": region,
        glue: ICEBERG,
        f"{glue}.catalog-impl": "org.apache.iceberg.aws.glue.GlueCatalog",
        f"{glue}.warehouse": f"s3://{WAREHOUSE}",
        f"{glue}.io-impl": S3_FILE_IO,
        f"{glue}.s3.endpoint": endpoint,
        f"{glue}.s3.path-style-access": "true",
        f"{glue}.client.region": region,
    }


def _create(bypass, catalog):
    bypass.frame().writeTo(f"{catalog}.db.{bypass.table}").using("iceberg").create()


def _location(bypass):
    return f"s3a://{WAREHOUSE}/db/{bypass.table}"


def iceberg_create(bypass):
    _create(bypass, "lake")


def iceberg_merge(bypass):
    bypass.job.write.custom(_location(bypass), lambda: _create(bypass, "lake"))
    table = f"lake.db.{bypass.table}"
    bypass.spark.sql(
        f"merge into {table} t using (select 1L as id) s on t.id = s.id when matched then delete"
    )


def iceberg_append_and_overwrite(bypass):
    _create(bypass, "lake")
    bypass.frame().writeTo(f"lake.db.{bypass.table}").append()
    bypass.frame(1).writeTo(f"lake.db.{bypass.table}").overwritePartitions()


def iceberg_definition(bypass):
    bypass.spark.sql(f"create table lake.db.{bypass.table} (id bigint) using iceberg")
    bypass.spark.sql(f"alter table lake.db.{bypass.table} add column name string")


def iceberg_procedure(bypass):
    _create(bypass, "lake")
    options = "map('rewrite-all', 'true')"
    bypass.spark.sql(
        f"call lake.system.rewrite_data_files(table => 'db.{bypass.table}', options => {options})"
    )


def iceberg_with_its_own_s3_client_unmanaged(bypass):
    _create(bypass, "s3lake")


def iceberg_data_elsewhere(bypass):
    _create(bypass, "lake")
    table = f"lake.db.{bypass.table}"
    bypass.spark.sql(f"alter table {table} set tblproperties ('write.data.path'='{bypass.out}-data')")
    bypass.frame().writeTo(table).append()


def _sql(bypass, text):
    return bypass.spark.sql(
        text.format(table=f"lake.db.{bypass.table}", name=f"db.{bypass.table}", out=bypass.out)
    )


def iceberg_object_storage_elsewhere(bypass):
    _create(bypass, "lake")
    properties = "'write.object-storage.enabled'='true', 'write.data.path'='{out}-data'"
    _sql(bypass, f"alter table {{table}} set tblproperties ({properties})")
    bypass.frame().writeTo(f"lake.db.{bypass.table}").append()


def iceberg_data_below_the_evidence(bypass):
    _create(bypass, "lake")
    evidence = "s3a://glue-secure-evidence/evidence/table"
    _sql(bypass, f"alter table {{table}} set tblproperties ('write.data.path'='{evidence}')")
    bypass.frame().writeTo(f"lake.db.{bypass.table}").append()


def iceberg_metadata_elsewhere(bypass):
    name, _ = _glue_table(bypass)
    bypass.spark.sql(f"alter table {name} set tblproperties ('write.metadata.path'='{bypass.out}-metadata')")
    bypass.frame().writeTo(name).append()


def iceberg_metadata_below_the_evidence(bypass):
    name, _ = _glue_table(bypass)
    evidence = "s3a://glue-secure-evidence/evidence/table"
    bypass.spark.sql(f"alter table {name} set tblproperties ('write.metadata.path'='{evidence}')")
    bypass.frame().writeTo(name).append()


def _glue_table(bypass):
    """Create a table of the Data Catalog, and return its name in SQL and its definition."""
    glue = bypass.aws("glue")
    if "db" not in {entry["Name"] for entry in glue.get_databases()["DatabaseList"]}:
        glue.create_database(DatabaseInput={"Name": "db", "LocationUri": f"s3://{WAREHOUSE}/db"})
    _create(bypass, "gluelake")
    table = glue.get_table(DatabaseName="db", Name=bypass.table)["Table"]
    names = ("Name", "TableType", "StorageDescriptor", "Parameters")
    return f"gluelake.db.{bypass.table}", {name: table[name] for name in names}


def _moved_metadata(bypass, definition):
    """Copy the metadata file of a table to another bucket, with AES256, and return where it is."""
    bucket, _, key = definition["Parameters"]["metadata_location"].removeprefix("s3://").partition("/")
    s3, moved = bypass.aws("s3"), f"foreign-{bypass.prefix}/{key.rpartition('/')[2]}"
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.put_object(Bucket="glue-secure-landing", Key=moved, Body=body, ServerSideEncryption="AES256")
    return f"s3://glue-secure-landing/{moved}"


def iceberg_metadata_of_the_catalog_elsewhere(bypass):
    name, definition = _glue_table(bypass)
    definition["Parameters"]["metadata_location"] = _moved_metadata(bypass, definition)
    bypass.aws("glue").update_table(DatabaseName="db", TableInput=definition)
    bypass.spark.sql(f"refresh table {name}")
    bypass.frame().writeTo(name).append()


def iceberg_registered(bypass):
    _, definition = _glue_table(bypass)
    metadata = _moved_metadata(bypass, definition)
    bypass.spark.sql(f"call gluelake.system.register_table('db.r_{bypass.table}', '{metadata}')")


def iceberg_encryption_in_table_properties(bypass):
    _create(bypass, "s3lake")
    name = f"s3lake.db.{bypass.table}"
    bypass.spark.sql(
        f"alter table {name} set tblproperties ('s3.sse.type'='none', 's3.sse.key'='{bypass.other}')"
    )
    bypass.frame().writeTo(name).append()


def iceberg_branch(bypass):
    _create(bypass, "lake")
    _sql(bypass, "alter table {table} create branch audit")
    bypass.frame().writeTo(f"lake.db.{bypass.table}.branch_audit").append()
    _sql(bypass, "call lake.system.fast_forward('{name}', 'main', 'audit')")


def iceberg_delete_files(bypass):
    properties = {"write.delete.mode": "merge-on-read", "format-version": "2"}
    writer = bypass.frame().writeTo(f"lake.db.{bypass.table}").using("iceberg")
    for name, text in properties.items():
        writer = writer.tableProperty(name, text)
    writer.create()
    _sql(bypass, "delete from {table} where id = 1")


def iceberg_update(bypass):
    _create(bypass, "lake")
    _sql(bypass, "update {table} set id = 9 where id = 1")


def iceberg_rollback(bypass):
    _create(bypass, "lake")
    first = _sql(bypass, "select snapshot_id from {table}.snapshots").first()[0]
    bypass.frame().writeTo(f"lake.db.{bypass.table}").append()
    _sql(bypass, f"call lake.system.rollback_to_snapshot('{{name}}', {first})")


def iceberg_manifests_rewritten(bypass):
    _create(bypass, "lake")
    bypass.frame().writeTo(f"lake.db.{bypass.table}").append()
    _sql(bypass, "call lake.system.rewrite_manifests('{name}')")


def iceberg_maintenance_without_work(bypass):
    """Call procedures that find nothing to do, in a run whose other objects are those of its own write."""
    bypass.job.write.custom(_location(bypass), lambda: _create(bypass, "s3lake"))
    for procedure in (
        "ancestors_of",
        "expire_snapshots",
        "remove_orphan_files",
        "rewrite_data_files",
        "rewrite_manifests",
        "rewrite_position_delete_files",
    ):
        bypass.spark.sql(f"call s3lake.system.{procedure}(table => 'db.{bypass.table}')")


def iceberg_procedure_before_its_table_changes(bypass):
    _create(bypass, "lake")
    change = "alter table {{table}} set tblproperties ('write.data.path'='{{out}}-{}')"
    _sql(bypass, change.format("data"))
    options = "map('rewrite-all', 'true')"
    _sql(bypass, f"call lake.system.rewrite_data_files(table => '{{name}}', options => {options})")
    _sql(bypass, change.format("later"))


def iceberg_insert_before_its_table_changes(bypass):
    _create(bypass, "lake")
    _sql(bypass, "alter table {table} set tblproperties ('write.data.path'='{out}-data')")
    _sql(bypass, "insert into {table} values (5)")
    _sql(bypass, "alter table {table} unset tblproperties ('write.data.path')")


def iceberg_maintenance(bypass):
    for _ in range(2):
        bypass.frame().writeTo(f"s3lake.db.{bypass.table}").using("iceberg").createOrReplace()
    name, later = f"s3lake.db.{bypass.table}", "timestamp '2100-01-01 00:00:00'"
    bypass.spark.sql(f"call s3lake.system.expire_snapshots('{name}', {later}, 1)")
    bypass.spark.sql(f"call s3lake.system.compute_table_stats('{name}')")
    bypass.spark.sql("use s3lake.db")
    bypass.spark.sql(f"call system.rewrite_manifests('{bypass.table}')")
    bypass.spark.sql("use spark_catalog.default")
    try:  # there is no such snapshot
        bypass.spark.sql(f"call s3lake.system.rollback_to_snapshot('db.{bypass.table}', 1)")
    except Exception as error:
        print(type(error).__name__, file=sys.stderr)


def iceberg_foreign_objects(bypass):
    _create(bypass, "lake")
    source = f"`parquet`.`{_foreign_parquet(bypass)}`"
    _sql(bypass, f"call lake.system.add_files(table => '{{name}}', source_table => '{source}')")


def iceberg_snapshot_of_foreign_objects(bypass):
    source = f"source_{bypass.table}"
    bypass.spark.sql(f"create table {source} (id bigint) using parquet location '{_foreign_parquet(bypass)}'")
    bypass.spark.sql(f"call lake.system.snapshot('spark_catalog.default.{source}', 'lake.db.{bypass.table}')")


def _foreign_parquet(bypass):
    """Store a Parquet object with AES256 outside of the run, and return its location."""
    import io

    import pandas

    content = io.BytesIO()
    pandas.DataFrame({"id": [7]}).to_parquet(content, index=False)
    bypass.aws("s3").put_object(
        Bucket=bypass.bucket,
        Key=f"foreign-{bypass.prefix}/foreign.parquet",
        Body=content.getvalue(),
        ServerSideEncryption="AES256",
    )
    return f"s3a://{bypass.bucket}/foreign-{bypass.prefix}"


def iceberg_under_another_scheme(bypass):
    hadoop = {".hadoop.fs.other.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem"}
    _create_in_new_catalog(bypass, f"other://{WAREHOUSE}", **hadoop)


def _create_in_new_catalog(bypass, warehouse, **hadoop):
    catalog = f"spark.sql.catalog.c_{bypass.table}"
    for name, text in {"": ICEBERG, ".type": "hadoop", ".warehouse": warehouse, **hadoop}.items():
        bypass.spark.conf.set(catalog + name, text)
    try:
        _create(bypass, f"c_{bypass.table}")
    finally:
        _unset(bypass, catalog)


def iceberg_on_local_disk(bypass):
    _create_in_new_catalog(bypass, f"file://{bypass.local}/lake")


def iceberg_under_another_key(bypass):
    hadoop = {".hadoop.fs.s3a.impl.disable.cache": "true", ".hadoop.fs.s3a.encryption.key": bypass.other}
    _create_in_new_catalog(bypass, f"s3a://{WAREHOUSE}", **hadoop)


def iceberg_custom_write(bypass):
    bypass.job.write.custom(_location(bypass), lambda: _create(bypass, "lake"))


def iceberg_with_its_own_s3_client(bypass):
    bypass.job.write.custom(_location(bypass), lambda: _create(bypass, "s3lake"))


def iceberg_catalog_configured_later(bypass):
    _write_to_late_catalog(bypass, bypass.spark.conf.set)


def iceberg_catalog_configured_by_sql(bypass):
    _write_to_late_catalog(bypass, lambda name, text: bypass.spark.sql(f"SET `{name}`=`{text}`"))


def _write_to_late_catalog(bypass, set_setting):
    for name, text in settings(bypass.bench.account.endpoint_url, bypass.bench.account.region).items():
        if ".s3lake" in name:
            set_setting(name.replace("s3lake", "late"), text)
    try:
        bypass.job.write.custom(_location(bypass), lambda: _create(bypass, "late"))
    finally:
        _unset(bypass, "spark.sql.catalog.late")


def iceberg_catalog_without_encryption(bypass):
    name = "spark.sql.catalog.s3lake.s3.sse.type"
    before = bypass.spark.conf.get(name)
    bypass.spark.conf.set(name, "none")
    try:
        bypass.job.write.custom(_location(bypass), lambda: _create(bypass, "s3lake"))
    finally:
        bypass.spark.conf.set(name, before)


def _unset(bypass, prefix):
    names = bypass.spark._jsparkSession.conf().getAll().keys().mkString("\n").split("\n")
    for name in names:
        if name.startswith(prefix):
            bypass.spark.conf.unset(name)


def delta_write(bypass):
    bypass.frame().write.format("delta").save(bypass.out)


def delta_append_and_overwrite(bypass):
    for mode in ("append", "append", "overwrite"):
        bypass.frame().write.format("delta").mode(mode).save(bypass.out)


def delta_delete(bypass):
    bypass.frame().write.format("delta").save(bypass.out)
    bypass.spark.sql(f"delete from delta.`{bypass.out}` where id = 1")


def delta_delete_custom_write(bypass):
    bypass.frame().write.format("delta").save(bypass.out)
    bypass.job.write.custom(
        bypass.out, lambda: bypass.spark.sql(f"delete from delta.`{bypass.out}` where id = 1")
    )


def delta_merge(bypass):
    bypass.frame().write.format("delta").save(bypass.out)
    bypass.spark.sql(
        f"merge into delta.`{bypass.out}` t using (select 1L as id) s on t.id = s.id "
        "when matched then update set id = 9"
    )
    bypass.spark.sql(f"describe history delta.`{bypass.out}`").collect()


def delta_on_local_disk(bypass):
    bypass.frame().write.format("delta").save(f"file://{bypass.local}/delta")


def delta_under_another_key(bypass):
    with bypass.hadoop(fs_s3a_impl_disable_cache="true", fs_s3a_encryption_key=bypass.other):
        bypass.spark.conf.set("fs.s3a.encryption.key", bypass.other)
        bypass.frame().write.format("delta").save(bypass.out)
    bypass.spark.conf.set("fs.s3a.encryption.key", bypass.key)


def delta_optimize(bypass):
    for _ in range(2):
        bypass.frame().write.format("delta").mode("append").save(bypass.out)
    bypass.spark.sql(f"optimize delta.`{bypass.out}`")


def delta_restore(bypass):
    for _ in range(2):
        bypass.frame().write.format("delta").mode("append").save(bypass.out)
    bypass.spark.sql(f"restore table delta.`{bypass.out}` to version as of 0")


def delta_change_data(bypass):
    bypass.spark.sql(
        f"create table delta.`{bypass.out}` (id bigint) using delta "
        "tblproperties (delta.enableChangeDataFeed = true, delta.checkpointInterval = 1)"
    )
    bypass.frame().write.format("delta").mode("append").save(bypass.out)
    bypass.spark.sql(
        f"merge into delta.`{bypass.out}` t using (select 1L as id) s on t.id = s.id "
        "when matched then update set id = 9"
    )


def delta_deletion_vectors(bypass):
    bypass.spark.sql(
        f"create table delta.`{bypass.out}` (id bigint) using delta "
        "tblproperties (delta.enableDeletionVectors = true)"
    )
    bypass.frame(9).coalesce(1).write.format("delta").mode("append").save(bypass.out)
    bypass.spark.sql(f"delete from delta.`{bypass.out}` where id = 1")


def delta_options_of_one_write(bypass):
    options = {"fs.s3a.encryption.key": bypass.other, "fs.s3a.impl.disable.cache": "true"}
    bypass.frame().write.format("delta").options(**options).save(bypass.out)


def delta_foreign_objects(bypass):
    bypass.spark.sql(f"convert to delta parquet.`{_foreign_parquet(bypass)}`")


def delta_foreign_objects_before_their_table_changes(bypass):
    name = f"converted_{bypass.table}"
    create = f"create table {name} {{}} location '{{}}'"
    bypass.spark.sql(create.format("using parquet", _foreign_parquet(bypass)))
    bypass.spark.sql(f"convert to delta {name}")
    bypass.spark.sql(f"drop table {name}")
    bypass.spark.sql(create.format("(id bigint) using delta", bypass.out))


def delta_converted_by_its_api(bypass):
    from delta.tables import DeltaTable

    DeltaTable.convertToDelta(bypass.spark, f"parquet.`{_foreign_parquet(bypass)}`")


def delta_maintenance_without_work(bypass):
    """Execute commands that find nothing to do or fail, beside a write of the run."""
    from delta.tables import DeltaTable
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    bypass.job.write.custom(
        bypass.out, lambda: bypass.frame().coalesce(1).write.format("delta").save(bypass.out)
    )
    for statement in (
        "optimize delta.`{}`",
        "vacuum delta.`{}`",
        "restore table delta.`{}` to version as of 0",
        "convert to delta parquet.`{}`",
    ):
        bypass.spark.sql(statement.format(bypass.out))
    for statement in ("optimize delta.`{}` where nothing = 1", "vacuum delta.`{}` retain 0 hours"):
        try:
            bypass.spark.sql(statement.format(bypass.out))
        except (PySparkException, Py4JJavaError) as error:
            print(f"{statement}: {type(error).__name__}", file=sys.stderr)
        else:
            raise AssertionError(statement)
    name = f"maintained_{bypass.table}"
    bypass.spark.sql(f"create table {name} using delta location '{bypass.out}'")
    bypass.spark.sql(f"convert to delta {name}")
    DeltaTable.convertToDelta(bypass.spark, f"parquet.`{bypass.out}`")
    for table in (f"parquet.`{bypass.out}-empty`", f"csv.`{bypass.out}`", "missing"):
        try:
            DeltaTable.convertToDelta(bypass.spark, table)
        except Exception as error:  # Delta refuses it, with errors of several classes
            print(f"{table}: {type(error).__name__}", file=sys.stderr)
        else:
            raise AssertionError(table)


def delta_clone_of_foreign_objects(bypass):
    bypass.spark.sql(f"create table delta.`{bypass.out}` shallow clone parquet.`{_foreign_parquet(bypass)}`")


def hudi_foreign_objects(bypass):
    options = {
        "hoodie.table.name": bypass.table,
        "hoodie.datasource.write.recordkey.field": "id",
        "hoodie.datasource.write.operation": "bootstrap",
        "hoodie.datasource.write.keygenerator.class": "org.apache.hudi.keygen.NonpartitionedKeyGenerator",
        "hoodie.bootstrap.base.path": _foreign_parquet(bypass),
        "hoodie.bootstrap.keygen.class": "org.apache.hudi.keygen.NonpartitionedKeyGenerator",
        "hoodie.metadata.index.column.stats.enable": "false",
    }
    bypass.frame(0).write.format("hudi").options(**options).mode("overwrite").save(bypass.out)


def hudi_operations(bypass):
    hudi_write(bypass)
    for operation in ("bulk_insert", "delete", "insert_overwrite_table"):
        options = {
            "hoodie.table.name": bypass.table,
            "hoodie.datasource.write.recordkey.field": "id",
            "hoodie.datasource.write.precombine.field": "id",
            "hoodie.datasource.write.operation": operation,
        }
        bypass.frame(2).write.format("hudi").options(**options).mode("append").save(bypass.out)


def hudi_under_another_key(bypass):
    with bypass.hadoop(fs_s3a_impl_disable_cache="true", fs_s3a_encryption_key=bypass.other):
        bypass.spark.conf.set("fs.s3a.encryption.key", bypass.other)
        hudi_write(bypass)
    bypass.spark.conf.set("fs.s3a.encryption.key", bypass.key)


def hudi_write(bypass):
    options = {
        "hoodie.table.name": bypass.table,
        "hoodie.datasource.write.recordkey.field": "id",
        "hoodie.datasource.write.precombine.field": "id",
    }
    bypass.frame().write.format("hudi").options(**options).mode("overwrite").save(bypass.out)


def hudi_on_local_disk(bypass):
    bypass.out = f"file://{bypass.local}/hudi"
    hudi_write(bypass)


def main(names: list[str]) -> None:
    from bypass_cases import attempt_function, objects_below, open_bypass
    from separate_session import account_of_the_environment, session_with

    from glue_secure.embedded.account_setup import provision
    from glue_secure.embedded.artifacts import fetch
    from glue_secure.embedded.class_archive import archived_jars
    from glue_secure.embedded.clients import clients
    from glue_secure.embedded.environment import requested_guard
    from glue_secure.embedded.installed_spark import installed_spark
    from glue_secure.engines.spark.guard_jar import guard_jar
    from glue_secure.testing.harness import JobTestHarness

    account = account_of_the_environment()
    key, other = provision(account).data_key, clients(account)("kms").create_key()["KeyMetadata"]["Arn"]
    # On the class path, as in AWS Glue: the guard's handler for the AWS SDK 2 is on the class path as well.
    guard = guard_jar() if requested_guard(os.environ) else None
    line = installed_spark().line
    format_jars = fetch(
        table_formats.jars(list(table_formats.TABLE_FORMAT_JARS[line]), line), account.java_home
    )
    sys.path += [str(jar) for jar in format_jars if jar.name.startswith("delta-spark")]
    own = [*archived_jars(account.spark_jars), *([guard.path] if guard else [])]
    path = table_formats.class_path(own, format_jars, line)
    paths = dict.fromkeys(("spark.driver.extraClassPath", "spark.executor.extraClassPath"), path)
    spark = session_with({**paths, **settings(account.endpoint_url, account.region)})
    for name in names:
        bench = JobTestHarness(account=account, spark=spark, name=f"job-{uuid.uuid4().hex[:12]}")
        with tempfile.TemporaryDirectory() as folder:
            bypass = open_bypass(bench, clients(account), key, other, folder)
            error, rejected = attempt_function(globals()[name], bypass)
        evidence = bench.evidence()[-1]
        result = {
            "name": name,
            "error": "" if error is None else f"{type(error).__name__}: {error}",
            "controls": [getattr(error, "control", ""), *getattr(error, "also", ())],
            "rejected": rejected,
            "verification": evidence["request_guard"],
            "sequence": evidence["bookmark"]["sequence_after"],
            "passed": [control["control"] for control in evidence["controls"]],
            "recorded": [entry["uri"] for write in evidence["writes"] for entry in write["objects"]],
            "objects": objects_below(bypass, f"lake/db/{bypass.table}/", f"{bench.name}/"),
            "key": bypass.key,
        }
        print(json.dumps(result), flush=True)
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
