"""One behaviour, two runtimes: what one refuses the other does, and where one run fails both do.

Plain Spark is real here, on the embedded account; Glue is the adapter on a recorded JVM (conftest.py).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import pytest

from glue_secure.core.errors import GlueSecureError, RefusedError, UsageError

pytest.importorskip("awsglue", reason="AWSGlueDataplanePython is made for Python 3.11 alone")
pytestmark = pytest.mark.filterwarnings("ignore:DataFrame constructor is internal:UserWarning")


@dataclass
class Door:
    """What a script has at hand once ``job.init`` has run, and what it may not touch.

    Attributes:
        weaken: makes the storage drop the encryption of what is written from now on.
        outcome: what the last evidence says.
    """

    context: Any
    job: Any
    frame: Any
    source: str
    target: str
    kept: str
    connection: str
    weaken: Any
    outcome: Any


@pytest.fixture(params=["spark", "glue"])
def runtime(request):
    return request.param


@pytest.fixture
def door(runtime, request, monkeypatch):
    return request.getfixturevalue(f"in_{runtime}_door")


@pytest.fixture
def in_glue_door(started, in_glue, frame_of):
    from glue_secure.dynamicframe import DynamicFrame

    def weaken():
        in_glue.engine.algorithm, in_glue.engine.key = "AES256", ""

    return Door(
        context=started,
        job=started.job,
        frame=frame_of(DynamicFrame, started),
        source="s3://landing/flights/",
        target="s3://curated/flights/",
        kept="s3://evidence/runs/",
        connection="ops",
        weaken=weaken,
        outcome=lambda: in_glue.evidence()["outcome"],
    )


@pytest.fixture
def in_spark_door(glue_job, glue_spark, monkeypatch, provisioned):
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
        write = context.secured_run._engine.write_s3

        def careless(frame, target, **more):
            rows = write(frame, target, **more)
            clients(glue_job.account)("s3").put_object(
                Bucket=CURATED, Key=f"{glue_job.name}/careless", Body=b"x", ServerSideEncryption="AES256"
            )
            return rows

        monkeypatch.setattr(context.secured_run._engine, "write_s3", careless)

    yield Door(
        context=context,
        job=job,
        frame=DynamicFrame.fromDF(
            glue_spark.createDataFrame([(1, "a")], "id int, name string"), context, "f"
        ),
        source=glue_job.source,
        target=glue_job.target,
        kept=EVIDENCE_URI,
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


def read(door, connection_type="s3", **options):
    return door.context.create_dynamic_frame.from_options(connection_type, options, "json")


def write(door, **options):
    return door.context.write_dynamic_frame.from_options(
        door.frame, "s3", {"path": door.target, **options}, "json"
    )


def jdbc(door, **options):
    named = {
        "useConnectionProperties": "true",
        "connectionName": door.connection,
        "dbtable": "public.airlines",
    }
    return door.context.create_dynamic_frame.from_options("postgresql", {**named, **options})


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
def test_gs_s3_005_no_option_changes_encryption(name, call, door):
    with pytest.raises((RefusedError, UsageError), match=name):
        call(door, {name: "x"})


@pytest.mark.parametrize("place", ["/tmp/x", "file:///tmp/x", "hdfs://host/x"])
def test_gs_s3_006_locations_outside_s3_are_rejected(place, door):
    for call in (lambda: read(door, paths=[place]), lambda: write(door, path=place)):
        with pytest.raises(RefusedError, match="GS-S3-006"):
            call()


def test_gs_s3_009_the_evidence_location_is_neither_written_nor_purged(door):
    for call in (lambda: write(door, path=door.kept), lambda: door.context.purge_s3_path(door.kept)):
        with pytest.raises(RefusedError, match="GS-S3-009"):
            call()


def test_gs_tls_008_a_password_in_options_is_rejected_and_not_repeated(door):
    given = {"url": "jdbc:postgresql://h/d", "user": "me", "password": "hunter2", "dbtable": "t"}
    with pytest.raises(RefusedError, match="GS-TLS-008") as caught:
        door.context.create_dynamic_frame.from_options("postgresql", given)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("option", [{"enforceSSL": "false"}, {"sslmode": "disable"}, {"ssl": "false"}])
def test_gs_tls_005_a_downgrade_in_options_is_refused(option, door):
    with pytest.raises(RefusedError, match="GS-TLS-005"):
        jdbc(door, **option)


def test_gs_s3_004_an_unencrypted_object_after_a_write_fails_the_run(door):
    door.weaken()
    with pytest.raises(RefusedError, match="GS-S3-004"):
        write(door)
    with pytest.raises(GlueSecureError, match="GS-S3-004"):
        door.job.commit()
    assert door.outcome() == "refused"


def test_a_committed_run_succeeds_and_ends(door):
    write(door)
    door.job.commit()
    assert door.outcome() == "succeeded"
    with pytest.raises(UsageError, match="has ended"):
        write(door)
