"""Both runtimes reject the same calls, and fail a run for the same reasons.

Plain Spark runs on the embedded account; Glue is the adapter on a recorded fake of Glue's JVM.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import pytest

from glue_secure.core.errors import GlueSecureError, RefusedError, UsageError

pytest.importorskip("awsglue", reason="AWSGlueDataplanePython is made for Python 3.11 and 3.13 alone")
pytestmark = [
    pytest.mark.filterwarnings("ignore:DataFrame constructor is internal:UserWarning"),
    pytest.mark.spark,
]


@dataclass
class ApiVariant:
    """A started job of one runtime.

    Attributes:
        evidence_location: a reserved location.
        weaken: makes later writes unencrypted.
        outcome: returns the outcome in the last evidence.
    """

    context: Any
    job: Any
    frame: Any
    source: str
    target: str
    evidence_location: str
    connection: str
    weaken: Any
    outcome: Any


@pytest.fixture(params=["spark", "glue"])
def runtime(request):
    return request.param


@pytest.fixture
def variant(runtime, request, monkeypatch):
    return request.getfixturevalue(f"{runtime}_variant")


@pytest.fixture
def glue_variant(started, in_glue, frame_of):
    from glue_secure.dynamicframe import DynamicFrame

    def weaken():
        in_glue.engine.algorithm, in_glue.engine.key = "AES256", ""

    return ApiVariant(
        context=started,
        job=started.job,
        frame=frame_of(DynamicFrame, started),
        source="s3://landing/flights/",
        target="s3://curated/flights/",
        evidence_location="s3://evidence/runs/",
        connection="ops",
        weaken=weaken,
        outcome=lambda: in_glue.evidence()["outcome"],
    )


@pytest.fixture
def spark_variant(glue_job, glue_spark, monkeypatch, provisioned):
    from glue_secure.embedded.account_setup import CURATED, EVIDENCE_URI
    from glue_secure.embedded.clients import clients

    monkeypatch.setenv("GLUE_SECURE_RUNTIME", "spark")
    from glue_secure.context import GlueContext
    from glue_secure.dynamicframe import DynamicFrame
    from glue_secure.job import Job

    clients(glue_job.account)("glue").create_connection(
        ConnectionInput={
            "Name": glue_job.name,
            "ConnectionType": "JDBC",
            "ConnectionProperties": {
                "JDBC_CONNECTION_URL": "jdbc:postgresql://db.example.com:5432/ops",
                "JDBC_ENFORCE_SSL": "true",
                "SECRET_ID": "ops/postgres",
            },
        }
    )
    argv = glue_job.argv()
    monkeypatch.setattr("sys.argv", argv)
    context = GlueContext(glue_spark)
    job = Job(context)
    job.init(glue_job.name, {})

    def weaken():
        write = context.secured_run.engine.write_s3

        def write_unencrypted(frame, target, **options):
            rows = write(frame, target, **options)
            clients(glue_job.account)("s3").put_object(
                Bucket=CURATED, Key=f"{glue_job.name}/unencrypted", Body=b"x", ServerSideEncryption="AES256"
            )
            return rows

        monkeypatch.setattr(context.secured_run.engine, "write_s3", write_unencrypted)

    yield ApiVariant(
        context=context,
        job=job,
        frame=DynamicFrame.fromDF(
            glue_spark.createDataFrame([(1, "a")], "id int, name string"), context, "f"
        ),
        source=glue_job.source,
        target=glue_job.target,
        evidence_location=EVIDENCE_URI,
        connection=glue_job.name,
        weaken=weaken,
        outcome=lambda: glue_job.evidence()[-1]["outcome"],
    )
    context.secured_run.close(outcome="test over")


@pytest.fixture
def before_init(runtime, request, monkeypatch):
    """A context before ``job.init``, and a frame of it."""
    if runtime == "glue":
        request.getfixturevalue("in_glue")
        make, frame_of = request.getfixturevalue("make_context"), request.getfixturevalue("frame_of")
        from glue_secure.context import GlueContext
        from glue_secure.dynamicframe import DynamicFrame

        context = make(GlueContext)
        return context, frame_of(DynamicFrame, context)
    spark = request.getfixturevalue("glue_spark")
    from glue_secure.context import GlueContext
    from glue_secure.dynamicframe import DynamicFrame

    with warnings.catch_warnings():
        context = GlueContext(spark)
    return context, DynamicFrame.fromDF(spark.createDataFrame([(1,)], "id int"), context, "f")


READS_AND_WRITES = {
    "read": lambda c, f: c.create_dynamic_frame.from_options("s3", {"paths": ["s3://landing/x/"]}, "json"),
    "read jdbc": lambda c, f: c.create_dynamic_frame.from_options(
        "postgresql", {"useConnectionProperties": "true", "connectionName": "ops", "dbtable": "t"}
    ),
    "read table": lambda c, f: c.create_dynamic_frame.from_catalog("lake", "flights"),
    "read data frame": lambda c, f: c.create_data_frame.from_catalog("lake", "flights"),
    "write": lambda c, f: c.write_dynamic_frame.from_options(f, "s3", {"path": "s3://curated/x/"}, "json"),
    "write table": lambda c, f: c.write_dynamic_frame.from_catalog(f, "lake", "flights"),
    "write jdbc": lambda c, f: c.write_dynamic_frame.from_jdbc_conf(
        f, "ops", {"dbtable": "t", "database": "d"}
    ),
    "write by the frame": lambda c, f: f.write("s3", {"path": "s3://curated/x/"}, "json"),
    "source": lambda c, f: c.getSource("s3", paths=["s3://landing/x/"]),
    "sink": lambda c, f: c.getSink("s3", path="s3://curated/x/"),
    "conf": lambda c, f: c.extract_jdbc_conf("ops"),
    "purge": lambda c, f: c.purge_s3_path("s3://curated/x/"),
    "spigot": lambda c, f: f.spigot("s3://curated/x/"),
}


@pytest.mark.parametrize("name", READS_AND_WRITES)
def test_gs_sec_007_nothing_is_read_or_written_before_job_init(name, before_init):
    context, frame = before_init
    with pytest.raises(RefusedError, match="GS-SEC-007"):
        READS_AND_WRITES[name](context, frame)


def read(variant, connection_type="s3", **options):
    return variant.context.create_dynamic_frame.from_options(connection_type, options, "json")


def write(variant, **options):
    return variant.context.write_dynamic_frame.from_options(
        variant.frame, "s3", {"path": variant.target, **options}, "json"
    )


def jdbc(variant, **options):
    connection = {
        "useConnectionProperties": "true",
        "connectionName": variant.connection,
        "dbtable": "public.airlines",
    }
    return variant.context.create_dynamic_frame.from_options("postgresql", {**connection, **options})


@pytest.mark.parametrize(
    "name",
    [
        "fs.s3a.encryption.algorithm",
        "fs.s3.enableServerSideEncryption",
        "ServerSideEncryption",
        "fs.s3a.endpoint",
    ],
)
@pytest.mark.parametrize("call", [lambda d, o: read(d, paths=[d.source], **o), lambda d, o: write(d, **o)])
def test_gs_s3_005_no_option_changes_encryption(name, call, variant):
    with pytest.raises((RefusedError, UsageError), match=name):
        call(variant, {name: "x"})


@pytest.mark.parametrize("location", ["/tmp/x", "file:///tmp/x", "hdfs://host/x"])
def test_gs_s3_006_locations_outside_s3_are_rejected(location, variant):
    for call in (lambda: read(variant, paths=[location]), lambda: write(variant, path=location)):
        with pytest.raises(RefusedError, match="GS-S3-006"):
            call()


def test_gs_s3_009_the_evidence_location_is_neither_written_nor_purged(variant):
    for call in (
        lambda: write(variant, path=variant.evidence_location),
        lambda: variant.context.purge_s3_path(variant.evidence_location),
    ):
        with pytest.raises(RefusedError, match="GS-S3-009"):
            call()


def test_gs_tls_008_a_password_in_options_is_rejected_and_not_repeated(variant):
    options = {"url": "jdbc:postgresql://h/d", "user": "me", "password": "hunter2", "dbtable": "t"}
    with pytest.raises(RefusedError, match="GS-TLS-008") as caught:
        variant.context.create_dynamic_frame.from_options("postgresql", options)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("option", [{"enforceSSL": "false"}, {"sslmode": "disable"}, {"ssl": "false"}])
def test_gs_tls_005_a_downgrade_in_options_is_refused(option, variant):
    with pytest.raises(RefusedError, match="GS-TLS-005"):
        jdbc(variant, **option)


@pytest.mark.usefixtures("without_request_guard")
def test_gs_s3_004_an_unencrypted_object_after_a_write_fails_the_run(variant):
    variant.weaken()
    with pytest.raises(RefusedError, match="GS-S3-004"):
        write(variant)
    with pytest.raises(GlueSecureError, match="GS-S3-004"):
        variant.job.commit()
    assert variant.outcome() == "refused"


def sink(d):
    return d.context.getSink("s3", "json", path=d.target)


# Name → the call, and whether its result is a DynamicFrame.
CALLS = {
    "create_dynamic_frame_from_options": (
        lambda d: d.context.create_dynamic_frame_from_options("s3", {"paths": [d.source]}, "json"),
        True,
    ),
    "create_data_frame_from_options": (
        lambda d: d.context.create_data_frame_from_options("s3", {"paths": [d.source]}, "json"),
        False,
    ),
    "create_sample_dynamic_frame_from_options": (
        lambda d: d.context.create_sample_dynamic_frame_from_options(
            "s3", {"paths": [d.source]}, 5, {}, "json"
        ),
        True,
    ),
    "getSource.getFrame": (lambda d: d.context.getSource("s3", "json", paths=[d.source]).getFrame(), True),
    "getSource.getSampleFrame": (
        lambda d: d.context.getSource("s3", "json", paths=[d.source]).getSampleFrame(5),
        True,
    ),
    "getSource.getDataFrame": (
        lambda d: d.context.getSource("s3", "json", paths=[d.source]).getDataFrame(),
        False,
    ),
    "write_dynamic_frame_from_options": (
        lambda d: d.context.write_dynamic_frame_from_options(d.frame, "s3", {"path": d.target}, "json"),
        True,
    ),
    "write_from_options": (
        lambda d: d.context.write_from_options(d.frame, "s3", {"path": d.target}, "json"),
        True,
    ),
    "getSink.setAccumulableSize": (lambda d: sink(d).setAccumulableSize(5), False),
    "getSink.setFormat": (lambda d: sink(d).setFormat("csv"), False),
    "getSink.write": (lambda d: sink(d).write(d.frame), True),
    "getSink.writeFrame": (lambda d: sink(d).writeFrame(d.frame), True),
    "getSink.writeDataFrame": (lambda d: sink(d).writeDataFrame(d.frame.toDF(), d.context), False),
    "DynamicFrame.write": (lambda d: d.frame.write("s3", {"path": d.target}, "json"), True),
    "get_logger": (lambda d: d.context.get_logger().info("a message"), False),
    "currentTimeMillis": (lambda d: d.context.currentTimeMillis(), False),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_succeeds_and_the_run_commits(name, variant):
    call, is_frame = CALLS[name]
    result = call(variant)
    from glue_secure.dynamicframe import DynamicFrame

    if is_frame:
        assert type(result) is DynamicFrame
    variant.job.commit()
    assert variant.outcome() == "succeeded"


def test_a_committed_run_succeeds_and_ends(variant):
    write(variant)
    variant.job.commit()
    assert variant.outcome() == "succeeded"
    with pytest.raises(UsageError, match="has ended"):
        write(variant)
