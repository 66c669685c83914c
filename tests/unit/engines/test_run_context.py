"""The write that both runtimes' GlueContext adds to awsglue's."""

import pytest

from glue_secure.core.errors import RefusedError
from glue_secure.core.identifiers import S3Uri
from glue_secure.engines.run_context import RunContext

MODEL = S3Uri("curated", "model/part-0")


def saving(run_fixture, algorithm="aws:kms"):
    context = RunContext()
    context.secured_run = run_fixture.start()
    key = str(run_fixture.key) if algorithm == "aws:kms" else ""
    return context, lambda: run_fixture.objects.put(MODEL, b"model", algorithm=algorithm, key=key)


def test_a_custom_write_is_verified_and_recorded(run_fixture):
    context, save = saving(run_fixture)
    record = context.write_custom("s3://curated/model/", save, format="model")
    assert [(written.uri, written.key) for written in record.objects] == [(MODEL, str(run_fixture.key))]
    context.secured_run.commit()
    (write,) = run_fixture.evidence()["writes"]
    assert (write["target"], write["format"]) == ("s3://curated/model/", "model")


def test_gs_s3_004_a_custom_write_without_the_runs_key(run_fixture):
    context, save = saving(run_fixture, algorithm="AES256")
    with pytest.raises(RefusedError, match="GS-S3-004"):
        context.write_custom("s3://curated/model/", save)
    with pytest.raises(RefusedError, match="GS-S3-004"):
        context.secured_run.commit()


def test_gs_sec_007_a_custom_write_before_init_calls_nothing(run_fixture):
    with pytest.raises(RefusedError, match="GS-SEC-007"):
        RunContext().write_custom("s3://curated/model/", lambda: pytest.fail("called"))
