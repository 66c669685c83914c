"""Ways out through table formats, in a session of their own that has their jars: Iceberg, Delta and Hudi.

Run as a program it tries each, and prints what came of it, one JSON object a line.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import uuid
from pathlib import Path

from glue_secure.embedded.jars import Artifact

JARS = (
    Artifact("org.apache.iceberg", "iceberg-spark-runtime-3.5_2.12", "1.10.0",
        "70f9471870b2d456167d703c829f098a446b86bb1379eee338c0efa03a341026", 47130096),
    Artifact("org.apache.iceberg", "iceberg-aws-bundle", "1.10.0",
        "172370cfc32a5f1ae5399b210e86fc04a366dc29a112d97ac8ffc74df7525596", 64859357),
    Artifact("io.delta", "delta-spark_2.12", "3.3.2",
        "4e92085d5d794cf949c50bb665b91384857cad58680c2d0bfc9c7ad353e98e85", 7120414),
    Artifact("io.delta", "delta-storage", "3.3.2",
        "c096975a2ca97ccc9b4005aa5cce16c9ac3903139d340da6665b66ace67d7c36", 32229),
    Artifact("org.apache.hudi", "hudi-spark3.5-bundle_2.12", "1.0.2",
        "2c2ab65a11e91265e4b7346f954448c46df52d66fb72f52dad83767b621deae8", 110844131),
)  # fmt: skip
"""As Glue 5.1 has them."""
WAREHOUSE = "glue-secure-curated/lake"
ICEBERG = "org.apache.iceberg.spark.SparkCatalog"
S3_FILE_IO = "org.apache.iceberg.aws.s3.S3FileIO"


def settings(endpoint: str, region: str) -> dict[str, str]:
    """Two catalogs of Iceberg: one over Hadoop's file system, one over Iceberg's own client of S3."""
    lake, own = "spark.sql.catalog.lake", "spark.sql.catalog.s3lake"
    return {
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions,"
        "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
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


def _create(way, catalog):
    way.frame().writeTo(f"{catalog}.db.{way.table}").using("iceberg").create()


def _place(way):
    return f"s3a://{WAREHOUSE}/db/{way.table}"


def iceberg_native(way):
    _create(way, "lake")


def iceberg_merge(way):
    way.job.write.through(_place(way), lambda: _create(way, "lake"))
    table = f"lake.db.{way.table}"
    way.spark.sql(f"merge into {table} t using (select 1L as id) s on t.id = s.id when matched then delete")


def iceberg_through_a_function(way):
    way.job.write.through(_place(way), lambda: _create(way, "lake"))


def iceberg_by_its_own_client(way):
    way.job.write.through(_place(way), lambda: _create(way, "s3lake"))


def iceberg_catalog_that_came_later(way):
    for name, text in settings(way.bench.account.endpoint_url, way.bench.account.region).items():
        if ".s3lake" in name:
            way.spark.conf.set(name.replace("s3lake", "late"), text)
    try:
        way.job.write.through(_place(way), lambda: _create(way, "late"))
    finally:
        _forget(way, "spark.sql.catalog.late")


def iceberg_catalog_without_encryption(way):
    name = "spark.sql.catalog.s3lake.s3.sse.type"
    before = way.spark.conf.get(name)
    way.spark.conf.set(name, "none")
    try:
        way.job.write.through(_place(way), lambda: _create(way, "s3lake"))
    finally:
        way.spark.conf.set(name, before)


def _forget(way, prefix):
    names = way.spark._jsparkSession.conf().getAll().keys().mkString("\n").split("\n")
    for name in names:
        if name.startswith(prefix):
            way.spark.conf.unset(name)


def delta_native(way):
    way.frame().write.format("delta").save(way.out)


def delta_append_and_overwrite(way):
    for mode in ("append", "append", "overwrite"):
        way.frame().write.format("delta").mode(mode).save(way.out)


def delta_delete(way):
    way.frame().write.format("delta").save(way.out)
    way.spark.sql(f"delete from delta.`{way.out}` where id = 1")


def delta_delete_through_a_function(way):
    way.frame().write.format("delta").save(way.out)
    way.job.write.through(way.out, lambda: way.spark.sql(f"delete from delta.`{way.out}` where id = 1"))


def delta_on_local_disk(way):
    way.frame().write.format("delta").save(f"file://{way.local}/delta")


def delta_under_another_key(way):
    with way.hadoop(fs_s3a_impl_disable_cache="true", fs_s3a_encryption_key=way.other):
        way.spark.conf.set("fs.s3a.encryption.key", way.other)
        way.frame().write.format("delta").save(way.out)
    way.spark.conf.set("fs.s3a.encryption.key", way.key)


def hudi_native(way):
    options = {
        "hoodie.table.name": way.table,
        "hoodie.datasource.write.recordkey.field": "id",
        "hoodie.datasource.write.precombine.field": "id",
    }
    way.frame().write.format("hudi").options(**options).mode("overwrite").save(way.out)


def hudi_on_local_disk(way):
    way.out = f"file://{way.local}/hudi"
    hudi_native(way)


def main(names: list[str]) -> None:
    from bypass_cases import attempt_function, objects_below, open_way
    from pyspark.sql import SparkSession

    from glue_secure.embedded.account import EmbeddedAccount
    from glue_secure.embedded.account_setup import key, provision
    from glue_secure.embedded.artifacts import fetch
    from glue_secure.embedded.clients import clients
    from glue_secure.testing.harness import JobTestHarness

    account = EmbeddedAccount.load(Path(os.environ["GLUE_SECURE_LOCAL_STATE"]))
    found = provision(account)
    other = key(account, "alias/another", "another key")
    builder = SparkSession.builder.config("spark.jars", ",".join(map(str, fetch(JARS, account.java_home))))
    for name, text in settings(account.endpoint_url, account.region).items():
        builder = builder.config(name, text)
    spark = builder.getOrCreate()
    for name in names:
        bench = JobTestHarness(account=account, spark=spark, name=f"job-{uuid.uuid4().hex[:12]}")
        with tempfile.TemporaryDirectory() as folder:
            way = open_way(bench, clients(account), found.data_key, other, folder)
            error, refused = attempt_function(globals()[name], way)
        evidence = bench.evidence()[-1]
        told = {
            "name": name,
            "error": "" if error is None else f"{type(error).__name__}: {error}",
            "controls": [getattr(error, "control", ""), *getattr(error, "also", ())],
            "refused": refused,
            "sequence": evidence["bookmark"]["sequence_after"],
            "held": [control["control"] for control in evidence["controls"]],
            "shown": [each["uri"] for write in evidence["writes"] for each in write["objects"]],
            "objects": objects_below(way, f"lake/db/{way.table}/", f"{bench.name}/"),
            "key": way.key,
        }
        print(json.dumps(told), flush=True)
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
