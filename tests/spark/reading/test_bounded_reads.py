"""Bounded execution in each API: each run reads the oldest new objects."""

import pytest

from glue_secure import UsageError


def test_bounded_runs_together_read_everything_once(rerun, glue_job, catalog, rows):
    """From options and from the catalog in one job, with independent transformation contexts."""
    for name in ("c", "b", "a"):
        glue_job.land(f"bounded/{name}.csv", f"{name}\n")
    catalog.table("bounded", "csv", [("name", "string")], boundedFiles="2")
    read = []
    for _ in range(3):
        context, job = rerun()
        by_options = context.create_dynamic_frame.from_options(
            "s3",
            {"paths": [f"{glue_job.source}bounded/"], "boundedSize": "2", "keysAscending": "true"},
            "csv",
            transformation_ctx="options",
        )
        by_table = context.create_dynamic_frame.from_catalog(
            catalog.database, "bounded", transformation_ctx="table"
        )
        read.append(
            [sorted(next(iter(row.values())) for row in rows(frame)) for frame in (by_options, by_table)]
        )
        job.commit()
    assert sorted(name for by_options, _ in read for name in by_options) == ["a", "b", "c"]
    assert [len(by_options) for by_options, _ in read] == [1, 1, 1]
    assert [len(by_table) for _, by_table in read] == [2, 1, 0]
    facts = [evidence["bookmark"]["contexts"] for evidence in glue_job.evidence()]
    assert sorted(read["options"]["deferred"] for read in facts) == [0, 1, 2]


def test_secure_job_has_the_same_bounds(glue_job):
    for name in ("a.csv", "b.csv"):
        glue_job.land(name, "id\n1\n")
    bound = {"boundedFiles": 1, "maxBand": 0, "keysAscending": True}
    counts = []
    for _ in range(3):
        with glue_job.job() as job:
            frame = job.read.s3(glue_job.source, format="csv", bookmark="f", options=bound)
            counts.append((frame.count(), frame.columns))
    assert counts == [(1, ["id"]), (1, ["id"]), (0, ["id"])]


def test_two_bounds_at_once_are_rejected_as_in_glue(context, glue_job):
    with pytest.raises(UsageError, match="one of them"):
        context.create_dynamic_frame.from_options(
            "s3", {"paths": [glue_job.source], "boundedFiles": "1", "boundedSize": "1"}, "csv"
        )
