"""Append the orders that landed since the last run to a table.

    glue-secure run jobs/tables/orders_append.py --JOB_NAME orders_append --datalake-formats iceberg \
        --conf spark.sql.catalog.glue_catalog.warehouse=s3://BUCKET/lake/ \
        --source s3://BUCKET/orders/ --table db.orders --location s3://BUCKET/lake/orders/

The first run creates the table. Arguments: --source and --location (S3 locations), --table (DATABASE.TABLE).
"""

from dataclasses import dataclass

from glue_secure import SecureJob

SCHEMA = "order_id bigint, customer string, amount double, day date"


@dataclass
class Arguments:
    """The job's arguments."""

    source: str
    table: str
    location: str
    create: bool = False


def main() -> None:
    with SecureJob.from_args(Arguments) as job:
        orders = job.read.s3(job.args.source, format="csv", bookmark="orders", schema=SCHEMA)
        if job.args.create:
            job.write.table(
                orders, job.args.table, mode="create", location=job.args.location, partition_by="day"
            )
        else:
            job.write.table(orders, job.args.table)


if __name__ == "__main__":
    main()
