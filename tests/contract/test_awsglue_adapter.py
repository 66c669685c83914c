"""The Glue adapter calls the same JVM methods as awsglue, with the same arguments and ``enforceSSL``.

``AWSGlueDataplanePython`` is the official Python side of awsglue. Its JVM is a recorded fake.
"""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace

import pytest
from recorded_glue_jvm import RecordedJvm, session_on

from glue_secure.core.errors import GlueSecureError, RefusedError, UsageError, VerificationError
from glue_secure.core.identifiers import S3Uri

awsglue_context = pytest.importorskip(
    "awsglue.context", reason="AWSGlueDataplanePython is made for Python 3.11 and 3.13 alone"
)
from awsglue.dynamicframe import DynamicFrame as AwsGlueFrame  # noqa: E402
from awsglue.dynamicframe import DynamicFrameCollection as AwsGlueCollection  # noqa: E402
from awsglue.job import Job as AwsGlueJob  # noqa: E402

# awsglue creates DataFrames with a constructor that pyspark declares internal.
pytestmark = pytest.mark.filterwarnings("ignore:DataFrame constructor is internal:UserWarning")
PG = {"useConnectionProperties": "true", "connectionName": "ops", "dbtable": "public.carriers"}
JSON = {"jsonPath": "$[*]"}


def data_frame(context):
    return SimpleNamespace(_jdf="jdf", sql_ctx=context, count=lambda: 0)


CALLS = {
    "read json": lambda c, f: c.create_dynamic_frame.from_options(
        "s3", {"paths": ["s3://landing/a/", "s3://landing/b/"], "recurse": True}, "json", JSON, "ctx"
    ),
    "read parquet": lambda c, f: c.create_dynamic_frame.from_options(
        connection_type="s3", connection_options={"paths": ["s3://landing/"]}, format="parquet"
    ),
    "read by getSource": lambda c, f: c.getSource("s3", paths=["s3://landing/a"], groupFiles="none").getFrame(
        minPartitions=2
    ),
    "read jdbc": lambda c, f: c.create_dynamic_frame.from_options("postgresql", {**PG, "hashfield": "id"}),
    "read table": lambda c, f: c.create_dynamic_frame.from_catalog(
        "lake", "flights", "s3://curated/temporary/", "ctx", "month == 1", {"catalogPartitionPredicate": "x"}
    ),
    "read table by name_space": lambda c, f: c.create_dynamic_frame.from_catalog(
        name_space="lake", table_name="flights"
    ),
    "read jdbc table": lambda c, f: c.create_dynamic_frame.from_catalog(
        database="lake", table_name="carriers", additional_options={"jobBookmarkKeys": ["id"]}
    ),
    "read data frame": lambda c, f: c.create_data_frame.from_options(
        "s3", {"paths": ["s3://landing/"]}, "csv", {"withHeader": True}
    ),
    "read data frame of table": lambda c, f: c.create_data_frame.from_catalog("lake", "flights"),
    "sample": lambda c, f: c.create_sample_dynamic_frame_from_options(
        "s3", {"paths": ["s3://landing/"]}, 5, {"maxSamplePartitions": 1}, "csv"
    ),
    "sample table": lambda c, f: c.create_sample_dynamic_frame_from_catalog("lake", "flights", 5),
    "write json": lambda c, f: c.write_dynamic_frame.from_options(
        f, "s3", {"path": "s3://curated/flights/", "partitionKeys": ["month"]}, "json", {"x": 1}, "sink"
    ),
    "write parquet": lambda c, f: c.write_dynamic_frame.from_options(
        frame=f, connection_type="s3", connection_options={"path": "s3://curated/flights/"}, format="parquet"
    ),
    "write by the frame": lambda c, f: f.write("s3", {"path": "s3://curated/flights/"}, "csv"),
    "write jdbc": lambda c, f: c.write_dynamic_frame.from_options(f, "postgresql", dict(PG)),
    "write jdbc conf": lambda c, f: c.write_dynamic_frame.from_jdbc_conf(
        f, "ops", {"dbtable": "public.carriers", "database": "ops"}, "s3://curated/temporary/", "sink"
    ),
    "write table": lambda c, f: c.write_dynamic_frame.from_catalog(
        f, "lake", "flights", additional_options={"enableUpdateCatalog": True}
    ),
    "write jdbc table": lambda c, f: c.write_dynamic_frame.from_catalog(f, "lake", "carriers"),
    "write data frame": lambda c, f: c.write_data_frame.from_catalog(data_frame(c), "lake", "flights"),
    "write by getSink": lambda c, f: by_sink(c, f),
    "jdbc conf": lambda c, f: c.extract_jdbc_conf("ops"),
    "purge table": lambda c, f: c.purge_table("lake", "flights", {"retentionPeriod": 1}, "purge"),
    "purge path": lambda c, f: c.purge_s3_path("s3://curated/old/", {"retentionPeriod": 0}),
    "spigot": lambda c, f: f.spigot("s3://curated/samples/", {"topk": 5}, "spigot", stageThreshold=1),
    "relationalize": lambda c, f: f.relationalize("root", "s3://curated/staging/"),
    "rows": lambda c, f: f.apply_mapping([("a", "int", "b", "long")]).resolveChoice(choice="make_cols"),
    "schema": lambda c, f: c.get_catalog_schema_as_spark_schema("lake", "flights"),
}
ENFORCED = {"read jdbc", "read jdbc table", "write jdbc", "write jdbc conf", "write jdbc table"}
WRITES = {
    "write json",
    "write parquet",
    "write by the frame",
    "write table",
    "write data frame",
    "write by getSink",
}


