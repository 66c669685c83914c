"""A job with real Spark that merges new input into a table of Iceberg, Delta Lake or Hudi.

It prints the table's rows before it writes: what readers saw after the run before it, which may have been
killed.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def session(format: str) -> Any:
    """Return a session with the JARs of the format and of the request guard."""
    from separate_session import account_of_the_environment, session_with

    from glue_secure.embedded import table_formats
    from glue_secure.embedded.account_setup import CURATED
    from glue_secure.embedded.artifacts import fetch
    from glue_secure.embedded.class_archive import archived_jars
    from glue_secure.embedded.installed_spark import installed_spark
    from glue_secure.engines.spark.guard_jar import guard_jar

    account = account_of_the_environment()
    guard = guard_jar()
    line = installed_spark().line
    jars = fetch(table_formats.jars([format], line), account.java_home)
    own = [*archived_jars(account.spark_jars), *([guard.path] if guard else [])]
    path = table_formats.class_path(own, jars, line)
    settings = table_formats.settings([format]) | {
        "spark.driver.extraClassPath": path,
        "spark.executor.extraClassPath": path,
        "spark.hadoop.fs.s3a.endpoint": os.environ["AWS_ENDPOINT_URL"],
        "spark.sql.catalog.glue_catalog.warehouse": f"s3://{CURATED}/lake/",
        # The rows are read before the run sets it.
        "spark.sql.catalog.glue_catalog.s3.path-style-access": "true",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.ui.enabled": "false",
    }
    return session_with(settings)


def rows_of(spark: Any, format: str, table: str, location: str) -> list[str]:
    """Return the ids of the table's rows, with repetitions."""
    name = f"glue_catalog.{table}" if format == "iceberg" else location.replace("s3://", "s3a://")
    return sorted(row["id"] for row in spark.read.format(format).load(name).select("id").collect())


def main() -> None:
    from glue_secure import SecureJob

    words = sys.argv
    values = {words[place][2:]: words[place + 1] for place in range(1, len(words), 2)}
    format, table, location = values["format"], values["table"], values["location"]
    spark = session(format)
    if values["create"] == "false":
        print(json.dumps({"before": rows_of(spark, format, table, location)}), flush=True)
    with SecureJob.from_argv() as job:
        rows = job.read.s3(values["source"], format="json", bookmark="rows")
        if values["create"] == "true":
            options = {
                "hoodie.datasource.write.recordkey.field": "id",
                "hoodie.datasource.write.precombine.field": "n",
            }
            job.write.table(
                rows,
                table,
                mode="create",
                format=format,
                location=location,
                options=options if format == "hudi" else {},
            )
        else:
            job.write.merge(rows, table, on="id", publish=values["publish"])
    print(json.dumps({"after": rows_of(spark, format, table, location)}), flush=True)


if __name__ == "__main__":
    main()
