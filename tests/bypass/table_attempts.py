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

JARS = table_formats.jars(table_formats.FORMATS, "3.5")
WAREHOUSE = "glue-secure-curated/lake"
ICEBERG = "org.apache.iceberg.spark.SparkCatalog"
S3_FILE_IO = "org.apache.iceberg.aws.s3.S3FileIO"


def settings(endpoint: str, region: str) -> dict[str, str]:
    """Return two Iceberg catalogs: one on Hadoop's file system, one on Iceberg's S3 client."""
    lake, own = "spark.sql.catalog.lake", "spark.sql.catalog.s3lake"
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
    for name, text in settings(bypass.bench.account.endpoint_url, bypass.bench.account.region).items():
        if ".s3lake" in name:
            bypass.spark.conf.set(name.replace("s3lake", "late"), text)
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
    from glue_secure.embedded.clients import clients
    from glue_secure.embedded.environment import requested_guard
    from glue_secure.engines.spark.guard_jar import guard_jar
    from glue_secure.testing.harness import JobTestHarness

    account = account_of_the_environment()
    key, other = provision(account).data_key, clients(account)("kms").create_key()["KeyMetadata"]["Arn"]
    # On the class path, as in AWS Glue: the guard's handler for the AWS SDK 2 is on the class path as well.
    guard = guard_jar() if requested_guard(os.environ) else None
    jars = [*account.spark_jars, *([guard.path] if guard else []), *fetch(JARS, account.java_home)]
    paths = dict.fromkeys(
        ("spark.driver.extraClassPath", "spark.executor.extraClassPath"), os.pathsep.join(map(str, jars))
    )
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
