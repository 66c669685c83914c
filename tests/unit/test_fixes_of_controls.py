"""The fixes of a run's controls, carried out as they are worded, make the control pass.

``WHERE`` in ``support/typed_fixes.py`` names the test of each control.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import count
from types import SimpleNamespace

import pytest
from run_fixture import KEY
from typed_fixes import Cases, carry_out, command, controls_of

from glue_secure.columns.decisions import decide
from glue_secure.columns.policy import ColumnPolicy
from glue_secure.connections.connectors.encryption import check_stream, check_table
from glue_secure.connections.connectors.table import connector
from glue_secure.connections.tls.certificates import load_authorities
from glue_secure.connections.tls.probe import probe
from glue_secure.core.arguments import JobArguments
from glue_secure.core.catalog_encryption import CatalogEncryption
from glue_secure.core.columns import ColumnShape, SchemaColumn, Tag, TagKind
from glue_secure.core.dynamodb import DynamoDbTable
from glue_secure.core.errors import RefusedError
from glue_secure.core.findings import enforce
from glue_secure.core.iceberg import check_catalogs
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.kinesis import KinesisStream
from glue_secure.core.service import ServiceError
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport
from glue_secure.engines.awsglue.jvm_call_guard import JvmCallGuard
from glue_secure.policyfile.exceptions import check_exception
from glue_secure.policyfile.model import PolicyException
from glue_secure.preflight.fine_grained import refuse_rdds
from glue_secure.preflight.lake_formation_mode import check_mode
from glue_secure.report.stored import S3Folder
from glue_secure.run import automatic_start

CASES = Cases()
RUNS = count(1)
TARGET = "s3://curated/out/"
POLICY, COLUMNS = S3Uri("config", "policy.toml"), S3Uri("config", "columns.json")


def denied(operation):
    return ServiceError(f"{operation}: denied", code="AccessDeniedException", operation=operation)


def start(run, **arguments):
    return run.start(f"jr_{next(RUNS) % 9 + 1}", **arguments)


def write(run, target=TARGET, **arguments):
    """Run a job that writes and commits."""
    started = start(run, **arguments)
    try:
        started.writer.write_s3(["a"], target, format="parquet")
        started.commit()
    except BaseException as error:
        started.close(error)
        raise


def deny(run, operation):
    """Let an operation of S3 fail until the role has its permission; return the edit that gives it."""
    run.objects.fail_next(operation, denied(operation), times=100)
    return run.objects._faults.clear


def grant(run, *permissions):
    """Return an edit that lets a request succeed again, if the fix names all permissions that it needs."""

    def edit(**named):
        text = named["actions"]
        assert all(permission in text for permission in permissions), text
        run.control_plane.failure = None
        run.unusable.clear()

    return edit


# The policy file


@CASES.of("GS-POL-001")
def a_policy_file_that_is_not_encrypted(get):
    run = get("run_fixture")
    run.objects.put(POLICY, b"schema = 1\n")
    run.arguments["glue-secure-policy"] = str(POLICY)
    error = yield lambda: start(run)

    def pin(name, digest):
        run.arguments[name] = digest

    carry_out(error.fix, [(r"set --(?P<name>[\w-]+) (?P<digest>[0-9a-f]{64}) in the job's arguments", pin)])


@CASES.of("GS-POL-001")
def a_policy_file_that_has_changed(get):
    run = get("run_fixture")
    run.objects.put(POLICY, b"schema = 1\n", algorithm="aws:kms", key=str(run.key))
    run.arguments |= {"glue-secure-policy": str(POLICY), "glue-secure-policy-sha256": "0" * 64}
    error = yield lambda: start(run)

    def pin(name, digest):
        run.arguments[name] = digest

    edits = [(r"review the file; then set --(?P<name>[\w-]+) (?P<digest>[0-9a-f]{64})", pin)]
    carry_out(error.fix, edits)


@CASES.of("GS-POL-001")
def a_policy_file_that_does_not_exist(get):
    run = get("run_fixture")
    run.arguments["glue-secure-policy"] = str(POLICY)
    error = yield lambda: start(run)

    def upload():
        run.objects.put(POLICY, b"schema = 1\n", algorithm="aws:kms", key=str(run.key))

    carry_out(error.fix, [(r"s3:GetObject on the object and kms:Decrypt on its key, or upload it", upload)])


TODAY = datetime(2026, 1, 1, tzinfo=timezone.utc).date()


def exception_case(expires, uses, edits):
    """Return a case of an exception; a run reports the finding, and continues."""

    def case(get):
        stated = PolicyException("GS-S3-014", "s3://landing/", "migration", "SEC-7", "platform", expires)
        entries = [stated]
        error = yield lambda: enforce(check_exception(one, uses, TODAY, 30) for one in entries)

        def end_earlier():
            entries[:] = [replace(stated, expires=TODAY + timedelta(days=30))]

        carry_out(error.fix, [(edits, entries.clear if edits.endswith("entry") else end_earlier)])

    return case


for text, days, uses, edit in (
    ("expired", -1, 1, "remove the violation, then the entry"),
    ("unused", 1, 0, "remove the entry"),
    ("too_long", 90, 1, "set an earlier expires in the policy file"),
):
    case = exception_case(TODAY + timedelta(days=days), uses, edit)
    case.__name__ = f"an_exception_that_is_{text}"
    CASES.of("GS-POL-002")(case)


# The start of a run


@CASES.of("GS-SEC-007")
def a_call_before_job_init(get):
    run = get("run_fixture")
    started = []

    def read():
        if not started:
            raise automatic_start.no_run("create_dynamic_frame.from_options")
        started[-1].reader.read_s3("s3://landing/flights/", format="csv")

    get("monkeypatch").setattr(automatic_start, "_state", automatic_start._Process())
    run.land("m01.csv")
    error = yield read
    edits = [
        (r"\Amove job.init above the first read or write", lambda: started.append(start(run))),
        (r"or call job.init before it\Z", lambda: started.append(start(run))),
    ]
    carry_out(error.fix, edits)


@CASES.of("GS-SEC-008")
def a_role_that_may_not_read_the_configuration(get):
    run = get("run_fixture")
    run.control_plane.failure = denied("GetJobRun")
    error = yield lambda: start(run)
    edits = [(r"give the job's role (?P<actions>.+), and the job a route to the Glue endpoint",
              grant(run, "glue:GetJobRun", "glue:GetJob"))]  # fmt: skip
    carry_out(error.fix, edits)


@CASES.of("GS-SEC-008")
def a_job_that_does_not_exist(get):
    run = get("run_fixture")
    attachments, run.control_plane.job_attachments = dict(run.control_plane.job_attachments), {}
    run.control_plane.run_attachments = {}
    error = yield lambda: start(run)

    def deploy():
        run.control_plane.job_attachments = attachments

    carry_out(error.fix, [(r"\Aglue-secure run SCRIPT --JOB_NAME curate", deploy)])


@CASES.of("GS-SEC-010")
def a_call_of_the_scala_context(get):
    calls = JvmCallGuard()
    ways = [calls.require]
    error = yield lambda: ways[0]("getSource")

    def through_the_context():
        def guarded(method):
            with calls.allow(method):
                calls.require(method)

        ways[:] = [guarded]

    carry_out(error.fix, [(r"use create_dynamic_frame, .*getSource or getSink", through_the_context)])


@CASES.of("GS-KMS-006")
def a_role_that_may_not_use_the_key(get):
    run = get("run_fixture")
    run.unusable = {str(run.key): denied("GenerateDataKey")}
    error = yield lambda: start(run)
    edits = [
        (r"give the job's role (?P<actions>.+) on the key", grant(run, "kms:GenerateDataKey", "kms:Decrypt"))
    ]
    carry_out(error.fix, edits)


# Objects


@CASES.of("GS-S3-004")
def an_object_under_sse_s3(get):
    run = get("run_fixture")
    run.engine.algorithm, run.engine.key = "AES256", ""
    error = yield lambda: write(run)

    def correct(bucket):
        assert str(run.key) in error.required
        run.engine.algorithm = run.engine.key = None
        for name in run.objects.keys(bucket):
            run.objects.delete(S3Uri(bucket, name))

    pattern = (
        r"make that key the default encryption of bucket (?P<bucket>\w+), find what overrode the settings, "
        r"and delete the object"
    )
    carry_out(error.fix, [(pattern, correct)])


@CASES.of("GS-S3-006")
def a_write_to_a_local_file(get):
    run = get("run_fixture")
    targets = ["file:/tmp/out"]
    error = yield lambda: write(run, targets[-1])
    carry_out(error.fix, [(r"\Ause a bucket with SSE-KMS", lambda: targets.append(TARGET))])


@CASES.of("GS-S3-007")
def an_object_that_may_not_be_read_back(get):
    run = get("run_fixture")
    allow = deny(run, "HeadObject")
    error = yield lambda: write(run)
    carry_out(error.fix, [(r"allow s3:GetObject on the object and kms:Decrypt on its key", allow)])


@CASES.of("GS-S3-008")
def a_client_created_before_the_run(get):
    run = get("run_fixture")
    run.engine.client = ("SSE-S3", "")
    error = yield lambda: write(run)
    edits = [(r"do not read or write this bucket before job.init",
              lambda: setattr(run.engine, "client", None))]  # fmt: skip
    carry_out(error.fix, edits)


@CASES.of("GS-S3-009")
def a_write_to_the_evidence(get):
    run = get("run_fixture")
    targets = ["s3://evidence/runs/out/"]
    error = yield lambda: write(run, targets[-1])
    carry_out(error.fix, [(r"\Ause another prefix", lambda: targets.append(TARGET))])


@CASES.of("GS-S3-010")
def a_frame_of_another_session(get):
    run = get("run_fixture")
    run.engine.foreign = True
    error = yield lambda: write(run)
    edits = [(r"\Acreate it with job.spark", lambda: setattr(run.engine, "foreign", False))]
    carry_out(error.fix, edits)


def unmanaged(run, report):
    started = start(run)
    run.engine.native = report
    try:
        started.commit()
    except BaseException as error:
        started.close(error)
        raise


def unmanaged_case(report, pattern):
    def case(get):
        run = get("run_fixture")
        reports = [report]
        error = yield lambda: unmanaged(run, reports[-1])
        # A write by glue-secure is none outside of it, and work that has ended is not active.
        carry_out(error.fix, [(pattern, lambda: reports.append(UnmanagedWriteReport()))])

    return case


for name, control, report, pattern in (
    ("to_a_local_disk", "GS-S3-011", UnmanagedWriteReport((UnmanagedWrite("file:/tmp/out", "csv", 3),)),
     r"\Awrite with job.write or the GlueContext"),
    ("by_jdbc", "GS-S3-011",
     UnmanagedWriteReport((UnmanagedWrite("jdbc:postgresql://h/d", "jdbc", 3),)),
     r"\Awrite through a Glue connection, .*from_jdbc_conf\("),
    ("that_may_have_been_missed", "GS-S3-012", UnmanagedWriteReport((), ("Spark dropped 3 events",)),
     r"\Awrite with job.write or the GlueContext"),
):  # fmt: skip
    case = unmanaged_case(report, pattern)
    case.__name__ = f"a_write_outside_glue_secure_{name}"
    CASES.of(control)(case)


LAKE = "spark.sql.catalog.lake"


def iceberg_case(name, value):
    def case(get):
        key = get("run_fixture").key
        settings = {
            LAKE: "org.apache.iceberg.spark.SparkCatalog",
            f"{LAKE}.s3.sse.type": "kms",
            f"{LAKE}.s3.sse.key": str(key),
            name: value,
        }
        error = yield lambda: enforce(check_catalogs(settings, key))
        edits = [
            (
                r"set (?P<name>[\w.-]+) to (?P<value>[^,]+),",
                lambda name, value: settings.update({name: value}),
            ),
            (r"remove (?P<name>[\w.-]+);", lambda name: settings.pop(name)),
        ]
        carry_out(error.fix, edits)

    return case


for setting, value in (("s3.sse.type", "s3"), ("s3.sse.key", "alias/x"), ("client.factory", "x.Factory")):
    case = iceberg_case(f"{LAKE}.{setting}", value)
    case.__name__ = f"an_iceberg_catalog_with_{setting}"
    CASES.of("GS-S3-013")(case)


@CASES.of("GS-S3-014")
def a_source_under_sse_s3(get):
    run = get("run_fixture")
    part = run.land("m01.csv")
    text = ('schema = 1\n[[sources]]\nname = "landing"\nprefix = "s3://landing/"\n'
            'encryption = ["SSE-KMS"]\nkeys = ["run"]\n')  # fmt: skip
    run.objects.put(POLICY, text.encode(), algorithm="aws:kms", key=str(run.key))
    run.arguments["glue-secure-policy"] = str(POLICY)

    def read():
        started = start(run)
        try:
            started.reader.read_s3("s3://landing/flights/", format="csv")
            started.commit()
        except BaseException as error:
            started.close(error)
            raise

    error = yield read

    def remediate():
        words, options = command(error.fix, "glue-secure")
        assert words[:2] == ["glue-secure", "remediate"] and options == {"--job": "NAME"}
        assert S3Uri.parse(words[2]).overlaps(part)
        run.objects.put(part, b"rows", algorithm="aws:kms", key=str(run.key))

    carry_out(error.fix, [(r"let the owner of the data encrypt it again", remediate)])


# Connections


def probe_server(server, *authorities, host="localhost"):
    pem = b"".join(authority.pem for authority in authorities)
    loaded = load_authorities(pem, resource="connection ops")
    now = datetime.now(timezone.utc)
    return probe(host, server.port, loaded, now=now, resource="connection ops", timeout=5.0)


def certificate_case(pattern, bad, good=lambda make, ca: make.issue(by=ca, names=("localhost",), which=1)):
    """Return a case of a server whose certificate is replaced as the fix says."""

    def case(get):
        make, serve = get("make"), get("serve")
        ca = make.authority()
        servers = [serve(bad(make, ca))]
        error = yield lambda: probe_server(servers[-1], ca)
        carry_out(error.fix, [(pattern, lambda: servers.append(serve(good(make, ca))))])

    return case


NOW = datetime.now(timezone.utc)
for name, control, pattern, bad in (
    ("for_another_name", "GS-TLS-002", r"or issue one with localhost as subjectAltName",
     lambda make, ca: make.issue(by=ca, names=("db.example.com",), which=1)),
    ("that_has_expired", "GS-TLS-003", r"\Arenew the server's certificate",
     lambda make, ca: make.issue(
         by=ca, names=("localhost",), which=1,
         start=NOW - timedelta(days=9), end=NOW - timedelta(days=1))),
    ("with_a_short_key", "GS-TLS-004",
     r"\Ahave the certificate issued again with a stronger key and signature",
     lambda make, ca: make.issue(by=ca, names=("localhost",), which=1, kind="RSA1024")),
):  # fmt: skip
    case = certificate_case(pattern, bad)
    case.__name__ = f"a_certificate_{name}"
    CASES.of(control)(case)


@CASES.of("GS-TLS-003")
def a_certificate_of_another_authority(get):
    make, serve = get("make"), get("serve")
    ca = make.authority()
    server = serve(make.issue(by=ca, names=("localhost",), which=1))
    trusted = [make.authority("Other CA", which=2)]
    error = yield lambda: probe_server(server, *trusted)
    carry_out(error.fix, [(r"CUSTOM_JDBC_CERT|authority", lambda: trusted.append(ca))])


@CASES.of("GS-TLS-009")
def a_server_without_tls(get):
    make, serve = get("make"), get("serve")
    ca = make.authority()
    pair = make.issue(by=ca, names=("localhost",), which=1)
    servers = [serve(pair, answer=b"N")]

    error = yield lambda: probe_server(servers[-1], ca)
    enable = (r"\Aenable TLS in the server", lambda: servers.append(serve(pair)))
    carry_out(error.fix, [enable])


def read_database(run):
    started = start(run)
    try:
        started.reader.read_jdbc("ops", "orders")
        started.commit()
    except BaseException as error:
        started.close(error)
        raise


@CASES.of("GS-TLS-010")
def a_proxy_that_terminates_tls(get):
    run = get("run_fixture")
    get("server")
    direct, run.engine.session_row = run.engine.session_row, {"ssl": False}
    error = yield lambda: read_database(run)
    edits = [(r"\Acheck for a proxy between the run and the database",
              lambda: setattr(run.engine, "session_row", direct))]  # fmt: skip
    carry_out(error.fix, edits)


@CASES.of("GS-TLS-010")
def a_connection_pooler_that_hides_the_session(get):
    run = get("run_fixture")
    get("server")
    direct, run.engine.session_row = run.engine.session_row, {}
    error = yield lambda: read_database(run)
    edits = [(r"\Aconnect to the database itself", lambda: setattr(run.engine, "session_row", direct))]
    carry_out(error.fix, edits)


@CASES.of("GS-TLS-012")
def an_authority_that_is_not_there(get):
    run = get("run_fixture")
    get("server")
    uri = S3Uri("config", "ca.pem")
    run.objects.delete(uri)
    error = yield lambda: read_database(run)
    edits = [(r"\Aput the CA's certificate there as PEM", lambda: run.objects.put(uri, b"PEM"))]
    carry_out(error.fix, edits)


@CASES.of("GS-TLS-013")
def a_driver_without_a_jar(get):
    run = get("run_fixture")
    get("server")
    recommended, run.engine.jar = run.engine.jar, None
    error = yield lambda: read_database(run)

    def use(artifact):
        assert artifact.startswith("org.postgresql:postgresql:")
        assert (
            recommended("org.postgresql.Driver").name == f"{artifact.replace(':', '-').split('-', 1)[1]}.jar"
        )
        run.engine.jar = recommended

    carry_out(error.fix, [(r"use the JAR of (?P<artifact>\S+) from Maven Central", use)])


# Connectors

ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/flights"


@CASES.of("GS-CON-001")
def a_table_under_a_key_of_dynamodb(get):
    run = get("run_fixture")
    (kms_key,) = [key for key in run.keys if key.arn == run.key]
    tables = [(DynamoDbTable("flights", ARN, "ACTIVE", ("id",), "", "", ""), None)]
    error = yield lambda: enforce([check_table(*tables[-1])])

    def update():
        words, options = command(error.fix, "aws")
        assert (words[1:], options["--table-name"]) == (["dynamodb", "update-table"], "flights")
        sse = dict(pair.split("=") for pair in options["--sse-specification"].split(","))
        assert sse == {"Enabled": "true", "SSEType": "KMS", "KMSMasterKeyId": "KEY"}
        encrypted = replace(tables[0][0], sse_status="ENABLED", sse_type=sse["SSEType"], kms_key=str(run.key))
        tables.append((encrypted, kms_key))

    carry_out(error.fix, [(r"\Aaws dynamodb update-table", update)])


@CASES.of("GS-CON-001")
def a_stream_without_encryption(get):
    run = get("run_fixture")
    arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/events"
    streams = [KinesisStream("events", arn, "NONE", "")]
    error = yield lambda: enforce([check_stream(streams[-1])])

    def encrypt():
        words, options = command(error.fix, "aws")
        assert words[1:] == ["kinesis", "start-stream-encryption"]
        assert options == {"--stream-name": "events", "--encryption-type": "KMS", "--key-id": "KEY"}
        streams.append(replace(streams[0], encryption=options["--encryption-type"], kms_key=str(run.key)))

    carry_out(error.fix, [(r"\Aaws kinesis start-stream-encryption", encrypt)])


@CASES.of("GS-CON-002")
def a_class_that_no_argument_allows(get):
    run = get("run_fixture")
    own = connector("custom and marketplace connectors")

    def use():
        start(run).stores.check_call(own, {"className": "com.example.Source"}, "a custom.spark source")

    error = yield use

    def allow(name, value):
        run.arguments[name] = value

    carry_out(error.fix, [(r"start the job with --(?P<name>[\w-]+) (?P<value>\S+)", allow)])


# Bookmarks

CURRENT = S3Uri("state", "bookmarks/123456789012/eu-west-1/curate/current")


def copy(run):
    run.land("m01.csv")
    started = start(run)
    try:
        started.reader.read_s3("s3://landing/flights/", format="csv", transformation_ctx="flights")
        started.commit()
    except BaseException as error:
        started.close(error)
        raise


def restore_case(damage):
    """Return a case of a bookmark whose object is replaced, and restored from the bucket's versions."""

    def case(get):
        run = get("run_fixture")
        copy(run)
        good = run.objects.read(CURRENT).body
        damage(run)
        error = yield lambda: copy(run)

        def restore(bucket, prefix):
            assert S3Uri(bucket, prefix) == CURRENT
            run.objects.put(CURRENT, good, algorithm="aws:kms", key=str(run.bookmark_key))

        pattern = (
            r"restore .*aws s3api list-object-versions --bucket (?P<bucket>\S+) --prefix (?P<prefix>\S+?)`? "
        )
        carry_out(error.fix, [(pattern, restore)])

    return case


