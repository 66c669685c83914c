"""A suite stands before a database as it stands before S3."""

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


def test_a_quality_gate_applies_to_database_writes(glue_job, glue_spark, writer):
    """Blocked: no table is made. In quarantine the good rows arrive, the others lie apart."""
    suite = glue_job.land("suite.json", json.dumps({"name": "rows", "expectations": [NOT_NULL, IN_SET]}))
    place = glue_job.target.rstrip("/") + "-apart/"
    rows = glue_spark.createDataFrame(ROWS, "id int, word string")
    table = "gated_" + glue_job.name.replace("-", "_")
    how = {"connection": writer.name, "table": table, "expect": suite}
    with (
        pytest.raises(RefusedError, match=f"(?s)GS-DQ-001.*{writer.name}/{table}"),
        glue_job.job(glue_secure_suites=suite) as job,
    ):
        job.write.jdbc(rows, **how)
    evidence = glue_job.evidence()[-1]
    assert (evidence["writes"], evidence["gates"][0]["outcome"]) == ([], "blocked")
    with glue_job.job(glue_secure_suites=suite) as job:
        job.write.jdbc(rows, **how, on_failure="quarantine", quarantine=place)
        assert sorted(
            row["word"] for row in job.read.jdbc(connection=writer.name, table=table).collect()
        ) == [
            "a",
            "b",
        ]
    bad = glue_spark.read.parquet(place.replace("s3://", "s3a://"))
    assert sorted(row["word"] for row in bad.collect()) == [MARKER, "c"]
