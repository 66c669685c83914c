"""Read some partitions of a catalog table, reshape them, and write them partitioned."""

import sys

from pyspark.context import SparkContext

from glue_secure.context import GlueContext
from glue_secure.job import Job
from glue_secure.transforms import *
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "database", "table", "month", "output_dir"])

sc = SparkContext()
glueContext = GlueContext(sc)
job = Job(glueContext)
job.init(args["JOB_NAME"], args)

partition_predicate = "year == '2024' and month == '%s'" % args["month"]
events = glueContext.create_dynamic_frame.from_catalog(
    database=args["database"],
    table_name=args["table"],
    push_down_predicate=partition_predicate,
    transformation_ctx="events",
)
print("Partitions pruned, records left:", events.count())

projected = events.select_fields(
    ["id", "type", "actor.login", "repo.name", "payload.action", "year", "month"]
)
renamed = projected.rename_field("actor.login", "login").rename_field("repo.name", "repository")
by_type = Filter.apply(frame=renamed, f=lambda event: event["type"] in ("PushEvent", "IssuesEvent"))

glueContext.write_dynamic_frame.from_options(
    frame=by_type,
    connection_type="s3",
    connection_options={"path": args["output_dir"], "partitionKeys": ["type", "year", "month"]},
    format="parquet",
    format_options={"compression": "snappy"},
    transformation_ctx="events_by_type",
)
job.commit()