def foreign(run):
    run.control_plane.job_attachments["other"] = "strict"
    attachments = run.control_plane.run_attachments
    run.control_plane.run_attachments = {}
    identity, run.identity = run.identity, lambda name, claimed=None: replace(identity(name), job="other")
    copy(run)
    run.identity, run.control_plane.run_attachments = identity, attachments
    run.objects.copy(S3Uri("state", CURRENT.key.replace("curate", "other")), CURRENT)


for name, control, damage in (
    ("that_was_changed", "GS-BKM-001", lambda run: run.objects.put(CURRENT, b"not a message")),
    ("of_another_job", "GS-BKM-002", foreign),
):
    case = restore_case(damage)
    case.__name__ = f"a_bookmark_{name}"
    CASES.of(control)(case)


def copy_command(run, fix):
    """Carry out the command that copies a state from the history, encrypted under the bookmark key."""
    words, options = command(fix, "aws")
    assert words[1:3] == ["s3", "cp"]
    expected = {"--sse": "aws:kms", "--sse-kms-key-id": run.objects.encryption(S3Uri.parse(words[3])).key}
    assert {name: value.rstrip("`") for name, value in options.items()} == expected
    run.objects.copy(S3Uri.parse(words[3]), S3Uri.parse(words[4]))


@CASES.of("GS-BKM-003")
def a_bookmark_that_was_deleted(get):
    run = get("run_fixture")
    copy(run)
    run.objects.delete(CURRENT)
    error = yield lambda: copy(run)
    carry_out(error.fix, [(r"aws s3 cp", lambda: copy_command(run, error.fix))])


