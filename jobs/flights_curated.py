"""Delays per carrier, route and month, from raw flights in S3 and tables in PostgreSQL.

Runs unchanged in plain local Spark (`glue-secure run jobs/flights_curated.py --JOB_NAME flights_curated`)
and wherever `glue_secure` finds a runtime. Only flights that landed since the last run are read.

Arguments: --source, --target (S3 locations), --connection (a Glue connection to PostgreSQL).
"""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from glue_secure import SecureJob


def delays(flights: DataFrame, airlines: DataFrame, airports: DataFrame, planes: DataFrame) -> DataFrame:
    """One row for each carrier, route and month.

    Columns: carrier, airline (string), origin, dest, destination (string), flights, cancelled, late (long),
    mean_departure_delay, mean_arrival_delay (double, minutes), seats (long, offered on known planes),
    year, month (int).
    """
    # "NA" is what the source writes for a flight that never left; as a number it is null.
    numbers = [
        F.when(F.col(name) != "NA", F.col(name)).cast("int").alias(name)
        for name in ("year", "month", "dep_delay", "arr_delay")
    ]
    facts = flights.select("carrier", "origin", "dest", "tailnum", *numbers)
    names = airports.select(F.col("faa").alias("dest"), F.col("name").alias("destination"))
    return (
        facts.join(F.broadcast(planes.select("tailnum", "seats")), "tailnum", "left")
        .groupBy("carrier", "origin", "dest", "year", "month")
        .agg(
            F.count("*").alias("flights"),
            F.count(F.when(F.col("dep_delay").isNull(), 1)).alias("cancelled"),
            F.count(F.when(F.col("arr_delay") > 15, 1)).alias("late"),
            F.avg("dep_delay").alias("mean_departure_delay"),
            F.avg("arr_delay").alias("mean_arrival_delay"),
            F.sum("seats").alias("seats"),
        )
        .join(F.broadcast(airlines.withColumnRenamed("name", "airline")), "carrier", "left")
        .join(F.broadcast(names), "dest", "left")
    )


@dataclass
class Arguments:
    """The job's arguments."""

    source: str
    target: str
    connection: str


def main() -> None:
    with SecureJob.from_args(Arguments) as job:
        flights = job.read.s3(job.args.source, format="csv", bookmark="flights")
        airlines, airports, planes = (
            job.read.jdbc(connection=job.args.connection, table=table)
            for table in ("airlines", "airports", "planes")
        )
        curated = delays(flights, airlines, airports, planes).repartition("year", "month")
        job.write.s3(curated, job.args.target, format="parquet", partition_by=["year", "month"])


if __name__ == "__main__":
    main()
