"""Append CSV files to a table of Iceberg. The first run creates the table.

Arguments: --source and --location (S3 locations), --database and --table.
"""

import sys

from pyspark.context import SparkContext
from pyspark.sql import functions as F

from glue_secure.context import GlueContext
from glue_secure.job import Job
from glue_secure.transforms import *
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "source", "location", "database", "table"])
glueContext = GlueContext(SparkContext.getOrCreate())
spark = glueContext.spark_session
job = Job(glueContext)
job.init(args["JOB_NAME"], args)

source = glueContext.create_dynamic_frame.from_options(
    connection_type="s3",
    connection_options={"paths": [args["source"]]},
    format="csv",
    format_options={"withHeader": True},
    transformation_ctx="source",
)
orders = ApplyMapping.apply(
    frame=source,
    mappings=[
        ("order_id", "string", "order_id", "long"),
        ("customer", "string", "customer", "string"),
        ("amount", "string", "amount", "double"),
        ("day", "string", "day", "date"),
    ],
)
name = "glue_catalog.%(database)s.%(table)s" % args
if spark.catalog.tableExists(name):
    glueContext.write_dynamic_frame.from_catalog(
        frame=orders, database=args["database"], table_name=args["table"]
    )
else:
    orders.toDF().writeTo(name).using("iceberg").tableProperty("format-version", "2").tableProperty(
        "location", args["location"]
    ).partitionedBy(F.col("day")).create()
job.commit()
