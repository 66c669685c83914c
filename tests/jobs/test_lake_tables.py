"""Tables of Iceberg, Delta Lake and Hudi are read and written by ``from_catalog``. The JARs have 230 MB."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest

from glue_secure.embedded.account_setup import CURATED
from glue_secure.embedded.clients import clients

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not pyspark.__version__.startswith("3.5"), reason="Hudi has no bundle for Spark 4.1"),
]
START = """
import sys
from pyspark.context import SparkContext
from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME"])
context = GlueContext(SparkContext.getOrCreate())
spark = context.spark_session
job = Job(context)
job.init(args["JOB_NAME"], args)
"""
CREATE = {
    "iceberg": """
spark.sql("CREATE TABLE glue_catalog.lake.flights (id int, delay int) USING iceberg LOCATION '{location}'")
spark.sql("INSERT INTO glue_catalog.lake.flights VALUES (1, 5), (2, 6)")
""",
    "delta": """
from delta.tables import DeltaTable
spark.sql("CREATE TABLE lake.flights (id int, delay int) USING delta LOCATION '{location}'")
spark.sql("INSERT INTO lake.flights VALUES (1, 5), (2, 6)")
assert DeltaTable.forPath(spark, "{location}").toDF().count() == 2
""",
    "hudi": """
frame = spark.createDataFrame([(1, 5), (2, 6)], "id int, delay int")
options = {{"hoodie.table.name": "flights", **{hudi}}}
frame.write.format("hudi").options(**options).mode("overwrite").save("{location}")
""",
}
USE = """
rows = context.create_data_frame.from_catalog(
    database="lake", table_name="flights", additional_options={{"useCatalogSchema": True}}
)
print("read", sorted(map(tuple, rows.select("id", "delay").collect())))
more = spark.createDataFrame([(3, 7)], "id int, delay int")
context.write_data_frame.from_catalog(
    frame=more, database="lake", table_name="flights", additional_options={options}
)
frame = context.create_dynamic_frame.from_catalog(database="lake", table_name="flights")
print("then", sorted(map(tuple, frame.toDF().select("id", "delay").collect())))
print("some", context.create_data_frame.from_catalog(
    database="lake", table_name="flights", push_down_predicate="id > 1"
).count())
job.commit()
"""
HUDI = {
    "hoodie.datasource.write.recordkey.field": "id",
    "hoodie.datasource.write.precombine.field": "delay",
    "hoodie.datasource.write.operation": "upsert",
}


@pytest.mark.parametrize("format", ["iceberg", "delta", "hudi"])
def test_a_table_of_a_lake_is_read_and_written_by_its_name(glue_account, provisioned, tmp_path, format):
    location = f"s3://{CURATED}/lake-{format}/flights"
    glue = clients(glue_account)("glue")
    glue.create_database(DatabaseInput={"Name": "lake", "LocationUri": f"s3://{CURATED}/lake-{format}/"})
    script = tmp_path / f"lake_{format}.py"
    options = HUDI if format == "hudi" else {}
    script.write_text(
        START + CREATE[format].format(location=location, hudi=HUDI) + USE.format(options=options)
    )
    command = [Path(sys.executable).with_name("glue-secure"), "run", "--state", glue_account.state]
    words = ["--datalake-formats", format, "--enable-glue-datacatalog", "true"]
    if format == "iceberg":
        words += ["--conf", f"spark.sql.catalog.glue_catalog.warehouse=s3://{CURATED}/lake-iceberg/"]
    if format == "hudi":
        glue.create_table(
            DatabaseName="lake",
            TableInput={
                "Name": "flights",
                "StorageDescriptor": {
                    "Columns": [{"Name": "id", "Type": "int"}, {"Name": "delay", "Type": "int"}],
                    "Location": location,
                },
                "Parameters": {"spark.sql.sources.provider": "hudi"},
            },
        )
    try:
        ended = subprocess.run(
            [*command, "--as-awsglue", script, "--JOB_NAME", f"lake_{format}", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    finally:
        glue.delete_database(Name="lake")
    assert ended.returncode == 0, ended.stdout[-6000:]
    assert "read [(1, 5), (2, 6)]" in ended.stdout
    assert "then [(1, 5), (2, 6), (3, 7)]" in ended.stdout
    assert "some 2" in ended.stdout
    s3 = clients(glue_account)("s3")
    bucket, key = re.search(r"evidence: s3://([^/]+)/(\S+)", ended.stdout).groups()
    evidence = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    assert evidence["outcome"] == "succeeded"
    assert format in {write["format"] for write in evidence["writes"]}
    for entry in s3.list_objects_v2(Bucket=CURATED, Prefix=f"lake-{format}/")["Contents"]:
        if not entry["Key"].endswith("/"):
            head = s3.head_object(Bucket=CURATED, Key=entry["Key"])
            assert head["SSEKMSKeyId"] == provisioned.data_key, entry["Key"]
