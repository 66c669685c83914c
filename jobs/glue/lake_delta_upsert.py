"""Upsert CSV files into a table of Delta Lake by its location. The first run creates the table.

Arguments: --source and --location (S3 locations).
"""

import sys

from delta.tables import DeltaTable
from pyspark.context import SparkContext

from glue_secure.context import GlueContext
from glue_secure.dynamicframe import DynamicFrame
from glue_secure.job import Job
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "source", "location"])
glueContext = GlueContext(SparkContext.getOrCreate())
spark = glueContext.spark_session
job = Job(glueContext)
job.init(args["JOB_NAME"], args)

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
if DeltaTable.isDeltaTable(spark, args["location"]):
    DeltaTable.forPath(spark, args["location"]).alias("t").merge(
        orders.alias("s"), "t.order_id = s.order_id"
    ).whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()
else:
    glueContext.write_dynamic_frame.from_options(
        frame=DynamicFrame.fromDF(orders, glueContext, "orders"),
        connection_type="s3",
        connection_options={"path": args["location"], "partitionKeys": ["day"]},
        format="delta",
    )
table = glueContext.create_data_frame.from_options(
    connection_type="s3", connection_options={"paths": [args["location"]]}, format="delta"
)
print("rows: %d" % table.count())
job.commit()
