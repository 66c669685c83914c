"""Rewrite the small files of a table of Iceberg. Arguments: --database and --table."""

import sys

from pyspark.context import SparkContext

from glue_secure.context import GlueContext
from glue_secure.job import Job
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "database", "table"])
glueContext = GlueContext(SparkContext.getOrCreate())
spark = glueContext.spark_session
job = Job(glueContext)
job.init(args["JOB_NAME"], args)

result = spark.sql(
    """CALL glue_catalog.system.rewrite_data_files(
           table => '%(database)s.%(table)s', options => map('rewrite-all', 'true'))"""
    % args
).first()
print("files rewritten: %d" % result["rewritten_data_files_count"])
job.commit()
