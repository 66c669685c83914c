"""A script that takes the name of a bucket, and folders below the source and target of a job."""

import pytest

from glue_secure.testing.frames import assert_rows

pytestmark = pytest.mark.spark

SCRIPT = """
import sys

from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(sys.argv, ["JOB_NAME", "bucket", "target"])
glueContext = GlueContext(SparkContext.getOrCreate())
job = Job(glueContext)
job.init(args["JOB_NAME"], args)
orders = glueContext.spark_session.read.csv(f"s3://{args['bucket']}/in/", header=True)
orders.write.parquet(f"s3://{args['bucket']}/out/")
orders.write.parquet(f"{args['target']}daily/")
job.commit()
"""


def test_objects_of_a_bucket_and_of_a_folder_are_read(glue_job, tmp_path):
    script = tmp_path / "daily.py"
    script.write_text(SCRIPT)
    glue_job.land(f"s3://{glue_job.bucket}/in/orders.csv", "id,amount\n1,20\n")
    glue_job.run_script(script, bucket=glue_job.bucket)
    for folder in (f"s3://{glue_job.bucket}/out/", "daily"):
        assert_rows(glue_job.read(folder), {"id": "1", "amount": "20"})
        assert {found["algorithm"] for found in glue_job.objects(folder).values()} == {"aws:kms"}
    assert glue_job.objects("other") == {}
    assert set(glue_job.objects()) == set(glue_job.objects("daily"))


def test_a_name_with_a_folder_is_below_the_source(glue_job):
    assert glue_job.land("daily/a.csv", "id\n1\n") == f"{glue_job.source}daily/a.csv"
