"""The Glue adapter rejects what it cannot guard: later methods, another JVM context, weak bookmarks."""

from __future__ import annotations

import pytest

from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.security_configuration import EncryptionSetting

awsglue_context = pytest.importorskip(
    "awsglue.context", reason="AWSGlueDataplanePython is made for Python 3.11 and 3.13 alone"
)


def test_a_method_of_a_later_awsglue_is_rejected():
    from glue_secure.engines.awsglue.jvm_call_guard import block_unknown_methods

    class Later:
        limit = 5

        def show(self):
            return "shown"

        def save(self):
            return "saved"

        def exportTo(self, path):
            return path

        @classmethod
        def fromExport(cls, path):
            return path

    class Ours(Later):
        def save(self):
            return "guarded"

    block_unknown_methods(Ours, Later, frozenset(("show",)))
    assert (Ours().show(), Ours().save(), Ours.limit) == ("shown", "guarded", 5)
    for call in (Ours().exportTo, Ours.fromExport):
        with pytest.raises(UsageError, match="does not know"):
            call("s3://curated/x/")


def test_no_method_of_the_installed_awsglue_is_rejected_as_unknown():
    from glue_secure.engines.awsglue import context, frames, sources_and_sinks

    for ours in (
        context.GlueContext,
        frames.DynamicFrame,
        frames.DynamicFrameCollection,
        sources_and_sinks.DataSource,
        sources_and_sinks.StreamingDataSource,
        sources_and_sinks.DataSink,
    ):
        names = [name for name in dir(ours) if not name.startswith("_")]
        assert [n for n in names if getattr(getattr(ours, n), "__name__", "") == "raise_unknown"] == []


def test_a_context_without_the_jvm_call_guard_is_rejected(in_glue, make_context, monkeypatch):
    from glue_secure.context import GlueContext

    unguarded = awsglue_context.GlueContext._get_glue_scala_context
    monkeypatch.setattr(GlueContext, "_get_glue_scala_context", unguarded)
    with pytest.raises(UsageError, match="not guarded"):
        make_context(GlueContext)


def test_gs_sec_005_job_init_is_not_called_without_bookmark_encryption(in_glue, make_context):
    from glue_secure.context import GlueContext
    from glue_secure.job import Job

    context = make_context(GlueContext)
    in_glue.configure(job_bookmarks=EncryptionSetting("DISABLED"))
    with pytest.raises(RefusedError, match="GS-SEC-005"):
        Job(context).init("curate", {"JOB_NAME": "curate"})
    assert context.recorder.called("init") == []
    assert context.secured_run is None


# awsglue creates DataFrames with a constructor that pyspark declares internal.
@pytest.mark.filterwarnings("ignore:DataFrame constructor is internal:UserWarning")
def test_gs_lf_007_in_glue_dynamic_frames_are_rejected_before_the_jvm_is_called(started, frame_of):
    from glue_secure.dynamicframe import DynamicFrame

    frame = frame_of(DynamicFrame, started)
    started.secured_run.fine_grained = True
    started.recorder.calls.clear()
    s3 = {"connection_type": "s3", "connection_options": {"paths": ["s3://landing/"]}, "format": "csv"}
    for call in (
        lambda: started.create_dynamic_frame.from_catalog("lake", "flights"),
        lambda: started.create_sample_dynamic_frame_from_catalog("lake", "flights", 5),
        lambda: DynamicFrame.fromDF(object(), started, "f"),
        lambda: started.write_dynamic_frame.from_catalog(frame, "lake", "flights"),
        lambda: frame.spigot("s3://curated/x/"),
    ):
        with pytest.raises(RefusedError, match="GS-LF-007"):
            call()
    assert started.recorder.data_calls() == []
    with pytest.raises(RefusedError, match="GS-LF-007"):
        started.create_dynamic_frame.from_options(**s3)
    started.create_data_frame.from_catalog("lake", "flights")
    assert started.recorder.data_calls()
