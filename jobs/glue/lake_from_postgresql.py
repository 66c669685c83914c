"""Apply the changes of a PostgreSQL table to a table of Iceberg (change data capture).

The source is a table of changes: change_id (increasing), op (I, U or D), and the columns of the order.
Arguments: --connection (a Glue connection to PostgreSQL), --changes (its table), --database and --table.
"""

import sys

from pyspark.context import SparkContext
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from glue_secure.context import GlueContext
from glue_secure.job import Job
from glue_secure.utils import getResolvedOptions

MERGE = """
MERGE INTO glue_catalog.%(database)s.%(table)s t USING last_changes s ON t.order_id = s.order_id
WHEN MATCHED AND s.op = 'D' THEN DELETE
WHEN MATCHED THEN UPDATE SET customer = s.customer, amount = s.amount, day = s.day
WHEN NOT MATCHED AND s.op != 'D' THEN
    INSERT (order_id, customer, amount, day) VALUES (s.order_id, s.customer, s.amount, s.day)
"""

args = getResolvedOptions(sys.argv, ["JOB_NAME", "connection", "changes", "database", "table"])
glueContext = GlueContext(SparkContext.getOrCreate())
spark = glueContext.spark_session
job = Job(glueContext)
job.init(args["JOB_NAME"], args)

changes = glueContext.create_dynamic_frame.from_options(
    connection_type="postgresql",
    connection_options={
        "useConnectionProperties": "true",
        "connectionName": args["connection"],
        "dbtable": args["changes"],
        "jobBookmarkKeys": ["change_id"],
        "jobBookmarkKeysSortOrder": "asc",
    },
    transformation_ctx="changes",
)
if changes.count() > 0:
    order = Window.partitionBy("order_id").orderBy(F.col("change_id").desc())
    last = changes.toDF().withColumn("n", F.row_number().over(order)).where("n = 1")
    last.drop("n").createOrReplaceTempView("last_changes")
    spark.sql(MERGE % args)
job.commit()