@CASES.of("GS-BKM-004")
def a_bookmark_that_is_older_than_the_recorded_one(get):
    run = get("run_fixture")
    copy(run)
    old = run.objects.read(CURRENT).body
    run.land("m02.csv")
    run.clock.advance(hours=1)
    copy(run)
    run.objects.put(CURRENT, old, algorithm="aws:kms", key=str(run.bookmark_key))
    error = yield lambda: copy(run)
    carry_out(error.fix, [(r"aws s3 cp", lambda: copy_command(run, error.fix))])


@CASES.of("GS-BKM-005")
def a_run_that_commits_second(get):
    run = get("run_fixture")
    run.land("m01.csv")
    second = start(run)
    second.reader.read_s3("s3://landing/flights/", format="csv", transformation_ctx="flights")
    first = start(run)
    first.reader.read_s3("s3://landing/flights/", format="csv", transformation_ctx="flights")
    first.commit()
    commits = [second.commit]
    error = yield lambda: commits[-1]()
    carry_out(error.fix, [(r"start the job again", lambda: commits.append(lambda: copy(run)))])


@CASES.of("GS-BKM-006")
def a_bookmark_that_may_not_be_read(get):
    run = get("run_fixture")
    copy(run)
    bucket = CURRENT.bucket
    read = run.objects.read

    def deny(uri, **more):
        if uri.bucket == bucket:
            raise denied("GetObject")
        return read(uri, **more)

    run.objects.read = deny
    error = yield lambda: copy(run)

    def allow(actions):
        assert "s3:GetObject" in actions
        run.objects.read = read

    carry_out(error.fix, [(r"allow the job's role (?P<actions>.+) there", allow)])


