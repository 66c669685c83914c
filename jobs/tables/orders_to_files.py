"""Copy the new rows of a table to Parquet files with partitions, registered in the Data Catalog.

Arguments: --table and --files (DATABASE.TABLE), --location (S3 location of the files, for the first run).
"""

from dataclasses import dataclass

from glue_secure import SecureJob


@dataclass
class Arguments:
    """The job's arguments."""

    table: str
    files: str
    location: str
    create: bool = False


def main() -> None:
    with SecureJob.from_args(Arguments) as job:
        orders = job.read.table(job.args.table, bookmark="orders")
        if job.args.create:
            job.write.table(
                orders,
                job.args.files,
                mode="create",
                format="parquet",
                location=job.args.location,
                partition_by="day",
            )
        else:
            job.write.table(orders, job.args.files)


if __name__ == "__main__":
    main()
