"""Read arriving files as a stream, and write each micro-batch with its time of arrival.

After the pattern of the AWS Glue tutorial on streaming ETL jobs.
"""

import sys

from pyspark.context import SparkContext
from pyspark.sql.types import DoubleType, LongType, StringType, StructField, StructType

from glue_secure.context import GlueContext
from glue_secure.dynamicframe import DynamicFrame
from glue_secure.job import Job
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "input_dir", "output_dir", "checkpoint_dir"])

sc = SparkContext()
glueContext = GlueContext(sc)
spark = glueContext.spark_session
job = Job(glueContext)
job.init(args["JOB_NAME"], args)

schema = StructType(
    [
        StructField("sensor", StringType()),
        StructField("seconds", LongType()),
        StructField("temperature", DoubleType()),
    ]
)
sensor_readings = spark.readStream.schema(schema).json(args["input_dir"])


def processBatch(data_frame, batchId):
    if data_frame.count() > 0:
        dynamic_frame = DynamicFrame.fromDF(
            glueContext.add_ingestion_time_columns(data_frame, "hour"), glueContext, "from_data_frame"
        )
        apply_mapping = dynamic_frame.filter(lambda reading: reading["temperature"] > -50)
        glueContext.write_dynamic_frame.from_options(
            frame=apply_mapping,
            connection_type="s3",
            connection_options={
                "path": args["output_dir"],
                "partitionKeys": ["ingest_year", "ingest_month", "ingest_day", "ingest_hour"],
            },
            format="json",
        )


glueContext.forEachBatch(
    frame=sensor_readings,
    batch_function=processBatch,
    options={"windowSize": "5 seconds", "checkpointLocation": args["checkpoint_dir"]},
)
job.commit()