# The Data Catalog


def read_table(run):
    started = start(run)
    try:
        started.catalog_reader._catalog.catalog_encryption()
        started.commit()
    except BaseException as error:
        started.close(error)
        raise


@CASES.of("GS-CAT-003")
def settings_that_may_not_be_read(get):
    run = get("run_fixture")
    started = start(run)
    run.control_plane.failure = denied("GetDataCatalogEncryptionSettings")
    error = yield started.catalog_reader._catalog.catalog_encryption
    edits = [(r"give the job's role (?P<actions>\S+) on the catalog",
              grant(run, "glue:GetDataCatalogEncryptionSettings"))]  # fmt: skip
    carry_out(error.fix, edits)


def catalog_case(settings):
    def case(get):
        run = get("run_fixture")
        encrypted = dict(run.control_plane.encryption)
        run.control_plane.encryption = dict.fromkeys(encrypted, settings)
        error = yield lambda: read_table_and_connection(run, get)

        def apply():
            words, options = command(error.fix, "glue-secure")
            assert words == ["glue-secure", "catalog", "apply"]
            assert set(options) == {"--key", "--password-key"}
            run.control_plane.encryption = encrypted

        carry_out(error.fix, [(r"\Aglue-secure catalog apply", apply)])

    return case


def read_table_and_connection(run, get):
    get("server")
    read_table(run)
    read_database(run)


