"""The same job in the awsglue-compatible API: a Glue script with `awsglue` changed to `glue_secure`."""

import sys

from flights_curated import delays
from pyspark.context import SparkContext

from glue_secure.context import GlueContext
from glue_secure.dynamicframe import DynamicFrame
from glue_secure.job import Job
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "source", "target", "connection"])
glueContext = GlueContext(SparkContext.getOrCreate())
job = Job(glueContext)
job.init(args["JOB_NAME"], args)

flights = glueContext.create_dynamic_frame.from_options(
    connection_type="s3",
    connection_options={"paths": [args["source"]], "recurse": True},
    format="csv",
    format_options={"withHeader": True},
    transformation_ctx="flights",
)
airlines, airports, planes = (
    glueContext.create_dynamic_frame.from_options(
        connection_type="postgresql",
        connection_options={
            "useConnectionProperties": "true",
            "connectionName": args["connection"],
            "dbtable": table,
        },
        transformation_ctx=table,
    ).toDF()
    for table in ("airlines", "airports", "planes")
)
curated = delays(flights.toDF(), airlines, airports, planes).repartition("year", "month")
glueContext.write_dynamic_frame.from_options(
    frame=DynamicFrame.fromDF(curated, glueContext, "curated"),
    connection_type="s3",
    connection_options={"path": args["target"], "partitionKeys": ["year", "month"]},
    format="parquet",
    transformation_ctx="curated",
)
job.commit()
