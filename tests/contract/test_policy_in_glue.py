"""A policy file in the adapter of awsglue: targets are written and verified by the rule of their prefix."""

from __future__ import annotations

import sys

import pytest
from recorded_glue_jvm import JavaObject

from glue_secure.core.errors import RefusedError
from glue_secure.core.identifiers import S3Uri

pytest.importorskip("awsglue", reason="AWSGlueDataplanePython is made for Python 3.11 and 3.13 alone")
pytestmark = pytest.mark.filterwarnings("ignore:DataFrame constructor is internal:UserWarning")

POLICY = S3Uri("config", "policy.toml")
TEXT = """\
schema = 1
[[targets]]
name = "zone-b"
prefix = "s3://curated/"
encryption = "SSE-KMS"
keys = ["{other_key}"]
[[targets]]
name = "zone-c"
prefix = "s3://state/"
encryption = "SSE-S3"
reason = "open data"
[[sources]]
name = "landing"
prefix = "s3://landing/"
encryption = ["SSE-KMS"]
"""
WRONG = {
    "the run's key in zone B": ("curated", "aws:kms", "key"),
    "SSE-S3 in zone B": ("curated", "AES256", ""),
    "DSSE-KMS in zone B": ("curated", "aws:kms:dsse", "other_key"),
    "zone B's key in zone C": ("state", "aws:kms", "other_key"),
    "no encryption in zone C": ("state", "", ""),
    "zone B's key in zone A": ("config", "aws:kms", "other_key"),
    "SSE-S3 in zone A": ("config", "AES256", ""),
}


@pytest.fixture
def zones(in_glue, monkeypatch):
    """An account with the policy file, and the arguments of a job that names it."""
    text = TEXT.format(other_key=in_glue.other_key)
    in_glue.objects.put(POLICY, text.encode(), algorithm="aws:kms", key=str(in_glue.key))
    monkeypatch.setattr("sys.argv", [*sys.argv, "--glue-secure-policy", str(POLICY)])
    return in_glue


@pytest.fixture
def write(zones, make_context, frame_of, server):
    """``write(bucket, algorithm, key)``: let Glue's sink store an object so, and return the context."""
    from glue_secure.context import GlueContext
    from glue_secure.dynamicframe import DynamicFrame
    from glue_secure.job import Job

    context = make_context(GlueContext)
    context.job = Job(context)
    context.job.init("curate", {"JOB_NAME": "curate", "TempDir": "s3://curated/temporary/"})

    def call(bucket, algorithm, key):
        def store(*_):
            zones.objects.put(S3Uri(bucket, "out/part-0"), algorithm=algorithm, key=key)
            return JavaObject(context.recorder, "errors")

        context.recorder.on.update(pyWriteDynamicFrame=store)
        frame = frame_of(DynamicFrame, context)
        context.write_dynamic_frame.from_options(frame, "s3", {"path": f"s3://{bucket}/out/"}, "csv")
        return context

    call.context = context
    return call


def test_each_zone_is_written_by_its_rule(write, zones):
    write("curated", "aws:kms", str(zones.other_key))
    write("state", "AES256", "")
    write("config", "aws:kms", str(zones.key)).job.commit()
    evidence = zones.evidence()
    assert evidence["outcome"] == "succeeded"
    assert evidence["policy"]["used"] == {"zone-b": 1, "zone-c": 1}


@pytest.mark.parametrize("case", WRONG)
def test_gs_s3_004_a_wrong_encryption_of_glues_own_sink_is_found(case, write, zones):
    bucket, algorithm, key = WRONG[case]
    with pytest.raises(RefusedError, match="GS-S3-004"):
        write(bucket, algorithm, str(getattr(zones, key)) if key else "")
    with pytest.raises(Exception, match=r"GS-S3-004|cannot commit|failed"):
        write.context.job.commit()


def test_gs_s3_014_a_source_of_glues_own_reader_is_checked(write, zones):
    zones.land("m01.csv")  # SSE-S3
    with pytest.raises(RefusedError, match="GS-S3-014"):
        write.context.create_dynamic_frame.from_options("s3", {"paths": ["s3://landing/flights/"]}, "csv")
