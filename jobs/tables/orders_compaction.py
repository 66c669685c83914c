"""Rewrite the small files of a table of Iceberg. Readers with a bookmark see no new rows.

Argument: --table (DATABASE.TABLE).
"""

from dataclasses import dataclass

from glue_secure import SecureJob


@dataclass
class Arguments:
    """The job's arguments."""

    table: str


def main() -> None:
    with SecureJob.from_args(Arguments) as job:
        result = job.spark.sql(
            "CALL glue_catalog.system.rewrite_data_files("
            f"table => '{job.args.table}', options => map('rewrite-all', 'true'))"
        ).first()
        print(f"files rewritten: {result['rewritten_data_files_count']}")


if __name__ == "__main__":
    main()
