"""Apply the changes of a PostgreSQL table to a table of Iceberg or Delta Lake (change data capture).

The source is a table of changes, which a trigger or a replication tool fills: change_id (increasing), op
(I, U or D), and the columns of the order. A run that is repeated applies a change again, with
the same result.

Arguments: --connection (a Glue connection to PostgreSQL), --changes (its table), --table (DATABASE.TABLE).
"""

from dataclasses import dataclass

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from glue_secure import SecureJob


def last_changes(changes: DataFrame) -> DataFrame:
    """Return the last change of each order."""
    order = Window.partitionBy("order_id").orderBy(F.col("change_id").desc())
    return changes.withColumn("n", F.row_number().over(order)).where("n = 1").drop("n", "change_id")


@dataclass
class Arguments:
    """The job's arguments."""

    connection: str
    changes: str
    table: str


def main() -> None:
    with SecureJob.from_args(Arguments) as job:
        changes = job.read.jdbc(
            connection=job.args.connection,
            table=job.args.changes,
            bookmark="changes",
            bookmark_keys="change_id",
        )
        job.write.merge(last_changes(changes), job.args.table, on="order_id", delete_when="source.op = 'D'")


if __name__ == "__main__":
    main()
