"""Append to a branch of a table of Iceberg, check the quality of its rows, and publish it.

With SecureJob, publish="after_audit" also verifies every object before the publication
(jobs/tables/orders_audited.py). Arguments: --source (S3 location), --database and --table.
"""

import sys

from pyspark.context import SparkContext

from glue_secure.awsgluedq.transforms import EvaluateDataQuality
from glue_secure.context import GlueContext
from glue_secure.dynamicframe import DynamicFrame
from glue_secure.job import Job
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "source", "database", "table"])
glueContext = GlueContext(SparkContext.getOrCreate())
spark = glueContext.spark_session
job = Job(glueContext)
job.init(args["JOB_NAME"], args)

name = "glue_catalog.%(database)s.%(table)s" % args
orders = glueContext.create_data_frame.from_options(
    connection_type="s3",
    connection_options={"paths": [args["source"]]},
    format="csv",
    format_options={"withHeader": True},
    transformation_ctx="orders",
).selectExpr(
    "cast(order_id as bigint) order_id",
    "customer",
    "cast(amount as double) amount",
    "cast(day as date) day",
)
spark.sql("ALTER TABLE %s CREATE OR REPLACE BRANCH audit" % name)
orders.writeTo("%s.branch_audit" % name).append()
stored = spark.read.option("branch", "audit").table(name)
outcomes = EvaluateDataQuality.apply(
    frame=DynamicFrame.fromDF(stored, glueContext, "stored"),
    ruleset='Rules = [IsComplete "order_id", ColumnValues "amount" > 0]',
    publishing_options={"dataQualityEvaluationContext": "orders"},
).toDF()
failed = outcomes.where("Outcome != 'Passed'").collect()
if failed:
    raise ValueError("not published: %s" % ", ".join(row["Rule"] for row in failed))
spark.sql("CALL glue_catalog.system.fast_forward('%(database)s.%(table)s', 'main', 'audit')" % args).collect()
job.commit()
