"""Copy a database table to S3, typed and partitioned."""

import sys

from pyspark.context import SparkContext

from glue_secure.context import GlueContext
from glue_secure.job import Job
from glue_secure.transforms import *
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "connection_name", "db_table", "s3_target"])

sc = SparkContext()
glueContext = GlueContext(sc)
spark = glueContext.spark_session
job = Job(glueContext)
job.init(args["JOB_NAME"], args)

datasource0 = glueContext.create_dynamic_frame.from_options(
    connection_type="postgresql",
    connection_options={
        "useConnectionProperties": "true",
        "connectionName": args["connection_name"],
        "dbtable": args["db_table"],
    },
    transformation_ctx="datasource0",
)
applymapping1 = ApplyMapping.apply(
    frame=datasource0,
    mappings=[
        ("tailnum", "string", "tail_number", "string"),
        ("year", "int", "built", "long"),
        ("manufacturer", "string", "manufacturer", "string"),
        ("model", "string", "model", "string"),
        ("engines", "int", "engines", "int"),
        ("seats", "int", "seats", "int"),
    ],
    transformation_ctx="applymapping1",
)
filtered2 = Filter.apply(frame=applymapping1, f=lambda x: x["seats"] > 200, transformation_ctx="filtered2")
dropnullfields3 = DropNullFields.apply(frame=filtered2, transformation_ctx="dropnullfields3")
repartition4 = Repartition.apply(frame=dropnullfields3, num_partitions=1, transformation_ctx="repartition4")
datasink5 = glueContext.write_dynamic_frame.from_options(
    frame=repartition4,
    connection_type="s3",
    connection_options={"path": args["s3_target"], "partitionKeys": ["engines"]},
    format="parquet",
    transformation_ctx="datasink5",
)
job.commit()
