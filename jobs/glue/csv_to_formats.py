"""Read many small CSV files in groups, leave some out, and write the rows in three formats."""

import sys

from pyspark.context import SparkContext

from glue_secure.context import GlueContext
from glue_secure.job import Job
from glue_secure.transforms import *
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "input_dir", "output_dir"])

glueContext = GlueContext(SparkContext.getOrCreate())
job = Job(glueContext)
job.init(args["JOB_NAME"], args)

stations = glueContext.create_dynamic_frame.from_options(
    connection_type="s3",
    connection_options={
        "paths": [args["input_dir"]],
        "recurse": True,
        "groupFiles": "inPartition",
        "groupSize": "1048576",
        "exclusions": '["**/_draft/**", "**.bak"]',
    },
    format="csv",
    format_options={"withHeader": True, "separator": ";", "quoteChar": '"'},
    transformation_ctx="stations",
)
typed = stations.apply_mapping(
    [
        ("station", "string", "station", "string"),
        ("name", "string", "name", "string"),
        ("latitude", "string", "latitude", "double"),
        ("longitude", "string", "longitude", "double"),
        ("opened", "string", "opened", "date"),
    ]
)

glueContext.write_dynamic_frame.from_options(
    frame=typed,
    connection_type="s3",
    connection_options={"path": args["output_dir"] + "orc/"},
    format="orc",
)
glueContext.write_dynamic_frame.from_options(
    frame=typed,
    connection_type="s3",
    connection_options={"path": args["output_dir"] + "avro/"},
    format="avro",
)
glueContext.write_dynamic_frame.from_options(
    frame=Coalesce.apply(frame=typed, num_partitions=1),
    connection_type="s3",
    connection_options={"path": args["output_dir"] + "csv/"},
    format="csv",
    format_options={"separator": "|", "writeHeader": True},
)
job.commit()