def by_sink(context, frame):
    sink = context.getSink("s3", path="s3://curated/flights/", enableUpdateCatalog=True)
    sink.setFormat("glueparquet", compression="snappy")
    sink.setCatalogInfo(catalogDatabase="lake", catalogTableName="flights")
    return sink.writeFrame(frame)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_reaches_the_jvm_with_awsglues_arguments(name, make_context, started, frame_of):
    from glue_secure.dynamicframe import DynamicFrame

    awsglue = make_context(awsglue_context.GlueContext)
    awsglue_frame, frame = frame_of(AwsGlueFrame, awsglue), frame_of(DynamicFrame, started)
    awsglue.recorder.calls.clear()
    CALLS[name](awsglue, awsglue_frame)
    CALLS[name](started, frame)
    expected = awsglue.recorder.data_calls()
    if name in ENFORCED:
        expected = [(method, tuple(map(with_ssl, arguments))) for method, arguments in expected]
    assert started.recorder.data_calls() == expected
    assert expected


def with_ssl(argument):
    return {**argument, "enforceSSL": "true"} if isinstance(argument, dict) else argument


@pytest.mark.parametrize("name", sorted(ENFORCED))
def test_gs_tls_002_a_jdbc_call_verifies_the_server_before_it_reaches_the_jvm(
    name, started, frame_of, server, in_glue
):
    from glue_secure.dynamicframe import DynamicFrame

    server(refuses=RefusedError("GS-TLS-002", resource="connection ops", found="x", required="y", fix="z"))
    with pytest.raises(RefusedError, match="GS-TLS-002"):
        CALLS[name](started, frame_of(DynamicFrame, started))
    assert started.recorder.data_calls() == []


@pytest.mark.parametrize("name", sorted(WRITES))
def test_gs_s3_004_an_unencrypted_object_after_a_write_fails_the_run(name, started, frame_of, in_glue):
    from glue_secure.dynamicframe import DynamicFrame

    in_glue.engine.algorithm, in_glue.engine.key = "AES256", ""
    with pytest.raises(RefusedError, match="GS-S3-004"):
        CALLS[name](started, frame_of(DynamicFrame, started))
    with pytest.raises(RefusedError, match="GS-S3-004"):
        started.job.commit()
    assert started.recorder.called("commit") == []
    assert in_glue.evidence()["outcome"] == "refused"


