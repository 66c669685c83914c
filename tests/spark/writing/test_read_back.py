"""Objects read back by Python processes of Spark that call the embedded account."""

from __future__ import annotations

from dataclasses import replace

import pytest

from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.embedded.account_setup import CURATED
from glue_secure.embedded.clients import clients
from glue_secure.run import composition
from glue_secure.run.composition import ExecutorS3
from glue_secure.verification import object_verifier


@pytest.fixture(autouse=True)
def spreading(monkeypatch):
    monkeypatch.setattr(object_verifier, "SPREAD_FROM", 2)
    monkeypatch.setattr(object_verifier, "_MIN_BATCH", 2)


def test_executors_verify_what_a_job_wrote(glue_job, provisioned):
    with glue_job.job() as job:
        frame = job.spark.range(40).withColumnRenamed("id", "n").selectExpr("n", "n % 5 as part")
        job.write.s3(frame, glue_job.target, format="parquet", partition_by=["part"])
    (evidence,) = glue_job.evidence()
    (write,) = evidence["writes"]
    assert {(one["algorithm"], one["key"]) for one in write["objects"]} == {("aws:kms", provisioned.data_key)}
    listed = {f"s3://{CURATED}/{key}" for key in glue_job.objects()}
    assert {one["uri"] for one in write["objects"]} == listed
    (found,) = [one["found"] for one in evidence["controls"] if one["control"] == "GS-S3-004"]
    assert "executors" in found


def test_gs_s3_004_executors_find_an_object_in_the_clear(glue_job):
    s3 = clients(glue_job.account)("s3")

    def save():
        for number in range(5):
            place = {"Bucket": CURATED, "Key": f"{glue_job.name}/{number}"}
            s3.put_object(**place, Body=b"x", ServerSideEncryption="AES256")

    with pytest.raises(RefusedError, match="GS-S3-004"), glue_job.job() as job:
        job.write.custom(glue_job.target, save)
    assert glue_job.evidence()[0]["outcome"] == "refused"


def test_gs_s3_007_executors_that_reach_no_s3_leave_a_write_unverified(glue_job, monkeypatch):
    services, nowhere = composition.services, ExecutorS3("http://localhost:1", "eu-west-1", True)
    monkeypatch.setattr(
        composition, "services", lambda *given: replace(services(*given), remote_objects=nowhere)
    )
    with pytest.raises(VerificationError, match="GS-S3-007"), glue_job.job() as job:
        job.write.s3(job.spark.range(20).repartition(4), glue_job.target, format="parquet")
    assert glue_job.evidence()[0]["bookmark"]["sequence_after"] == 0
