"""Writes outside glue-secure in a run with a column policy fail the commit (GS-COL-006)."""

from __future__ import annotations

import json

import pytest

from glue_secure.core.errors import RefusedError

POLICY = {"name": "people", "columns": [{"column": "email", "action": "drop"}]}


@pytest.fixture
def run(glue_job):
    """Return ``run(act)``, which reads under a bookmark, acts under the policy, and returns the error."""
    glue_job.land("in.csv", "id,email\n1,a@x\n")
    policy = glue_job.land("policy/columns.json", json.dumps(POLICY))

    def run(act):
        under = {"glue_secure_columns": policy}
        with pytest.raises(RefusedError) as error, glue_job.job("source", "target", **under) as job:
            frame = job.read.s3(job.args.source, format="csv", bookmark="people")
            act(job, frame, glue_job.target.replace("s3://", "s3a://") + "out")
        assert "job.write." in error.value.fix
        bookmark = glue_job.evidence()[-1]["bookmark"]
        assert bookmark["sequence_after"] == bookmark["sequence_before"] == 0
        return error.value

    return run


def frame_writer(job, frame, out):
    frame.write.parquet(out)


def sql(job, frame, out):
    frame.createOrReplaceTempView("people_under_a_policy")
    job.spark.sql(f"insert overwrite directory '{out}' using csv select * from people_under_a_policy")


def stream(job, frame, out):
    rows = job.spark.readStream.format("rate").load().selectExpr("cast(value as string) as email")
    writer = rows.writeStream.format("csv").trigger(availableNow=True)
    writer.option("checkpointLocation", out + "-checkpoint").start(out).awaitTermination()


def rdd_by_the_jvm(job, frame, out):
    frame._jdf.toJavaRDD().saveAsTextFile(out)


@pytest.mark.parametrize("act", [frame_writer, sql, stream, rdd_by_the_jvm])
def test_gs_col_006_an_unmanaged_write_under_a_column_policy_fails_the_commit(run, act):
    assert run(act).control == "GS-COL-006"


def test_gs_col_005_rdd_saves_and_custom_writes_are_rejected_before_data_is_written(run, glue_job):
    assert run(lambda job, frame, out: frame.rdd.saveAsTextFile(out)).control == "GS-COL-005"
    error = run(lambda job, frame, out: job.write.custom(out, lambda: frame.write.csv(out)))
    assert error.control == "GS-COL-005"
    assert [name for name in glue_job.objects() if "/out" in name] == []
