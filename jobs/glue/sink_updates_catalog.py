"""Write to S3 and let the sink update the table and its partitions in the Data Catalog.

After the pattern of the AWS Glue documentation "Updating the schema, and adding new partitions".
"""

import sys

from pyspark.context import SparkContext

from glue_secure.context import GlueContext
from glue_secure.job import Job
from glue_secure.transforms import *
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "input_dir", "output_dir", "database", "table"])

glueContext = GlueContext(SparkContext.getOrCreate())
job = Job(glueContext)
job.init(args["JOB_NAME"], args)

source = glueContext.getSource(
    connection_type="s3", paths=[args["input_dir"]], recurse=True, transformation_ctx="source"
)
source.setFormat("json")
last_transform = source.getFrame().resolveChoice(specs=[("price", "cast:double")])

sink = glueContext.getSink(
    connection_type="s3",
    path=args["output_dir"],
    enableUpdateCatalog=True,
    updateBehavior="UPDATE_IN_DATABASE",
    partitionKeys=["region", "category"],
    transformation_ctx="sink",
)
sink.setFormat("glueparquet", compression="snappy")
sink.setCatalogInfo(catalogDatabase=args["database"], catalogTableName=args["table"])
sink.writeFrame(last_transform)

job.commit()
