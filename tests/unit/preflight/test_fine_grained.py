"""GS-LF-007: under fine-grained access control, calls that use RDDs are rejected before they do anything."""

from types import SimpleNamespace

import pytest

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.dynamicframe.frame import DynamicFrame
from glue_secure.engines.spark.context import GlueContext, glue_context
from glue_secure.preflight.fine_grained import is_fine_grained, refuse_rdds

FLAG = "enable-lakeformation-fine-grained-access"


class Frame:
    _jdf = None


FRAME = object.__new__(DynamicFrame)


@pytest.fixture
def context(run_fixture, monkeypatch):
    monkeypatch.setattr(glue_context, "session_as_requested", lambda spark: spark)
    context = GlueContext(SimpleNamespace(_jsparkSession=None))
    context.secured_run = run_fixture.start(**{FLAG: "true"})
    return context


S3 = {"connection_type": "s3", "connection_options": {"paths": ["s3://landing/"]}, "format": "csv"}
REFUSED = {
    "from_options": (lambda c: c.create_dynamic_frame.from_options(**S3), "create_data_frame.from_options"),
    "from_catalog": (
        lambda c: c.create_dynamic_frame.from_catalog("db", "t"),
        "spark.table('DATABASE.TABLE')",
    ),
    "from_rdd": (lambda c: c.create_dynamic_frame.from_rdd([], "f"), "spark.createDataFrame"),
    "fromDF": (lambda c: DynamicFrame.fromDF(Frame(), c, "f"), "use the DataFrame"),
    "getSource": (
        lambda c: c.getSource("s3", paths=["s3://landing/"], format="csv").getFrame(),
        "getDataFrame",
    ),
    "sample": (
        lambda c: c.create_sample_dynamic_frame_from_options(
            "s3", {"paths": ["s3://landing/"]}, 5, {}, "csv"
        ),
        "create_data_frame",
    ),
    "write": (
        lambda c: c.write_dynamic_frame.from_options(FRAME, "s3", {"path": "s3://curated/"}, "parquet"),
        "DataFrame.write",
    ),
    "write table": (lambda c: c.write_dynamic_frame.from_catalog(FRAME, "db", "t"), "write_data_frame"),
    "sink": (lambda c: c.getSink("s3", path="s3://curated/x/").writeFrame(FRAME), "DataFrame.write"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_gs_lf_007_a_dynamic_frame_is_rejected_and_the_fix_names_a_data_frame(context, run_fixture, name):
    call, alternative = REFUSED[name]
    run_fixture.log.clear()
    with pytest.raises(RefusedError) as caught:
        call(context)
    assert caught.value.control == "GS-LF-007"
    assert alternative in caught.value.fix
    assert run_fixture.log == []
    assert [name for name, _ in run_fixture.engine.calls if name.startswith(("read", "write"))] == []


@pytest.mark.parametrize(
    "call",
    [
        "create_data_frame.from_catalog", "create_data_frame.from_options", "write_data_frame.from_catalog",
        "getSource", "getSource.getDataFrame", "getSink", "DataSink.writeDataFrame", "job.commit",
        "purge_table", "extract_jdbc_conf",
    ],
)  # fmt: skip
def test_data_frames_are_allowed(call):
    refuse_rdds(call, fine_grained=True)


def test_without_the_argument_nothing_is_rejected():
    for call in ("create_dynamic_frame.from_catalog", "DynamicFrame.fromDF"):
        refuse_rdds(call, fine_grained=False)


@pytest.mark.parametrize(("value", "is_on"), [("true", True), ("TRUE", True), ("false", False)])
@pytest.mark.parametrize("name", [FLAG, FLAG.replace("-", "_")])
def test_the_argument_is_read_under_both_its_spellings(name, value, is_on):
    assert is_fine_grained(JobArguments.parse(["s", f"--{name}", value])) is is_on


@pytest.mark.parametrize("value", ["", "yes", "1"])
def test_any_other_value_is_rejected(value):
    with pytest.raises(UsageError, match="true or false"):
        is_fine_grained(JobArguments.parse(["s", f"--{FLAG}={value}"]))


def test_two_values_under_two_spellings_are_rejected(run_fixture):
    arguments = JobArguments.parse(["s", f"--{FLAG}", "true", f"--{FLAG.replace('-', '_')}", "false"])
    with pytest.raises(UsageError, match=FLAG):
        arguments.require_no_conflicts()
