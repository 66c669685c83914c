"""Update or insert the orders that landed since the last run: a table of Iceberg, Delta Lake or Hudi.

The last row of an order wins. Arguments: --source (S3 location), --table (DATABASE.TABLE).
"""

from dataclasses import dataclass

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from glue_secure import SecureJob

SCHEMA = "order_id bigint, customer string, amount double, day date"


def latest(orders: DataFrame) -> DataFrame:
    """Return one row for each order: the one of the last day. A merge needs one row for each key."""
    order = Window.partitionBy("order_id").orderBy(F.col("day").desc())
    return orders.withColumn("n", F.row_number().over(order)).where("n = 1").drop("n")


@dataclass
class Arguments:
    """The job's arguments."""

    source: str
    table: str


def main() -> None:
    with SecureJob.from_args(Arguments) as job:
        orders = job.read.s3(job.args.source, format="csv", bookmark="orders", schema=SCHEMA)
        job.write.merge(latest(orders), job.args.table, on="order_id")


if __name__ == "__main__":
    main()