for name, control, settings in (
    ("without_encryption", "GS-CAT-001", CatalogEncryption()),
    ("without_encrypted_passwords", "GS-CAT-002",
     CatalogEncryption("SSE-KMS", str(KEY))),
):  # fmt: skip
    case = catalog_case(settings)
    case.__name__ = f"a_catalog_{name}"
    CASES.of(control)(case)


# Columns


@pytest.fixture
def columns(run_fixture):
    """Return a function that runs a job under a column policy, which the test can change."""
    tag = Tag(TagKind.LF_TAG, "pii", "true")
    run_fixture.columns.tables["crm", "customers"] = {"email": frozenset([tag])}
    policy = {
        "name": "customers",
        "kms_key": str(run_fixture.key),
        "wrapped_key": "AAAA",
        "tables": ["crm.customers"],
        "columns": [{"lf_tag": "pii=true", "action": "tokenise"}],
    }

    def run(native=(), sink=None):
        run_fixture.objects.put(COLUMNS, json.dumps(policy).encode())
        started = start(run_fixture, glue_secure_columns=str(COLUMNS))
        try:
            (sink or (lambda one: one.writer.write_s3(["a"], TARGET, format="parquet")))(started)
            run_fixture.engine.native = UnmanagedWriteReport(tuple(native))
            started.commit()
        except BaseException as error:
            started.close(error)
            raise

    return SimpleNamespace(policy=policy, run=run, store=run_fixture.columns, fixture=run_fixture)


