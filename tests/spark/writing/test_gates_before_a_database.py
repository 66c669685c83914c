"""Quality suites for writes to a database."""

import json

import pytest

from glue_secure import RefusedError

MARKER = "Ma4ker-of-a-row"
ROWS = [(1, "a"), (2, "b"), (3, MARKER), (None, "c")]
NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id"}}
IN_SET = {
    "type": "expect_column_values_to_be_in_set",
    "kwargs": {"column": "word", "value_set": ["a", "b", "c"]},
}


def test_rows_are_checked_before_a_write_to_a_database(glue_job, glue_spark, writer):
    """With block, no table is created. With quarantine, valid rows are in the table and the others in S3."""
    suite = glue_job.land("suite.json", json.dumps({"name": "rows", "expectations": [NOT_NULL, IN_SET]}))
    quarantine = glue_job.target.rstrip("/") + "-quarantine/"
    rows = glue_spark.createDataFrame(ROWS, "id int, word string")
    table = "gated_" + glue_job.name.replace("-", "_")
    options = {"connection": writer.name, "table": table, "quality_suite": suite}
    with (
        pytest.raises(RefusedError, match=f"(?s)GS-DQ-001.*{writer.name}/{table}"),
        glue_job.job(glue_secure_suites=suite) as job,
    ):
        job.write.jdbc(rows, **options)
    evidence = glue_job.evidence()[-1]
    assert (evidence["writes"], evidence["gates"][0]["outcome"]) == ([], "blocked")
    with glue_job.job(glue_secure_suites=suite) as job:
        job.write.jdbc(rows, **options, on_failure="quarantine", quarantine=quarantine)
        assert sorted(
            row["word"] for row in job.read.jdbc(connection=writer.name, table=table).collect()
        ) == [
            "a",
            "b",
        ]
    invalid = glue_spark.read.parquet(quarantine.replace("s3://", "s3a://"))
    assert sorted(row["word"] for row in invalid.collect()) == [MARKER, "c"]