REJECTED = {
    "GS-S3-005 source option": lambda c, f: c.create_dynamic_frame.from_options(
        "s3", {"paths": ["s3://landing/"], "fs.s3.enableServerSideEncryption": "false"}, "json"
    ),
    "GS-S3-005 sink option": lambda c, f: c.write_dynamic_frame.from_options(
        f, "s3", {"path": "s3://curated/x/", "fs.s3a.encryption.algorithm": "AES256"}, "parquet"
    ),
    "GS-S3-005 spigot option": lambda c, f: f.spigot("s3://curated/x/", {"fs.s3a.encryption.key": "x"}),
    "GS-S3-005 format option": lambda c, f: c.getSource("s3", paths=["s3://landing/"]).setFormat(
        "json", sseAlgorithm="AES256"
    ),
    "GS-S3-005 table option": lambda c, f: c.create_dynamic_frame.from_catalog(
        "lake", "flights", additional_options={"fs.s3a.endpoint": "http://x"}
    ),
    "GS-S3-006 local source": lambda c, f: c.create_dynamic_frame.from_options(
        "file", {"paths": ["/tmp/x"]}, "csv"
    ),
    "GS-S3-006 hdfs sink": lambda c, f: c.write_dynamic_frame.from_options(
        f, "s3", {"path": "hdfs://host/x"}, "csv"
    ),
    "GS-S3-006 spigot": lambda c, f: f.spigot("/tmp/x"),
    "GS-S3-006 relationalize": lambda c, f: f.relationalize("root", "file:///tmp/x"),
    "GS-S3-006 redshift_tmp_dir": lambda c, f: c.create_dynamic_frame.from_catalog(
        "lake", "carriers", redshift_tmp_dir="hdfs://host/x"
    ),
    "GS-S3-009 sink": lambda c, f: c.write_dynamic_frame.from_options(
        f, "s3", {"path": "s3://evidence/"}, "csv"
    ),
    "GS-S3-009 purge": lambda c, f: c.purge_s3_path("s3://evidence/runs/"),
    "GS-S3-009 spigot": lambda c, f: f.spigot("s3://evidence/runs/x/"),
    "GS-TLS-005 downgrade": lambda c, f: c.create_dynamic_frame.from_options(
        "postgresql", {**PG, "enforceSSL": "false"}
    ),
    "GS-TLS-005 downgrade of a sink": lambda c, f: c.write_dynamic_frame.from_jdbc_conf(
        f, "ops", {"dbtable": "x", "sslmode": "disable"}
    ),
    "GS-TLS-005 downgrade of a table": lambda c, f: c.create_dynamic_frame.from_catalog(
        "lake", "carriers", additional_options={"enforceSSL": "false"}
    ),
    "GS-TLS-008 password": lambda c, f: c.create_dynamic_frame.from_options(
        "postgresql", {"url": "jdbc:postgresql://h/d", "user": "u", "password": "hunter2", "dbtable": "t"}
    ),
    "GS-TLS-008 password of a sink": lambda c, f: c.write_dynamic_frame.from_options(
        f, "mysql", {"url": "jdbc:mysql://h/d", "user": "u", "password": "hunter2", "dbtable": "t"}
    ),
    "GS-S3-005 nested option": lambda c, f: c.getSink(
        "s3", path="s3://curated/x/", more={"fs.s3a.encryption.algorithm": "AES256"}
    ),
    "GS-S3-005 purge option": lambda c, f: c.purge_s3_path("s3://curated/old/", {"fs.s3.sse": "false"}),
    "GS-S3-005 sample option": lambda c, f: c.getSource("s3", paths=["s3://landing/"]).getSampleFrame(
        1, **{"fs.s3a.endpoint": "http://x"}
    ),
    "GS-S3-009 redshift_tmp_dir": lambda c, f: c.write_dynamic_frame.from_jdbc_conf(
        f, "ops", {"dbtable": "t"}, "s3://evidence/runs/"
    ),
    "GS-TLS-008 password for a table in S3": lambda c, f: c.write_dynamic_frame.from_catalog(
        f, "lake", "flights", additional_options={"user": "u", "password": "hunter2"}
    ),
    "second location: path of a table read": lambda c, f: c.create_dynamic_frame.from_catalog(
        "lake", "flights", additional_options={"paths": ["s3://elsewhere/"]}
    ),
    "second location: path of a table written": lambda c, f: c.write_dynamic_frame.from_catalog(
        f, "lake", "flights", additional_options={"path": "s3://elsewhere/"}
    ),
    "second location: path within an option": lambda c, f: c.getSink(
        "s3", path="s3://curated/x/", connection_options={"path": "s3://elsewhere/"}
    ),
    "second location: path of a format option": lambda c, f: c.getSink(
        "s3", path="s3://curated/x/"
    ).setFormat("json", path="s3://elsewhere/"),
    "second location: connection of a table in S3": lambda c, f: c.write_dynamic_frame.from_catalog(
        f, "lake", "flights", additional_options={"connectionName": "ops"}
    ),
    "second location: connection of an S3 source": lambda c, f: c.getSource(
        "s3", paths=["s3://landing/"], connectionName="ops", useConnectionProperties="true"
    ),
    "second location: manifest in another spelling": lambda c, f: c.purge_s3_path(
        "s3://curated/old/", {"ManifestFilePath": "s3://evidence/runs/"}
    ),
    "not guarded: lance as a sink's format option": lambda c, f: c.getSink(
        "s3", path="s3://curated/x/"
    ).setFormat("lance"),
    "not guarded: lance as a source's format option": lambda c, f: c.getSource(
        "s3", paths=["s3://landing/"]
    ).setFormat("lance"),
    "not guarded: kafka": lambda c, f: c.create_data_frame.from_options("kafka", {"topicName": "t"}),
    "not guarded: lance": lambda c, f: c.getSink("s3", "lance", path="s3://curated/x/"),
    "after the call: transition": lambda c, f: c.transition_s3_path("s3://curated/x/", "GLACIER"),
    "another account's catalog_id": lambda c, f: c.create_dynamic_frame.from_catalog(
        "lake", "flights", catalog_id="999999999999"
    ),
    "database missing": lambda c, f: c.create_dynamic_frame_from_catalog(table_name="flights"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_a_rejected_call_does_not_reach_the_jvm(name, started, frame_of):
    from glue_secure.dynamicframe import DynamicFrame

    with pytest.raises(GlueSecureError) as caught:
        REJECTED[name](started, frame_of(DynamicFrame, started))
    reached = [method for method, _ in started.recorder.data_calls()]
    # These are options of a source or sink that was created before, which moved no data.
    is_later = "format option" in name or "sample option" in name
    assert reached == [] or (is_later and reached in (["getSource"], ["getSink"]))
    assert "hunter2" not in str(caught.value)
    control = name.split()[0]
    if control.startswith("GS-"):
        assert caught.value.control == control
    else:
        assert isinstance(caught.value, UsageError)


READS_AND_WRITES = [name for name in CALLS if name not in ("rows", "schema")]


@pytest.mark.parametrize("name", READS_AND_WRITES)
def test_gs_sec_007_calls_before_job_init_are_rejected(name, in_glue, make_context, frame_of):
    from glue_secure.context import GlueContext
    from glue_secure.dynamicframe import DynamicFrame

    context = make_context(GlueContext)
    frame = frame_of(DynamicFrame, context)
    context.recorder.calls.clear()
    with pytest.raises(RefusedError, match="GS-SEC-007"):
        CALLS[name](context, frame)
    assert context.recorder.data_calls() == []


GUARDED_JVM_METHODS = [
    "getSource",
    "getSourceWithFormat",
    "getSink",
    "getSinkWithFormat",
    "getCatalogSource",
    "getCatalogSink",
    "getJDBCSink",
    "extractJDBCConf",
    "purgeTable",
    "purgeS3Path",
    "transitionTable",
    "transitionS3Path",
    "aMethodOfALaterVersion",
]


@pytest.mark.parametrize("method", GUARDED_JVM_METHODS)
@pytest.mark.parametrize("attribute", ["_ssql_ctx", "_glue_scala_context"])
def test_gs_sec_010_direct_calls_of_the_jvms_context_are_rejected(method, attribute, started):
    with pytest.raises(RefusedError, match="GS-SEC-010"):
        getattr(getattr(started, attribute), method)("s3", "x", "y")
    assert started.recorder.data_calls() == []


def test_gs_sec_010_one_jvm_method_is_allowed_on_one_thread(started):
    controls = []

    def other():
        try:
            started._ssql_ctx.getSink("s3")
        except RefusedError as error:
            controls.append(error.control)

    def source(*_):
        with pytest.raises(RefusedError, match="GS-SEC-010"):
            started._ssql_ctx.getSink("s3")
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        raise ConnectionError

    started.recorder.on["getSource"] = source
    with pytest.raises(ConnectionError):
        started.getSource("s3", paths=["s3://landing/"])
    with pytest.raises(RefusedError, match="GS-SEC-010"):
        started._ssql_ctx.getSource("s3")
    assert controls == ["GS-SEC-010"]


def test_gs_sec_010_a_sink_that_the_context_did_not_create_writes_nothing(started, frame_of):
    from glue_secure.data_sink import DataSink
    from glue_secure.dynamicframe import DynamicFrame

    with pytest.raises(RefusedError, match="GS-SEC-010"):
        DataSink(started._jvm.sink, started).writeFrame(frame_of(DynamicFrame, started))
    assert started.recorder.data_calls() == []


def test_job_init_runs_preflight_before_glues_job_init(in_glue, make_context):
    from glue_secure.context import GlueContext
    from glue_secure.job import Job

    awsglue, context = make_context(awsglue_context.GlueContext), make_context(GlueContext)
    AwsGlueJob(awsglue).init("curate", {"JOB_NAME": "curate"})
    Job(context).init("curate", {"JOB_NAME": "curate"})
    assert context.recorder.called("init") == awsglue.recorder.called("init") != []


def test_glues_job_init_is_not_called_after_a_failed_preflight(in_glue, make_context):
    from glue_secure.context import GlueContext
    from glue_secure.job import Job

    context = make_context(GlueContext)
    in_glue.change_key(in_glue.key, state="Disabled")
    with pytest.raises(RefusedError, match="GS-KMS-002"):
        Job(context).init("curate", {})
    assert context.recorder.called("init") == []
    assert context.secured_run is None


def test_weak_settings_after_job_init_stop_the_run(in_glue, make_context):
    from glue_secure.context import GlueContext
    from glue_secure.job import Job

    context = make_context(GlueContext)
    in_glue.engine.ignores = {"fs.s3.enableServerSideEncryption"}
    with pytest.raises(RefusedError, match="GS-S3-001"):
        Job(context).init("curate", {})
    assert context.secured_run is None


def test_glues_commit_is_called_before_the_evidence_is_written(started, in_glue, frame_of):
    from glue_secure.dynamicframe import DynamicFrame

    CALLS["write json"](started, frame_of(DynamicFrame, started))
    in_glue.land("m01.json")
    CALLS["read json"](started, None)
    assert in_glue.evidence_keys() == []
    started.recorder.on["commit"] = lambda: in_glue.log.append(
        f"commit, {len(in_glue.evidence_keys())} evidence"
    )
    started.job.commit()
    assert in_glue.log[-1] == "commit, 0 evidence"
    evidence = in_glue.evidence()
    assert evidence["outcome"] == "succeeded"
    assert evidence["bookmark"]["option"] == "job-bookmark-enable"
    assert evidence["bookmark"]["uri"] == ""
    assert [read["objects"] for read in evidence["reads"]] == [None]
    assert [read["rows"] for read in evidence["reads"]] == [None]
    assert len(evidence["writes"][0]["objects"]) == 1
    assert in_glue.bookmark_keys() == []


def test_a_job_with_a_spark_session_is_guarded(in_glue, no_spark):
    from glue_secure.job import Job

    job = Job(session_on(RecordedJvm()))
    assert not job.isInitialized()
    job.init("curate", {})
    assert job.isInitialized()
    job.commit()
    assert in_glue.evidence()["outcome"] == "succeeded"


def test_a_job_with_awsglues_own_context_is_rejected(in_glue, make_context):
    from glue_secure.job import Job

    with pytest.raises(UsageError, match=r"glue_secure\.context"):
        Job(make_context(awsglue_context.GlueContext))


def test_a_bookmark_uri_is_rejected_with_glues_bookmarks(in_glue, make_context, monkeypatch):
    from glue_secure.context import GlueContext
    from glue_secure.job import Job

    monkeypatch.setenv("GLUE_SECURE_BOOKMARK_URI", "s3://state/bookmarks/")
    with pytest.raises(UsageError, match="glue-secure-bookmark-uri"):
        Job(make_context(GlueContext)).init("curate", {})


def test_a_spigots_objects_are_verified_before_the_bookmark_is_committed(started, in_glue, frame_of):
    from glue_secure.core.identifiers import S3Uri
    from glue_secure.dynamicframe import DynamicFrame

    in_glue.objects.put(S3Uri("curated", "samples/old"), algorithm="AES256")
    frame_of(DynamicFrame, started).spigot("s3://curated/samples/")
    in_glue.objects.put(S3Uri("curated", "samples/new"), algorithm="AES256")
    with pytest.raises(RefusedError, match=r"(?s)GS-S3-004.*samples/new"):
        started.job.commit()
    assert started.recorder.called("commit") == []


def test_only_an_empty_frame_may_write_no_object(started, frame_of):
    from glue_secure.dynamicframe import DynamicFrame

    started.recorder.on["pyWriteDynamicFrame"] = lambda *_: None
    CALLS["write json"](started, frame_of(DynamicFrame, started))
    started.recorder.on["count"] = lambda: 3
    with pytest.raises(VerificationError, match="GS-S3-007"):
        CALLS["write json"](started, frame_of(DynamicFrame, started))


def test_frames_that_awsglue_creates_are_wrapped(started, frame_of):
    from glue_secure.dynamicframe import DynamicFrame, DynamicFrameCollection
    from glue_secure.transforms import DropFields, Union

    frame = CALLS["read json"](started, None)
    frames = [
        frame,
        frame.drop_fields(["a"]),
        frame.rename_field("a", "b"),
        frame.repartition(2).unnest(),
        DropFields.apply(frame, ["a"]),
        Union.apply(frame, frame),
        CALLS["write json"](started, frame),
    ]
    assert [type(wrapped) for wrapped in frames] == [DynamicFrame] * len(frames)
    assert all(isinstance(wrapped, AwsGlueFrame) for wrapped in frames)
    awsglue_frame = frame_of(AwsGlueFrame, started, "f")
    collection = DynamicFrameCollection({"f": awsglue_frame}, started)
    assert type(collection.select("f")) is DynamicFrame
    assert isinstance(collection, AwsGlueCollection)
    assert type(collection.select("none")) is DynamicFrame


def test_a_transform_that_writes_wraps_awsglues_frame(started, frame_of):
    from glue_secure.transforms import Relationalize, Spigot

    with pytest.raises(RefusedError, match="GS-S3-006"):
        Spigot.apply(frame_of(AwsGlueFrame, started), "/tmp/x", {})
    with pytest.raises(RefusedError, match="GS-S3-006"):
        Relationalize.apply(frame_of(AwsGlueFrame, started), "hdfs://host/x")
    assert started.recorder.data_calls() == []


def test_the_quality_gate_accepts_and_returns_awsglues_frames(started, frame_of, monkeypatch):
    from glue_secure.dynamicframe import DynamicFrame
    from glue_secure.transforms import QualityGate

    calls = []

    def check_quality(frame, sink, **arguments):
        calls.append((sink, arguments))
        return frame if arguments["on_failure"] == "warn" else good

    good = data_frame(started)
    monkeypatch.setattr(started.secured_run, "check_quality", check_quality)
    frame = frame_of(DynamicFrame, started)
    assert QualityGate.apply(frame=frame, suite="s.json", on_failure="warn") is frame
    passed = QualityGate.apply(frame, "s.json", "quarantine", transformation_ctx="g")
    assert type(passed) is DynamicFrame
    assert [(sink, arguments["suite"]) for sink, arguments in calls] == [
        ("QualityGate", "s.json"),
        ("QualityGate g", "s.json"),
    ]


def test_relationalize_without_a_staging_path_uses_temp_dir(started, frame_of):
    from glue_secure.transforms import Relationalize

    Relationalize.apply(frame_of(AwsGlueFrame, started), name="root")
    assert started.recorder.called("relationalize")[0][1][:2] == ("root", "s3://curated/temporary/")


def test_extract_jdbc_conf_returns_a_url_with_verified_tls(started):
    conf = started.extract_jdbc_conf("ops")
    assert "sslmode=verify-full" in conf["fullUrl"]
    assert conf["enforceSSL"] == "true"


def test_secure_job_in_glue_calls_glues_job_and_uses_its_own_bookmarks(in_glue, no_spark):
    from glue_secure.secure_job import SecureJob

    argv = [*sys.argv, "--glue-secure-bookmark-uri", "s3://state/bookmarks/", "--source", "s3://landing/"]
    jvm = RecordedJvm()
    spark = session_on(jvm)
    in_glue.land("m01.csv")
    with SecureJob.from_argv("source", argv=argv, spark=spark) as job:
        assert [name for name, _ in jvm.data_calls()] == ["init"]
        frame = job.read.s3(job.args.source, format="csv", bookmark="flights")
        job.write.s3(frame, "s3://curated/flights/", format="parquet")
    assert [name for name, _ in jvm.data_calls()] == ["init", "commit"]
    assert in_glue.evidence()["bookmark"]["sequence_after"] == 1
    assert in_glue.bookmark_keys() != []


def test_a_jvm_without_glues_classes_is_a_usage_error(in_glue, no_spark):
    from py4j.java_gateway import JavaPackage

    from glue_secure.secure_job import SecureJob

    spark = session_on(RecordedJvm())
    package = JavaPackage("com.amazonaws.services.glue.GlueContext", jvm_id="0", gateway_client=None)
    spark._jvm = SimpleNamespace(
        com=SimpleNamespace(
            amazonaws=SimpleNamespace(services=SimpleNamespace(glue=SimpleNamespace(GlueContext=package)))
        )
    )
    with pytest.raises(UsageError, match="GLUE_SECURE_RUNTIME=spark"):
        SecureJob.from_argv(argv=list(sys.argv), spark=spark)


def test_the_guarded_context_can_be_passed_to_the_jvm(started):
    import pyspark.sql.types  # noqa: F401 - registers its converters
    from py4j.protocol import INPUT_CONVERTER, get_command_part

    context = started._glue_scala_context
    assert not any(converter.can_convert(context) for converter in INPUT_CONVERTER)
    assert get_command_part(context) == "rGlueContext()\n"


def awsgluedq_of(started, monkeypatch):
    """Install a package awsgluedq whose transform returns frames of awsglue, as AWS Glue's does."""
    from glue_secure.dynamicframe import DynamicFrame
    from glue_secure.engines.awsglue import data_quality

    calls = []

    class EvaluateDataQuality:
        @classmethod
        def apply(cls, *arguments, **options):
            return cls()(*arguments, **options)

        def __call__(self, frame, ruleset, publishing_options=None):
            calls.append((type(frame).__module__, ruleset, publishing_options))
            return outcomes

        def process_rows(self, frame, ruleset, publishing_options=None, additional_options=None):
            calls.append((type(frame).__module__, ruleset, additional_options))
            return AwsGlueCollection({"ruleOutcomes": outcomes, "originalData": frame}, started)

    rows = [('ColumnValues "word" in ["secret"]', "Failed"), ("RowCount > 0", "Passed")]
    table = SimpleNamespace(select=lambda *_: SimpleNamespace(collect=lambda: rows))
    outcomes = AwsGlueFrame.__new__(AwsGlueFrame)
    monkeypatch.setattr(DynamicFrame, "toDF", lambda self, options=None: table)
    package = SimpleNamespace(EvaluateDataQuality=EvaluateDataQuality)
    monkeypatch.setattr(data_quality, "awsgluedq_transforms", package)
    from glue_secure.awsgluedq.transforms import EvaluateDataQuality as Guarded

    del vars(data_quality)["EvaluateDataQuality"]
    return Guarded, calls


def test_awsgluedq_evaluates_data_quality_in_glue(started, in_glue, frame_of, monkeypatch):
    from glue_secure.dynamicframe import DynamicFrame

    transform, calls = awsgluedq_of(started, monkeypatch)
    frames = transform().process_rows(
        frame=frame_of(AwsGlueFrame, started),
        ruleset="Rules = [...]",
        publishing_options={"dataQualityEvaluationContext": "check"},
        additional_options={"observations.scope": "ALL"},
    )
    assert calls == [(DynamicFrame.__module__, "Rules = [...]", {"observations.scope": "ALL"})]
    assert {type(frame) for frame in frames.values()} == {DynamicFrame}
    started.job.commit()
    (gate,) = in_glue.evidence()["gates"]
    assert (gate["suite"], gate["outcome"]) == ("check", "reported")
    assert [(rule["rule"], rule["outcome"], rule["by"]) for rule in gate["rules"]] == [
        ("1 ColumnValues", "broken", "awsgluedq"),
        ("2 RowCount", "met", "awsgluedq"),
    ]


def test_results_of_awsgluedq_in_s3_are_verified_at_commit(started, in_glue, frame_of, monkeypatch):
    transform, _ = awsgluedq_of(started, monkeypatch)
    publishing = {"resultsS3Prefix": "s3://curated/results/"}
    transform.apply(frame_of(AwsGlueFrame, started), "Rules = [...]", publishing)
    in_glue.objects.put(S3Uri("curated", "results/part-0"), algorithm="AES256", key="")
    with pytest.raises(RefusedError, match="GS-S3-00"):
        started.job.commit()


def test_without_awsgluedq_the_error_names_where_it_is(in_glue):
    with pytest.raises(UsageError, match="AWS's container does not"):
        from glue_secure.awsgluedq.transforms import EvaluateDataQuality  # noqa: F401
    with pytest.raises(UsageError, match="awsglueml"):
        from glue_secure.awsglueml.transforms import EntityDetector  # noqa: F401


TEMPORARY = {"redshiftTmpDir": "s3://elsewhere/temporary/"}
READ = {"paths": ["s3://landing/"], **TEMPORARY}
WRITE = {"path": "s3://curated/flights/", **TEMPORARY}


@pytest.mark.parametrize(
    "call",
    [
        lambda c, f: c.create_dynamic_frame.from_options(
            "s3", {"paths": ["s3://landing/"], **TEMPORARY}, "csv"
        ),
        lambda c, f: c.write_dynamic_frame.from_options(
            f, "s3", {"path": "s3://curated/f/", **TEMPORARY}, "csv"
        ),
        lambda c, f: c.create_dynamic_frame.from_catalog("lake", "flights", additional_options=TEMPORARY),
        lambda c, f: c.write_dynamic_frame.from_catalog(f, "lake", "flights", additional_options=TEMPORARY),
    ],
    ids=["read", "write", "read table", "write table"],
)
def test_an_s3_call_does_not_pass_redshifts_temporary_location_on(call, started, frame_of, caplog):
    from glue_secure.dynamicframe import DynamicFrame

    call(started, frame_of(DynamicFrame, started))
    assert "redshiftTmpDir has no effect" in caplog.text
    assert "elsewhere" not in str(started.recorder.calls)
    started.job.commit()


def described(name="orders", **parameters):
    """Return a table of the Data Catalog in S3."""
    from glue_secure.core.catalog import CatalogTable

    registered = parameters.pop("registered", False)
    return CatalogTable.from_api(
        {
            "DatabaseName": "lake",
            "Name": name,
            "StorageDescriptor": {"Location": f"s3://curated/{name}/"},
            "Parameters": parameters,
            "IsRegisteredWithLakeFormation": registered,
        }
    )


def calls_of_glue(started):
    """Return the calls that reach Glue's sources and sinks."""
    return [method for method, _ in started.recorder.data_calls() if method != "toDF"]


@pytest.fixture
def lake_calls(monkeypatch):
    """Record reads and writes of tables by Spark's sources, and return the list of them."""
    from glue_secure.engines.awsglue import spark_sources_and_sinks
    from glue_secure.engines.spark.lake_tables import LakeSink, LakeTable

    calls = []

    def read(table, run, spark, options, predicate):
        calls.append(("read", table.format, table.name, dict(options), predicate))
        return SimpleNamespace(limit=lambda number: f"{number} rows", name="rows")

    def write(sink, run, frame, name=""):
        calls.append(("write", sink.table.format, sink.table.name, dict(sink.options), sink.syncs_itself))

    monkeypatch.setattr(LakeTable, "read", read)
    monkeypatch.setattr(LakeSink, "write", write)
    as_dynamic = lambda frame, context, name: (frame, name)  # noqa: E731
    monkeypatch.setattr(spark_sources_and_sinks, "to_dynamic_frame", as_dynamic)
    monkeypatch.setattr("glue_secure.engines.awsglue.context.to_dynamic_frame", as_dynamic)
    return calls


@pytest.mark.parametrize(
    ("parameters", "format"),
    [
        ({"table_type": "ICEBERG"}, "iceberg"),
        ({"spark.sql.sources.provider": "delta"}, "delta"),
        ({"classification": "hudi"}, "hudi"),
    ],
)
def test_spark_and_not_glue_reads_and_writes_a_table_by_its_name(
    started, in_glue, lake_calls, frame_of, parameters, format
):
    from glue_secure.dynamicframe import DynamicFrame

    in_glue.control_plane.tables["lake", "orders"] = described(**parameters)
    started.create_data_frame.from_catalog("lake", "orders", push_down_predicate="id > 1")
    started.create_dynamic_frame.from_catalog("lake", "orders", transformation_ctx="orders")
    assert started.create_sample_dynamic_frame_from_catalog("lake", "orders", 5)[0] == "5 rows"
    started.write_data_frame.from_catalog("frame", "lake", "orders", additional_options={"a": "b"})
    started.write_dynamic_frame.from_catalog(frame_of(DynamicFrame, started), "lake", "orders")
    assert lake_calls == [
        ("read", format, "orders", {}, "id > 1"),
        ("read", format, "orders", {}, ""),
        ("read", format, "orders", {}, ""),
        ("write", format, "orders", {"a": "b"}, True),
        ("write", format, "orders", {}, True),
    ]
    assert calls_of_glue(started) == []


def test_glue_reads_a_table_of_delta_lake_that_is_registered_with_lake_formation(
    started, in_glue, lake_calls
):
    in_glue.control_plane.tables["lake", "orders"] = described(classification="delta", registered=True)
    started.create_data_frame.from_catalog("lake", "orders")
    assert lake_calls == []
    assert "getCatalogSource" in calls_of_glue(started)


READS = {
    "from_options": lambda c, f: c.create_dynamic_frame.from_options(
        "s3", {"paths": ["s3://landing/t/"], "a": "b"}, f
    ),
    "from_options by its type": lambda c, f: c.create_dynamic_frame.from_options(
        f, {"path": "s3://landing/t/", "a": "b"}
    ),
    "from_options with format_options": lambda c, f: c.create_dynamic_frame.from_options(
        "s3", {"path": "s3://landing/t/"}, f, {"a": "b"}
    ),
    "data frame from_options": lambda c, f: c.create_data_frame.from_options(
        "s3", {"path": "s3://landing/t/", "a": "b"}, f
    ),
    "sample": lambda c, f: c.create_sample_dynamic_frame_from_options(
        "s3", {"path": "s3://landing/t/", "a": "b"}, 5, format=f
    ),
    "getSource": lambda c, f: c.getSource(f, path="s3://landing/t/", a="b").getFrame(),
    "getSource and setFormat": lambda c, f: with_format(
        c.getSource("s3", paths=["s3://landing/t/"], a="b"), f
    ).getFrame(),
    "getStreamingSource and setFormat": lambda c, f: with_format(
        c.getStreamingSource("s3", paths=["s3://landing/t/"], a="b"), f
    ).getFrame(),
}


def with_format(source, format):
    source.setFormat(format)
    return source


@pytest.mark.parametrize("format", ["iceberg", "delta", "hudi"])
@pytest.mark.parametrize("name", READS)
def test_spark_and_not_glue_reads_a_table_by_its_location(started, lake_calls, name, format):
    result = READS[name](started, format)
    ((kind, read_format, location, options, _),) = lake_calls
    assert (kind, read_format, location, options["a"]) == ("read", format, "s3://landing/t/", "b")
    is_data_frame = "data frame" in name or "Streaming" in name
    assert isinstance(result, tuple) is not is_data_frame
    assert calls_of_glue(started) == (["getSource"] if "setFormat" in name else [])


WRITES = {
    "from_options": lambda c, f, frame: c.write_dynamic_frame.from_options(
        frame, "s3", {"path": "s3://curated/t/", "partitionKeys": ["day"]}, f, {"a": "b"}
    ),
    "from_options by its type": lambda c, f, frame: c.write_dynamic_frame.from_options(
        frame, f, {"path": "s3://curated/t/", "partitionKeys": ["day"], "a": "b"}
    ),
    "getSink": lambda c, f, frame: c.getSink(
        "s3", f, path="s3://curated/t/", partitionKeys=["day"], a="b"
    ).writeFrame(frame),
    "getSink and setFormat": lambda c, f, frame: with_format(
        c.getSink("s3", path="s3://curated/t/", partitionKeys=["day"], a="b"), f
    ).writeDataFrame("rows", c),
}


@pytest.mark.parametrize("format", ["delta", "hudi"])
@pytest.mark.parametrize("name", WRITES)
def test_spark_and_not_glue_writes_a_table_by_its_location(started, lake_calls, frame_of, name, format):
    from glue_secure.dynamicframe import DynamicFrame

    WRITES[name](started, format, frame_of(DynamicFrame, started))
    ((kind, written_format, location, options, syncs),) = lake_calls
    assert (kind, written_format, location, syncs) == ("write", format, "s3://curated/t/", True)
    assert (options["a"], options["partitionKeys"]) == ("b", ["day"])
    assert calls_of_glue(started) == (["getSink"] if "setFormat" in name else [])


def test_a_table_of_iceberg_is_written_by_its_name_in_the_data_catalog(
    started, in_glue, lake_calls, frame_of
):
    from glue_secure.dynamicframe import DynamicFrame

    frame = frame_of(DynamicFrame, started)
    in_glue.control_plane.tables["lake", "orders"] = described(table_type="ICEBERG")
    started.write_dynamic_frame.from_options(frame, "iceberg", {"path": "lake.orders"})
    started.getSink("iceberg", path="lake.orders").writeDataFrame("rows", started)
    assert [call[1:3] for call in lake_calls] == [("iceberg", "orders")] * 2
    assert calls_of_glue(started) == []


@pytest.mark.parametrize(
    ("write", "found"),
    [
        (lambda c: c.getSink("iceberg", path="orders").writeDataFrame("rows", c), "'orders'"),
        (lambda c: c.getSink("iceberg", path="a.b.c.d").writeDataFrame("rows", c), "'a.b.c.d'"),
        (lambda c: c.getSink("iceberg", path="other.lake.orders").writeDataFrame("rows", c), "catalog other"),
        (lambda c: c.getSink("delta", path="").writeDataFrame("rows", c), "path=''"),
        (lambda c: c.getSink("delta").setCatalogInfo("lake", "orders"), "setCatalogInfo"),
        (
            lambda c: c.getSink("hudi", path="s3://curated/t/", enableUpdateCatalog=True).writeDataFrame(
                "rows", c
            ),
            "enableUpdateCatalog",
        ),
        (lambda c: c.getSink("s3", "delta", path="s3://curated/t/").setFormat("csv"), "'csv'"),
        (lambda c: c.create_data_frame.from_options("delta", {"paths": ["s3://a/", "s3://b/"]}), "s3://b/"),
        (lambda c: c.create_data_frame.from_options("hudi", {}), "None"),
    ],
)
def test_a_call_that_names_no_table_is_rejected(started, lake_calls, write, found):
    with pytest.raises(UsageError) as caught:
        write(started)
    assert found in str(caught.value)
    assert lake_calls == []


def test_a_table_of_iceberg_is_not_written_by_its_location(started):
    with pytest.raises(UsageError, match=r"path='glue_catalog\.DATABASE\.TABLE'"):
        started.getSink("s3", "iceberg", path="s3://curated/t/").writeDataFrame(
            SimpleNamespace(sparkSession=started.spark_session, schema=None), started
        )


def test_a_table_of_iceberg_needs_an_iceberg_catalog_in_the_session(started, in_glue):
    from glue_secure.core.catalog import CatalogTable

    response = {
        "DatabaseName": "lake",
        "Name": "orders",
        "StorageDescriptor": {"Location": "s3://curated/orders/"},
        "Parameters": {"table_type": "ICEBERG"},
    }
    in_glue.control_plane.tables["lake", "orders"] = CatalogTable.from_api(response)
    with pytest.raises(UsageError, match="no Iceberg catalog in the session"):
        started.create_data_frame.from_catalog("lake", "orders")
    assert started.recorder.data_calls() == []
