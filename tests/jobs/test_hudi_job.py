"""A job with ``--datalake-formats hudi`` writes a table, changes it and reads it back. The JAR has 110 MB."""

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
TABLE = f"s3://{CURATED}/hudi/flights/"
SCRIPT = f"""
import sys
from pyspark.context import SparkContext
from glue_secure.context import GlueContext
from glue_secure.job import Job
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME"])
context = GlueContext(SparkContext.getOrCreate())
spark = context.spark_session
job = Job(context)
job.init(args["JOB_NAME"], args)
options = {{
    "hoodie.table.name": "flights",
    "hoodie.datasource.write.recordkey.field": "id",
    "hoodie.datasource.write.precombine.field": "delay",
    "hoodie.datasource.write.operation": "upsert",
}}
for mode, rows in (("overwrite", [(1, 5), (2, 6)]), ("append", [(2, 7), (3, 8)])):
    frame = spark.createDataFrame(rows, "id int, delay int")
    frame.write.format("hudi").options(**options).mode(mode).save("{TABLE}")
table = spark.read.format("hudi").load("{TABLE}")
print(sorted(map(tuple, table.select("id", "delay").collect())))
job.commit()
"""


def test_a_hudi_table_is_written_changed_and_read_under_the_runs_key(glue_account, provisioned, tmp_path):
    script = tmp_path / "hudi.py"
    script.write_text(SCRIPT)
    command = [Path(sys.executable).with_name("glue-secure"), "run", "--state", glue_account.state]
    ended = subprocess.run(
        [*command, script, "--JOB_NAME", "hudi", "--datalake-formats", "hudi"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-6000:]
    assert "[(1, 5), (2, 7), (3, 8)]" in ended.stdout
    s3 = clients(glue_account)("s3")
    bucket, key = re.search(r"evidence: s3://([^/]+)/(\S+)", ended.stdout).groups()
    evidence = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    assert evidence["outcome"] == "succeeded"
    listed = s3.list_objects_v2(Bucket=CURATED, Prefix="hudi/flights/")["Contents"]
    stored = [entry["Key"] for entry in listed if not entry["Key"].endswith("/")]
    assert any(key.endswith(".parquet") for key in stored)
    for key in stored:
        head = s3.head_object(Bucket=CURATED, Key=key)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", provisioned.data_key), key
