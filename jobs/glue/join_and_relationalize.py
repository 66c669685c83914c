"""Join legislators, their memberships and their organisations, then flatten the history for tables.

After the pattern of the AWS Glue tutorial "Joining and relationalizing data".
"""

import sys

from pyspark.context import SparkContext

from glue_secure.context import GlueContext
from glue_secure.job import Job
from glue_secure.transforms import *
from glue_secure.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "output_dir", "TempDir"])

glueContext = GlueContext(SparkContext.getOrCreate())
job = Job(glueContext)
job.init(args["JOB_NAME"], args)

db_name = "legislators"

# Create dynamic frames from the source tables
persons = glueContext.create_dynamic_frame.from_catalog(
    database=db_name, table_name="persons_json", transformation_ctx="persons"
)
memberships = glueContext.create_dynamic_frame.from_catalog(
    database=db_name, table_name="memberships_json", transformation_ctx="memberships"
)
orgs = glueContext.create_dynamic_frame.from_catalog(
    database=db_name, table_name="organizations_json", transformation_ctx="orgs"
)
print("Count:", persons.count(), memberships.count(), orgs.count())
persons.printSchema()

# Keep the fields we want and rename some.
orgs = (
    orgs.drop_fields(["other_names", "identifiers"])
    .rename_field("id", "org_id")
    .rename_field("name", "org_name")
)

# Join the frames to create history
l_history = Join.apply(
    orgs, Join.apply(persons, memberships, "id", "person_id"), "org_id", "organization_id"
).drop_fields(["person_id", "org_id"])
print("Count:", l_history.count())
l_history.printSchema()

# Write out the history as one table, partitioned by organisation
glueContext.write_dynamic_frame.from_options(
    frame=l_history.select_fields(
        ["org_name", "family_name", "given_name", "gender", "start_date", "end_date"]
    ),
    connection_type="s3",
    connection_options={"path": args["output_dir"] + "legislator_history", "partitionKeys": ["org_name"]},
    format="parquet",
    transformation_ctx="history",
)

# Convert to flat tables, and write each of them
dfc = l_history.relationalize("hist_root", args["TempDir"])
for df_name in dfc.keys():
    print("Writing to table:", df_name)
    m_df = dfc.select(df_name)
    glueContext.write_dynamic_frame.from_options(
        frame=m_df,
        connection_type="s3",
        connection_options={"path": args["output_dir"] + "tables/" + df_name.replace(".", "_")},
        format="json",
    )

job.commit()
