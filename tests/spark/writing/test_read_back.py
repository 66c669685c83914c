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
def spreading(monkeypatch, without_request_guard):
    monkeypatch.setattr(object_verifier, "SPREAD_FROM", 2)
    monkeypatch.setattr(object_verifier, "_MIN_BATCH", 2)


def test_executors_verify_the_objects_of_a_job(glue_job, provisioned):
    with glue_job.job() as job:
        frame = job.spark.range(40).withColumnRenamed("id", "n").selectExpr("n", "n % 5 as part")
        job.write.s3(frame, glue_job.target, format="parquet", partition_by=["part"])
    (evidence,) = glue_job.evidence()
    (write,) = evidence["writes"]
    assert {(entry["algorithm"], entry["key"]) for entry in write["objects"]} == {
        ("aws:kms", provisioned.data_key)
    }
    listed = {f"s3://{CURATED}/{key}" for key in glue_job.objects()}
    assert {entry["uri"] for entry in write["objects"]} == listed
    (found,) = [finding["found"] for finding in evidence["controls"] if finding["control"] == "GS-S3-004"]
    assert "executors" in found


def test_gs_s3_004_executors_detect_an_unencrypted_object(glue_job):
    s3 = clients(glue_job.account)("s3")

    def save():
        for number in range(5):
            target = {"Bucket": CURATED, "Key": f"{glue_job.name}/{number}"}
            s3.put_object(**target, Body=b"x", ServerSideEncryption="AES256")

    with pytest.raises(RefusedError, match="GS-S3-004"), glue_job.job() as job:
        job.write.custom(glue_job.target, save)
    assert glue_job.evidence()[0]["outcome"] == "refused"


def test_gs_s3_007_executors_without_a_route_to_s3_stop_the_run(glue_job, monkeypatch):
    services, nowhere = composition.services, ExecutorS3("http://localhost:1", "eu-west-1", True)
    monkeypatch.setattr(
        composition, "services", lambda *arguments: replace(services(*arguments), remote_objects=nowhere)
    )
    with pytest.raises(VerificationError, match="GS-S3-007"), glue_job.job() as job:
        job.write.s3(job.spark.range(20).repartition(4), glue_job.target, format="parquet")
    assert glue_job.evidence()[0]["bookmark"]["sequence_after"] == 0
