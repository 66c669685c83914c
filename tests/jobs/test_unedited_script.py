"""A script of AWS Glue without an edit and without job.init runs, and what it writes is verified."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from glue_secure.embedded.account_setup import CURATED
from glue_secure.embedded.clients import clients

SCRIPT = f"""
import boto3
from pyspark.context import SparkContext
from awsglue import DynamicFrame
from awsglue.context import GlueContext
from awsglue.transforms import Map
from awsgluedq.transforms import EvaluateDataQuality

# As AWS Glue Studio writes it.
RULESET = "\\n    Rules = [\\n        ColumnCount > 0\\n    ]\\n"
early = boto3.client("s3")

def named(record):
    import awsglue.utils
    record["package"] = awsglue.utils.__name__
    return record

context = GlueContext(SparkContext.getOrCreate())
spark = context.spark_session
early.put_object(Bucket="{CURATED}", Key="unedited/boto3/object", Body=b"x")
spark.range(3).write.parquet("s3://{CURATED}/unedited/spark/")
frame = Map.apply(frame=DynamicFrame.fromDF(spark.range(2), context, "ids"), f=named)
EvaluateDataQuality().process_rows(
    frame=frame,
    ruleset=RULESET,
    publishing_options={{
        "dataQualityEvaluationContext": "studio", "enableDataQualityResultsPublishing": True
    }},
    additional_options={{
        "dataQualityResultsPublishing.strategy": "BEST_EFFORT", "observations.scope": "ALL"
    }},
)
context.write_dynamic_frame.from_options(frame, "s3", {{"path": "s3://{CURATED}/unedited/frame/"}}, "json")
print({{row.package for row in spark.read.json("s3://{CURATED}/unedited/frame/").collect()}})
spark.stop()
"""


SPARK_ALONE = f"""
import subprocess, sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.range(3).write.parquet("s3://{CURATED}/spark-alone/")
# A process that the script starts is not the job.
subprocess.run([sys.executable, "-c", "import sys; print('hooks', 'glue_secure' in sys.modules)"], check=True)
"""


def run_unedited(account, script, text, name):
    """Run a script with ``--as-awsglue``; return its output and its evidence."""
    script.write_text(text)
    command = [Path(sys.executable).with_name("glue-secure"), "run", "--state", account.state]
    ended = subprocess.run(
        [*command, "--as-awsglue", script, "--JOB_NAME", name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    bucket, key = re.search(r"; evidence: s3://([^/]+)/(\S+)", ended.stdout).groups()
    body = clients(account)("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return ended.stdout, json.loads(body)


def test_a_script_that_uses_spark_alone_is_encrypted_and_verified(glue_account, provisioned, tmp_path):
    output, evidence = run_unedited(glue_account, tmp_path / "spark_alone.py", SPARK_ALONE, "spark_alone")
    assert "hooks False" in output
    s3 = clients(glue_account)("s3")
    verified = {entry["uri"] for write in evidence["writes"] for entry in write["objects"]}
    stored = [
        entry["Key"]
        for entry in s3.list_objects_v2(Bucket=CURATED, Prefix="spark-alone/")["Contents"]
        if not entry["Key"].endswith("/")
    ]
    assert len(stored) > 1
    assert {f"s3://{CURATED}/{key}" for key in stored} <= verified
    for key in stored:
        head = s3.head_object(Bucket=CURATED, Key=key)
        assert head["SSEKMSKeyId"] == provisioned.data_key, key


def test_a_script_without_edit_and_without_init_is_encrypted_and_verified(
    glue_account, provisioned, tmp_path
):
    output, evidence = run_unedited(glue_account, tmp_path / "unedited.py", SCRIPT, "unedited")
    assert "{'glue_secure.utils'}" in output
    assert "warning: job.init() and job.commit() were not called" in output
    s3 = clients(glue_account)("s3")
    assert evidence["outcome"] == "ended without job.commit()"
    assert [(gate["suite"], gate["outcome"]) for gate in evidence["gates"]] == [("studio", "passed")]
    verified = {entry["uri"] for write in evidence["writes"] for entry in write["objects"]}
    listed = s3.list_objects_v2(Bucket=CURATED, Prefix="unedited/")["Contents"]
    stored = {entry["Key"] for entry in listed if not entry["Key"].endswith("/")}
    assert {key.split("/")[1] for key in stored} == {"boto3", "spark", "frame"}
    assert {f"s3://{CURATED}/{key}" for key in stored} <= verified
    for key in stored:
        head = s3.head_object(Bucket=CURATED, Key=key)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", provisioned.data_key), key