@CASES.of("GS-COL-001")
def a_tagged_column_without_a_rule(get):
    columns = get("columns")
    columns.policy |= {"columns": [{"column": "id", "action": "mask"}], "tagged": [{"lf_tag": "pii=true"}]}
    error = yield columns.run
    edits = [(r"add a rule for (?P<name>\w+) to the column policy customers",
              lambda name: columns.policy["columns"].append({"column": name, "action": "drop"}))]  # fmt: skip
    carry_out(error.fix, edits)


@CASES.of("GS-COL-002")
def a_data_key_that_the_role_may_not_decrypt(get):
    columns = get("columns")
    open_key = type(columns.store).open_key
    monkeypatch = get("monkeypatch")

    def refuse(*_):
        raise denied("Decrypt")

    monkeypatch.setattr(type(columns.store), "open_key", refuse)
    error = yield columns.run
    edits = [(r"give the job's role kms:Decrypt on the key",
              lambda: monkeypatch.setattr(type(columns.store), "open_key", open_key))]  # fmt: skip
    carry_out(error.fix, edits)


@CASES.of("GS-COL-003")
def an_action_that_a_struct_cannot_have(get):
    rules = [{"column": "address", "action": "encrypt"}]
    schema = [SchemaColumn(("address",), shape=ColumnShape.STRUCT), SchemaColumn(("address", "street"))]

    def check():
        stated = {
            "name": "p",
            "kms_key": str(get("run_fixture").key),
            "wrapped_key": "AAAA",
            "columns": rules,
        }
        enforce(decide(ColumnPolicy.from_value(stated, source="p.json"), {}, schema, sink="s3://b/t")[1])

    error = yield check
    edits = [(r"name its fields, or use (?P<action>\w+)", lambda action: rules[0].update(action=action))]
    carry_out(error.fix, edits)


