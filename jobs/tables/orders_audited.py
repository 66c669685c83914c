"""Append to a table of Iceberg so that readers never see rows that were not verified (write-audit-publish).

The rows go to a branch. Every object is verified, and the suite checks the rows as they are stored. The
end of the block publishes the branch, and then stores the bookmark.

Arguments: --source (S3 location), --table (DATABASE.TABLE), --suite (also in --glue-secure-suites).
"""

from dataclasses import dataclass

from glue_secure import SecureJob

SCHEMA = "order_id bigint, customer string, amount double, day date"


@dataclass
class Arguments:
    """The job's arguments."""

    source: str
    table: str
    suite: str


def main() -> None:
    with SecureJob.from_args(Arguments) as job:
        orders = job.read.s3(job.args.source, format="csv", bookmark="orders", schema=SCHEMA)
        job.write.table(orders, job.args.table, publish="after_audit", quality_suite=job.args.suite)


if __name__ == "__main__":
    main()
