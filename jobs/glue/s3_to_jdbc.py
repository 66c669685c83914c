"""Load CSV files from S3 into a database table."""

import sys

from pyspark.context import SparkContext

from glue_secure.context import GlueContext
from glue_secure.job import Job
from glue_secure.transforms import *
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(
    sys.argv, ["JOB_NAME", "TempDir", "s3_source", "connection_name", "db_name", "db_table"]
)

sc = SparkContext()
glueContext = GlueContext(sc)
job = Job(glueContext)
job.init(args["JOB_NAME"], args)

datasource0 = glueContext.create_dynamic_frame.from_options(
    connection_type="s3",
    connection_options={"paths": [args["s3_source"]], "recurse": True},
    format="csv",
    format_options={"withHeader": True, "separator": ","},
    transformation_ctx="datasource0",
)
applymapping1 = ApplyMapping.apply(
    frame=datasource0,
    mappings=[
        ("order_id", "string", "order_id", "long"),
        ("customer", "string", "customer", "string"),
        ("ordered_at", "string", "ordered_at", "timestamp"),
        ("amount", "string", "amount", "decimal(10,2)"),
    ],
    transformation_ctx="applymapping1",
)
resolvechoice2 = ResolveChoice.apply(
    frame=applymapping1, choice="make_cols", transformation_ctx="resolvechoice2"
)
datasink4 = glueContext.write_dynamic_frame.from_jdbc_conf(
    frame=resolvechoice2,
    catalog_connection=args["connection_name"],
    connection_options={"dbtable": args["db_table"], "database": args["db_name"]},
    redshift_tmp_dir=args["TempDir"],
    transformation_ctx="datasink4",
)
job.commit()