@CASES.of("GS-COL-004")
def a_policy_that_may_not_be_read(get):
    columns = get("columns")
    allow = deny(columns.fixture, "GetObject")
    error = yield columns.run
    carry_out(error.fix, [(r"give the job's role s3:GetObject on it", allow)])


@CASES.of("GS-COL-005")
def a_sink_without_protection(get):
    columns = get("columns")
    sinks = [lambda run: run.writer.write_custom(TARGET, format="parquet", perform=lambda: 1)]
    error = yield lambda: columns.run(sink=sinks[-1])
    carry_out(error.fix, [(r"\Awrite with SecureJob \(job.write.s3\)", lambda: sinks.append(None))])


@CASES.of("GS-COL-006")
def a_write_that_the_policy_does_not_see(get):
    columns = get("columns")
    writes = [UnmanagedWrite("s3a://curated/out", "parquet", 3)]
    error = yield lambda: columns.run(native=writes)
    carry_out(error.fix, [(r"delete the unprotected data; then write with job.write.s3", writes.clear)])


# Evidence


@CASES.of("GS-EVD-001")
def evidence_that_may_not_be_written(get):
    run = get("run_fixture")
    allow = deny(run, "PutObject")
    error = yield lambda: start(run)
    carry_out(error.fix, [(r"give the job's role s3:PutObject on that prefix", allow)])


