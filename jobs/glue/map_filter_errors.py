"""Parse log records with Map, keep some with Filter, drop what is empty, and report records that failed."""

import sys
from datetime import datetime

from pyspark.context import SparkContext

from glue_secure.context import GlueContext
from glue_secure.job import Job
from glue_secure.transforms import *
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "input_dir", "output_dir"])

glueContext = GlueContext(SparkContext.getOrCreate())
job = Job(glueContext)
job.init(args["JOB_NAME"], args)


def ParseRecord(rec):
    # A malformed line raises, and becomes an error record.
    when, level, message = rec["line"].split(" ", 2)
    rec["day"] = datetime.strptime(when, "%Y-%m-%dT%H:%M:%S").strftime("%Y-%m-%d")
    rec["level"] = level
    rec["message"] = message
    del rec["line"]
    return rec


logs = glueContext.create_dynamic_frame.from_options(
    connection_type="s3",
    connection_options={"paths": [args["input_dir"]]},
    format="json",
    transformation_ctx="logs",
)
parsed = Map.apply(frame=logs, f=ParseRecord, transformation_ctx="parsed", info="parse a line")
print("Records:", logs.count(), "parsed:", parsed.count(), "errors:", parsed.errorsCount())

serious = Filter.apply(frame=parsed, f=lambda rec: rec["level"] in ["ERROR", "WARN"])
cleaned = DropNullFields.apply(frame=serious)

glueContext.write_dynamic_frame.from_options(
    frame=cleaned,
    connection_type="s3",
    connection_options={"path": args["output_dir"] + "serious/"},
    format="json",
)

errors = ErrorsAsDynamicFrame.apply(parsed)
if errors.count() > 0:
    messages = errors.toDF().selectExpr("error.msg as reason")
    print(messages.count(), "records could not be parsed")
    glueContext.write_dynamic_frame.from_options(
        frame=errors,
        connection_type="s3",
        connection_options={"path": args["output_dir"] + "errors/"},
        format="json",
    )

job.commit()
