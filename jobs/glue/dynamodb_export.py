"""Unnest a DynamoDB export in S3, merge newer records into it, and split the rows by their state."""

import sys

from pyspark.context import SparkContext

from glue_secure.context import GlueContext
from glue_secure.job import Job
from glue_secure.transforms import *
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "export_dir", "changes_dir", "output_dir"])

glueContext = GlueContext(SparkContext.getOrCreate())
job = Job(glueContext)
job.init(args["JOB_NAME"], args)


def read_export(path, name):
    export = glueContext.create_dynamic_frame.from_options(
        connection_type="s3",
        connection_options={"paths": [path], "recurse": True},
        format="json",
        transformation_ctx=name,
    )
    return export.unnest_ddb_json().apply_mapping(
        [
            ("OrderId", "string", "order_id", "string"),
            ("`Customer.Name`", "string", "customer", "string"),
            ("`Customer.Vip`", "boolean", "vip", "boolean"),
            ("Total", "string", "total", "double"),
            ("State", "string", "state", "string"),
        ]
    )


orders = read_export(args["export_dir"], "orders")
changes = read_export(args["changes_dir"], "changes")
orders.printSchema()

# A sample of the orders, to inspect later
orders.spigot(args["output_dir"] + "sample/", options={"topk": 2})

current = orders.mergeDynamicFrame(changes, ["order_id"])
print("orders:", orders.count(), "changes:", changes.count(), "current:", current.count())

parts = SplitRows.apply(current, {"total": {">=": 100}}, "large", "small", transformation_ctx="parts")
for name in ("large", "small"):
    glueContext.write_dynamic_frame.from_options(
        frame=SelectFromCollection.apply(dfc=parts, key=name),
        connection_type="s3",
        connection_options={"path": args["output_dir"] + name + "/"},
        format="json",
    )
job.commit()
