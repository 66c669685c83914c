"""Connectors of a user in local Spark: only those that the job's arguments allow."""

import json
import os
import re
import subprocess
import zipfile
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

from glue_secure import RefusedError, UsageError, VerificationError
from glue_secure.context import GlueContext
from glue_secure.dynamicframe import DynamicFrame
from glue_secure.embedded import seed
from glue_secure.embedded.artifacts import fetch
from glue_secure.embedded.clients import clients
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.java import java_home
from glue_secure.job import Job

ARGUMENT = "glue-secure-allowed-connectors"
DRIVER = "org.postgresql.Driver"
CLASS = "com.example.numbers.Numbers"
SOURCE = """package com.example.numbers;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.*;
import org.apache.spark.sql.sources.*;
import org.apache.spark.sql.types.*;
import scala.collection.JavaConverters;
import scala.collection.immutable.Map;

public class Numbers implements RelationProvider, CreatableRelationProvider {
    public static final List<String> WRITTEN = new ArrayList<>();

    public BaseRelation createRelation(SQLContext context, Map<String, String> options) {
        return new Rows(context, options);
    }

    public BaseRelation createRelation(
            SQLContext context, SaveMode mode, Map<String, String> options, Dataset<Row> rows) {
        for (Row row : rows.collectAsList()) WRITTEN.add(mode + " " + row);
        return new Rows(context, options);
    }

    public static class Rows extends BaseRelation implements TableScan {
        private final SQLContext context;
        private final Map<String, String> options;

        Rows(SQLContext context, Map<String, String> options) {
            this.context = context;
            this.options = options;
        }

        public SQLContext sqlContext() {
            return context;
        }

        public StructType schema() {
            return new StructType().add("option", DataTypes.StringType);
        }

        public RDD<Row> buildScan() {
            Row row = RowFactory.create(JavaConverters.mapAsJavaMapConverter(options).asJava().get("login"));
            return context.createDataFrame(Arrays.asList(row), schema()).rdd();
        }
    }
}
"""


