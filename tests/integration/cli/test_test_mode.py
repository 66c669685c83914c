"""``pytest --glue-secure-test-mode`` on a test that was written for Glue's container."""

from __future__ import annotations

import os
import subprocess
import sys

TEST = """
import sys

import boto3
import pytest
from pyspark.context import SparkContext

from glue_secure.context import GlueContext
from glue_secure.job import Job
from glue_secure.utils import getResolvedOptions


@pytest.fixture(scope="module", autouse=True)
def context():
    sys.argv += ["--JOB_NAME", "test_count"]
    args = getResolvedOptions(sys.argv, ["JOB_NAME"])
    context = GlueContext(SparkContext.getOrCreate())
    job = Job(context)
    job.init(args["JOB_NAME"], args)
    yield context
    job.commit()


def test_rows_are_read(context):
    boto3.client("s3").put_object(Bucket="glue-secure-landing", Key="mode/a.json", Body=b'{"id": 1}\\n')
    rows = context.create_dynamic_frame.from_options(
        connection_type="s3",
        connection_options={"paths": ["s3://glue-secure-landing/mode/"], "recurse": True},
        format="json",
    )
    assert rows.toDF().count() == 1


def test_another_context_needs_no_job():
    context = GlueContext(SparkContext.getOrCreate())
    rows = context.create_dynamic_frame.from_options(
        "s3", {"paths": ["s3://glue-secure-landing/mode/"]}, "json"
    )
    assert rows.count() == 1
"""


def test_a_test_for_the_container_passes_with_changed_imports(tmp_path):
    (tmp_path / "test_job.py").write_text(TEST)
    variables = ("PYTEST_", "AWS_", "SPARK_", "GLUE_SECURE_", "PYSPARK_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(variables)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--glue-secure-test-mode"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "2 passed" in done.stdout
