"""Upsert CSV files into a table of Hudi, and register it in the Data Catalog.

Arguments: --source and --location (S3 locations), --database and --table.
"""

import sys

from pyspark.context import SparkContext

from glue_secure.context import GlueContext
from glue_secure.job import Job
from glue_secure.transforms import *
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "source", "location", "database", "table"])
glueContext = GlueContext(SparkContext.getOrCreate())
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
glueContext.write_dynamic_frame.from_options(
    frame=orders,
    connection_type="s3",
    connection_options={
        "path": args["location"],
        "hoodie.table.name": args["table"],
        "hoodie.datasource.write.operation": "upsert",
        "hoodie.datasource.write.recordkey.field": "order_id",
        "hoodie.datasource.write.precombine.field": "day",
        "hoodie.datasource.hive_sync.enable": "true",
        "hoodie.datasource.hive_sync.database": args["database"],
        "hoodie.datasource.hive_sync.table": args["table"],
        "hoodie.datasource.hive_sync.use_jdbc": "false",
        "hoodie.datasource.hive_sync.mode": "hms",
    },
    format="hudi",
)
table = glueContext.create_data_frame.from_catalog(database=args["database"], table_name=args["table"])
print("rows: %d" % table.count())
job.commit()