@pytest.fixture(scope="module")
def connector_jar(glue_spark, tmp_path_factory):
    """The JAR of a small connector on Spark's class path, as ``--extra-jars`` puts it there."""
    tool = Path(__file__).parents[3] / "tools" / "build-request-guard"
    loader = SourceFileLoader("build_request_guard", str(tool))
    guard_tool = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(guard_tool)
    home = java_home(installed_spark())
    (compiler,) = fetch([guard_tool.COMPILER], home)
    folder = tmp_path_factory.mktemp("connector")
    source = folder / "com/example/numbers/Numbers.java"
    source.parent.mkdir(parents=True)
    source.write_text(SOURCE, encoding="utf-8")
    jars = os.pathsep.join(map(str, sorted((installed_spark().folder / "jars").glob("*.jar"))))
    options = ["-source", "17", "-target", "17", "-proc:none", "-warn:none", "-d", str(folder / "classes")]
    command = [str(home / "bin/java"), "-jar", str(compiler), *options, "-classpath", jars, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    jar = folder / "numbers.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        for file in sorted((folder / "classes").rglob("*.class")):
            archive.write(file, file.relative_to(folder / "classes").as_posix())
    jvm = glue_spark._jvm
    loader = jvm.org.apache.spark.util.Utils.getContextOrSparkClassLoader()
    loader.addURL(jvm.java.io.File(str(jar)).toURI().toURL())
    return jar


@pytest.fixture
def begin(glue_job, glue_spark, monkeypatch):
    """``begin(ENTRIES)``: a context of a run whose arguments allow these connectors."""
    contexts = []

    def start(allowed=None):
        for context in contexts:
            context.secured_run.close(outcome="test over")
        given = {} if allowed is None else {ARGUMENT: allowed}
        monkeypatch.setattr("sys.argv", glue_job.argv(**given))
        contexts.append(GlueContext(glue_spark))
        contexts[-1].job = Job(contexts[-1])
        contexts[-1].job.init(glue_job.name)
        return contexts[-1]

    yield start
    for context in contexts:
        context.secured_run.close(outcome="test over")


@pytest.fixture
def secret(glue_account, glue_job):
    """The name of a secret with a user and a password."""
    text = json.dumps({"username": "reader", "password": "hunter2hunter2"})
    clients(glue_account)("secretsmanager").create_secret(Name=f"tests/{glue_job.name}", SecretString=text)
    return f"tests/{glue_job.name}"


def read_numbers(context, secret):
    options = {"className": CLASS, "secretId": secret, "login": "${username} of numbers"}
    return context.create_dynamic_frame.from_options("custom.spark", options)


def test_a_connector_is_rejected_without_an_entry_and_the_fix_works_when_typed(
    begin, connector_jar, secret, glue_job
):
    with pytest.raises(RefusedError, match=r"(?s)GS-CON-002.*com\.example\.numbers\.Numbers") as caught:
        read_numbers(begin(), secret)
    (entry,) = re.findall(rf"--{ARGUMENT} (\S+)", caught.value.fix)
    assert re.fullmatch(re.escape(CLASS) + "@[0-9a-f]{64}", entry)
    context = begin(entry)
    assert [row[0] for row in read_numbers(context, secret).toDF().collect()] == ["reader of numbers"]
    context.job.commit()
    evidence = glue_job.evidence()[-1]
    assert [read["kind"] for read in evidence["reads"]] == ["custom.spark"]
    found = [one["found"] for one in evidence["controls"] if one["control"] == "GS-CON-002"]
    assert found == [f"class {CLASS}, which --{ARGUMENT} allows; SHA-256 {entry.partition('@')[2]}"]
    assert "hunter2" not in json.dumps(evidence)


def test_another_jar_than_the_reviewed_one_is_rejected(begin, connector_jar, secret):
    with pytest.raises(RefusedError, match=r"(?s)GS-CON-002.*SHA-256"):
        read_numbers(begin(f"{CLASS}@{'0' * 64}"), secret)


def test_a_jar_with_a_digest_that_is_missing_cannot_be_verified(begin):
    options = {"className": "com.example.Missing"}
    context = begin(f"com.example.Missing@{'0' * 64}")
    with pytest.raises(VerificationError, match="no JAR with class"):
        context.create_dynamic_frame.from_options("marketplace.spark", options)


def test_a_frame_is_written_by_the_connectors_code(begin, connector_jar, glue_spark, glue_job):
    context = begin(CLASS)
    frame = DynamicFrame.fromDF(glue_spark.range(2), context, "rows")
    context.write_dynamic_frame.from_options(frame, "custom.spark", {"className": CLASS, "table": "t"})
    loader = glue_spark._jvm.org.apache.spark.util.Utils.getContextOrSparkClassLoader()
    written = loader.loadClass(CLASS).getField("WRITTEN").get(None)
    assert sorted(written) == ["Append [0]", "Append [1]"]
    context.job.commit()
    writes = glue_job.evidence()[-1]["writes"]
    assert [(write["kind"], write["target"]) for write in writes] == [("custom.spark", f"{CLASS}/t")]


def test_a_jdbc_driver_reads_by_its_url_with_the_secret(begin, glue_account, glue_job):
    seed.seed_flights(glue_account, months=())
    server = glue_account.postgres
    url = f"jdbc:postgresql://{server.host}:{server.port}/{server.database}?sslmode=verify-full"
    url += f"&sslrootcert={glue_account.ca_pem}&user=${{username}}&password=${{password}}"
    client = clients(glue_account)
    connection = client("glue").get_connection(Name=seed.CONNECTION)["Connection"]
    secret = connection["ConnectionProperties"]["SECRET_ID"]
    options = {"className": DRIVER, "url": url, "secretId": secret, "query": "select carrier from airlines"}
    context = begin(DRIVER)
    read = context.create_dynamic_frame.from_options(
        "custom.jdbc", {**options, "filterPredicate": "carrier = 'UA'"}
    )
    assert [row[0] for row in read.toDF().collect()] == ["UA"]
    with pytest.raises(RefusedError, match="GS-TLS-008"):
        context.create_dynamic_frame.from_options("custom.jdbc", {**options, "url": "jdbc:x:h?password=abc"})


def test_a_connection_names_the_class_and_must_be_of_its_type(begin, glue_account, glue_job):
    create = clients(glue_account)("glue").create_connection
    for name, kind in ((f"{glue_job.name}-own", "CUSTOM"), (f"{glue_job.name}-jdbc", "JDBC")):
        properties = {"CONNECTOR_CLASS_NAME": "com.example.Other", "CONNECTOR_TYPE": "Spark"}
        create(ConnectionInput={"Name": name, "ConnectionType": kind, "ConnectionProperties": properties})
    with pytest.raises(RefusedError, match=r"(?s)GS-CON-002.*com\.example\.Other"):
        begin(CLASS).create_dynamic_frame.from_options(
            "marketplace.spark", {"connectionName": f"{glue_job.name}-own"}
        )
    with pytest.raises(RefusedError, match="GS-TLS-011"):
        begin("com.example.Other").create_dynamic_frame.from_options(
            "custom.spark", {"connectionName": f"{glue_job.name}-jdbc"}
        )


@pytest.mark.parametrize(
    ("kind", "options", "found"),
    [
        ("custom.athena", {"className": DRIVER}, "AWS Lambda"),
        ("custom.jdbc", {"className": DRIVER}, "no url"),
        ("custom.jdbc", {"className": DRIVER, "dataTypeMapping": {"INTEGER": "STRING"}}, "dataTypeMapping"),
        ("custom.spark", {"tableName": "t"}, "className"),
        ("custom.spark", {"className": DRIVER, "login": "${other}"}, r"\$\{other\}"),
    ],
)
def test_calls_that_local_spark_cannot_make_name_the_reason(begin, kind, options, found):
    with pytest.raises(UsageError, match=found):
        begin(DRIVER).create_dynamic_frame.from_options(kind, options)
