"""Upsert into a table of Iceberg, as AWS's tutorials do, with glue-secure's imports."""

import sys

from pyspark.context import SparkContext

from glue_secure.context import GlueContext
from glue_secure.job import Job
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "database", "table", "source"])
glueContext = GlueContext(SparkContext.getOrCreate())
spark = glueContext.spark_session
job = Job(glueContext)
job.init(args["JOB_NAME"], args)

new = glueContext.create_data_frame.from_options(
    connection_type="s3",
    connection_options={"paths": [args["source"]]},
    format="csv",
    format_options={"withHeader": True},
    transformation_ctx="new",
)
new.selectExpr(
    "cast(order_id as bigint) order_id",
    "customer",
    "cast(amount as double) amount",
    "cast(day as date) day",
).createOrReplaceTempView("new_orders")
spark.sql(
    """MERGE INTO glue_catalog.%(database)s.%(table)s t USING new_orders s ON t.order_id = s.order_id
       WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"""
    % args
)
orders = glueContext.create_data_frame.from_catalog(database=args["database"], table_name=args["table"])
print("rows: %d" % orders.count())
job.commit()