@CASES.of("GS-EVD-002")
def a_key_that_may_not_sign(get):
    run = get("run_fixture")
    run.arguments["glue-secure-evidence-signing-key"] = str(run.signing_key)
    run.unusable = {str(run.signing_key): denied("Sign")}
    error = yield lambda: start(run)
    carry_out(error.fix, [(r"give the job's role (?P<actions>kms:Sign) on the key", grant(run, "kms:Sign"))])


@CASES.of("GS-EVD-003")
def versions_that_may_not_be_listed(get):
    run = get("run_fixture")
    write(run)
    monkeypatch = get("monkeypatch")

    def refuse(*_):
        raise denied("ListObjectVersions")

    monkeypatch.setattr(type(run.objects), "versions", refuse)
    folder = S3Folder(S3Uri("evidence", "runs/"), run.objects)
    error = yield lambda: enforce(folder.inventory()[1])
    carry_out(error.fix, [(r"\Aallow s3:ListBucketVersions", monkeypatch.undo)])


# Lake Formation


@CASES.of("GS-LF-007")
def a_dynamic_frame_under_fine_grained_access_control(get):
    calls = ["create_dynamic_frame.from_options"]
    error = yield lambda: refuse_rdds(calls[-1], fine_grained=True)
    carry_out(
        error.fix,
        [(r"\Ause glueContext\.(?P<call>create_data_frame\.from_options)", lambda call: calls.append(call))],
    )


RESOLVER = (
    "spark.hadoop.fs.s3.credentialsResolverClass="
    "com.amazonaws.glue.accesscontrol.AWSLakeFormationCredentialResolver"
)
FINE_GRAINED = "enable-lakeformation-fine-grained-access"


def mode_case(arguments, glue="5.1", workers=10):
    """Return a case of a job whose mode of Lake Formation is incomplete: several fixes complete it."""

    def case(get):
        job = {"glue": glue, "workers": workers, "arguments": dict(arguments)}

        def check():
            enforce(check_mode("daily", job["glue"], JobArguments(job["arguments"]), job["workers"]))

        error = yield check
        given = job["arguments"]
        edits = [
            (r"\Aset NumberOfWorkers to (?P<n>\d+)", lambda n: job.update(workers=int(n))),
            (r"\Aset the job's GlueVersion to (?P<version>\S+)", lambda version: job.update(glue=version)),
            (r"\Aremove --(?P<name>[\w-]+) from the job's arguments", lambda name: given.pop(name)),
            (r"\Aadd to the job's --conf: (?P<conf>.+)",
             lambda conf: given.update(conf=f"{given['conf']} --conf {conf}")),
        ]  # fmt: skip
        while error is not None:
            carry_out(error.fix, edits)
            try:
                check()
            except RefusedError as next_error:
                assert next_error.found != error.found
                error = next_error
            else:
                error = None

    return case


for name, arguments, more in (
    ("that_is_incomplete", {"conf": RESOLVER}, {}),
    ("that_is_not_the_only_one", {FINE_GRAINED: "true", "conf": f"{RESOLVER} --conf x=y"}, {}),
    ("in_an_old_version", {FINE_GRAINED: "true"}, {"glue": "4.0"}),
    ("with_few_workers", {FINE_GRAINED: "true"}, {"workers": 2}),
    ("with_jars", {FINE_GRAINED: "true", "extra-jars": "s3://code/x.jar"}, {}),
):
    case = mode_case(arguments, **more)
    case.__name__ = f"a_mode_{name}"
    CASES.of("GS-LF-009")(case)


@pytest.mark.parametrize("name", CASES)
def test_a_fix_carried_out_literally_makes_the_control_pass(name, request):
    CASES.check(name, request.getfixturevalue)


def test_the_table_has_the_controls_of_this_file():
    assert {control for control, _ in CASES.values()} == controls_of(__file__)
