"""Clean Medicare provider charges whose columns have mixed types, and nest them.

After the pattern of the AWS Glue tutorial "Data preparation using ResolveChoice, Lambda, and ApplyMapping".
"""

import sys

from pyspark.context import SparkContext
from pyspark.sql.functions import udf
from pyspark.sql.types import StringType

from glue_secure.context import GlueContext
from glue_secure.dynamicframe import DynamicFrame
from glue_secure.job import Job
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "database", "table", "output_dir"])

glueContext = GlueContext(SparkContext.getOrCreate())
job = Job(glueContext)
job.init(args["JOB_NAME"], args)

medicare_dynamicframe = glueContext.create_dynamic_frame.from_catalog(
    database=args["database"], table_name=args["table"], transformation_ctx="medicare"
)
# The crawler found numbers in provider_id; the data has text as well, so this is a choice.
medicare_dynamicframe.printSchema()

# Cast it to a long; what is no number becomes null
medicare_res = medicare_dynamicframe.resolveChoice(specs=[("provider_id", "cast:long")])
medicare_res.printSchema()
medicare_df = medicare_res.toDF()
medicare_df = medicare_df.where("provider_id is NOT NULL")

# Cut the "$" off the payments with a lambda
chop_f = udf(lambda x: x[1:], StringType())
medicare_df = (
    medicare_df.withColumn("ACC", chop_f(medicare_df["average_covered_charges"]))
    .withColumn("ATP", chop_f(medicare_df["average_total_payments"]))
    .withColumn("AMP", chop_f(medicare_df["average_medicare_payments"]))
)
medicare_tmp_dyf = DynamicFrame.fromDF(medicare_df, glueContext, "nested")

# Rename, cast and nest with apply_mapping
medicare_nest_dyf = medicare_tmp_dyf.apply_mapping(
    [
        ("drg_definition", "string", "drg", "string"),
        ("provider_id", "long", "provider.id", "long"),
        ("provider_name", "string", "provider.name", "string"),
        ("provider_city", "string", "provider.city", "string"),
        ("provider_state", "string", "provider.state", "string"),
        ("provider_zip_code", "long", "provider.zip", "long"),
        ("hospital_referral_region_description", "string", "rr", "string"),
        ("ACC", "string", "charges.covered", "double"),
        ("ATP", "string", "charges.total_pay", "double"),
        ("AMP", "string", "charges.medicare_pay", "double"),
    ]
)
medicare_nest_dyf.printSchema()

glueContext.write_dynamic_frame.from_options(
    frame=medicare_nest_dyf,
    connection_type="s3",
    connection_options={"path": args["output_dir"]},
    format="parquet",
)

job.commit()
