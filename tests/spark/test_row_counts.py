"""The rows of reads and writes in the evidence are those of the data, however often a frame is computed."""

import pytest

from glue_secure.embedded.clients import clients


@pytest.fixture
def bucket(glue_account):
    """A bucket of its own, deleted afterwards, to write to its root."""
    s3 = clients(glue_account)("s3")
    s3.create_bucket(Bucket="row-counts")
    yield "s3://row-counts/"
    for entry in s3.list_objects_v2(Bucket="row-counts").get("Contents", ()):
        s3.delete_object(Bucket="row-counts", Key=entry["Key"])
    s3.delete_bucket(Bucket="row-counts")


def test_a_frame_that_is_computed_several_times_counts_once(glue_job, bucket):
    glue_job.land("a.csv", "id\n1\n2\n3\n")
    with glue_job.job() as job:
        frame = job.read.s3(glue_job.source, format="csv")
        assert frame.count() == 3
        frame.show()
        frame.unionAll(frame).collect()
        job.write.s3(frame, glue_job.target, format="parquet")
        job.write.s3(frame, bucket, format="parquet")
    (evidence,) = glue_job.evidence()
    assert [read["rows"] for read in evidence["reads"]] == [3]
    assert [write["rows"] for write in evidence["writes"]] == [3, 3]


def test_a_cached_frame_counts(glue_job):
    glue_job.land("a.csv", "id\n1\n2\n3\n")
    with glue_job.job() as job:
        frame = job.read.s3(glue_job.source, format="csv").cache()
        frame.count()
        job.write.s3(frame, glue_job.target, format="parquet")
        frame.unpersist()
    assert [read["rows"] for read in glue_job.evidence()[0]["reads"]] == [3]
