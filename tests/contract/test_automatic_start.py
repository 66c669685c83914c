"""In Glue, a run starts with the GlueContext: awsglue's Job.init and Job.commit are called once."""

from __future__ import annotations

from run_fixture import run_fixture  # noqa: F401 - a fixture

from glue_secure.run import automatic_start


def test_job_init_joins_the_run_that_started_with_the_context(in_glue, make_context, monkeypatch):
    from glue_secure.context import GlueContext
    from glue_secure.job import Job

    monkeypatch.setattr(automatic_start, "_state", automatic_start._Process())
    context = make_context(GlueContext)
    run = context.secured_run
    assert run.awaits_init
    job = Job(context)
    job.init("curate", {"JOB_NAME": "curate"})
    assert context.secured_run is run
    assert not run.awaits_init
    job.commit()
    calls = [call[0] if isinstance(call, tuple) else call.name for call in context.recorder.calls]
    assert (calls.count("init"), calls.count("commit")) == (1, 1)
    assert in_glue.evidence()["outcome"] == "succeeded"
