"""The migration of one script: what is edited, what is reported, and what stays."""

import pytest

from glue_secure.migrate.model import Imports, Kind, Options, Status
from glue_secure.migrate.script import LINE, migrate

HEAD = """\
import sys
from awsglue.context import GlueContext
from awsglue.job import Job as GlueJob
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(sys.argv, ["JOB_NAME"])
context = GlueContext(SparkContext.getOrCreate())
job = GlueJob(context)
job.init(args["JOB_NAME"], args)
"""
READ = 'frame = context.create_dynamic_frame.from_catalog(database="d", table_name="t"{})\n'
WRITE = 'context.write_dynamic_frame.from_options(frame, "s3", {"path": "s3://b/x/"}, format="parquet")\n'
BODY = READ.format("") + WRITE
WITH_CONTEXT = READ.format(', transformation_ctx="t"') + WRITE
WITHOUT_IMPORTS = Options(Imports.KEEP)


def migrated(text, options=None, **facts):
    return migrate(text.encode(), options, **facts)


def rules(migration, kind=Kind.DECISION):
    return [finding.rule for finding in migration.findings if finding.kind is kind]


def test_a_job_script_gets_one_line_before_its_first_import():
    text = (
        f'#!/usr/bin/env python\n"""Doc."""\nfrom __future__ import annotations\n\n{HEAD}{BODY}job.commit()\n'
    )
    result = migrated(text)
    assert result.status is Status.REWRITTEN
    assert result.after.decode() == text.replace("import sys\n", f"{LINE}\nimport sys\n", 1)


def test_a_script_that_imports_glue_secure_first_runs_as_is():
    text = f"{LINE}\n{HEAD}{BODY}job.commit()\n"
    assert (migrated(text).status, migrated(text).is_changed) == (Status.AS_IS, False)
    renamed = HEAD.replace("awsglue", "glue_secure") + BODY + "job.commit()\n"
    assert (migrated(renamed).status, migrated(renamed).is_changed) == (Status.AS_IS, False)


def test_the_line_is_added_above_one_that_comes_too_late():
    text = f"{HEAD}{LINE}\n{BODY}job.commit()\n"
    assert migrated(text).after.decode() == f"{LINE}\n{text}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from awsglue.context import GlueContext", "from glue_secure.context import GlueContext"),
        ("from  awsglue.transforms  import *  # all", "from  glue_secure.transforms  import *  # all"),
        ("from awsglue import DynamicFrame", "from glue_secure import DynamicFrame"),
        ("import awsglue.utils as utils", "import glue_secure.utils as utils"),
        ("from awsgluedq.transforms import EvaluateDataQuality",
         "from glue_secure.awsgluedq.transforms import EvaluateDataQuality"),
        ("from awsglue.transforms.apply_mapping import ApplyMapping",
         "from glue_secure.transforms import ApplyMapping"),
    ],
)  # fmt: skip
def test_imports_are_renamed_on_request(before, after):
    text = f"x = 'é'; {before}\n"
    result = migrated(text, Options(Imports.RENAME))
    assert (result.after.decode(), result.status) == (f"x = 'é'; {after}\n", Status.REWRITTEN)


def test_an_import_that_cannot_be_renamed_is_reported_with_its_line():
    (finding,) = migrated("import os\nimport awsglue.context\n", Options(Imports.RENAME)).findings
    assert (finding.kind, finding.line, finding.write) == (Kind.DECISION, 2, LINE)


def test_modules_and_tests_keep_their_imports():
    module = "from awsglue.dynamicframe import DynamicFrame\n\ndef clean(frame):\n    return frame\n"
    for result in (migrated(module), migrated(HEAD, is_module=True), migrated(HEAD, is_test=True)):
        assert (result.status, result.is_changed) == (Status.AS_IS, False)
        assert "import" in rules(result, Kind.NOTE)


def test_a_script_whose_module_uses_awsglue_gets_the_line():
    result = migrated("import helpers\nhelpers.run()\n", uses_awsglue=True, imports_spark=True)
    assert result.after.decode().startswith(f"{LINE}\nimport helpers\n")


def test_other_python_files_are_not_glue_scripts():
    for text in ("import pandas\nprint(1)\n", "", "def f(:\n"):
        assert migrated(text).status is Status.OTHER


def test_a_script_of_spark_alone_and_one_without_spark_need_a_decision():
    alone = "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"
    assert rules(migrated(alone)) == ["spark-alone"]
    shell = (
        "import sys\nfrom awsglue.utils import getResolvedOptions\nprint(getResolvedOptions(sys.argv, []))\n"
    )
    result = migrated(shell)
    assert (rules(result), result.is_changed) == (["python-shell"], False)


def test_a_missing_commit_is_appended_unless_it_would_move_a_bookmark():
    text = HEAD + BODY.rstrip("\n")
    assert migrated(text, WITHOUT_IMPORTS).after.decode() == f"{text}\njob.commit()"
    result = migrated(HEAD + WITH_CONTEXT, WITHOUT_IMPORTS)
    assert (rules(result), result.is_changed) == (["commit-missing"], False)
    assert result.findings[0].write == "job.commit()"


def test_a_missing_commit_in_a_function_has_its_indentation():
    lines = (HEAD + BODY).splitlines(keepends=True)
    text = "".join(lines[:5]) + "def main():\n" + "".join(f"\t{line}" for line in lines[6:]) + "main()\n"
    expected = text.replace("main()\n", "\tjob.commit()\nmain()\n").replace("def \tjob.commit()\n", "def ")
    assert migrated(text, WITHOUT_IMPORTS).after.decode() == expected.replace("def main():", "def main():", 1)


def test_a_commit_before_the_last_write_is_moved_with_its_comment():
    text = f"{HEAD}{READ.format('')}job.commit()  # done\n\n{WRITE}# end\n"
    expected = f"{HEAD}{READ.format('')}\n{WRITE}job.commit()  # done\n# end\n"
    result = migrated(text, WITHOUT_IMPORTS)
    assert (result.after.decode(), rules(result, Kind.CHANGED)) == (expected, ["commit-early"])
    calls = f"def save():\n    {WRITE}\n{HEAD}job.commit()\nsave()\n"
    assert migrated(calls, WITHOUT_IMPORTS).after.decode().endswith("save()\njob.commit()\n")


@pytest.mark.parametrize(
    "end",
    ["job.commit(); " + WRITE, "job.commit()\n" + WRITE + "sys.exit(0)\n",
     "job.commit()\n" + WRITE.rstrip() + "; x = 1\n"],
)  # fmt: skip
def test_a_commit_that_cannot_be_moved_safely_is_reported(end):
    result = migrated(HEAD + end, WITHOUT_IMPORTS)
    assert (rules(result), result.is_changed) == (["commit-early"], False)


def test_a_commit_below_a_condition_or_in_a_function_of_its_own_stays():
    for end in (f"if frame:\n    job.commit()\n{WRITE}", f"def end():\n    job.commit()\n{WRITE}end()\n"):
        assert not migrated(HEAD + end, WITHOUT_IMPORTS).is_changed


def test_a_read_with_a_context_before_job_init_is_reported_with_both_lines():
    lines = HEAD.splitlines(keepends=True)
    text = (
        "".join(lines[:-1]) + READ.format(', transformation_ctx="t"') + lines[-1] + WRITE + "job.commit()\n"
    )
    (finding,) = migrated(text, WITHOUT_IMPORTS).findings
    assert (finding.rule, finding.line) == ("init-late", 11)
    assert finding.write == 'job.init(args["JOB_NAME"], args) before line 10'


OPTIONS = """\
frame = context.create_dynamic_frame.from_options(
    connection_type="postgresql",
    connection_options={
        "url": "jdbc:postgresql://db.example.com:5432/ops",
        "user": "etl",  # the owner
        "password": "hunter2",
        "dbtable": "public.orders",
    },
)
job.commit()
"""


def test_a_login_is_replaced_by_the_connection_of_its_host():
    options = Options(Imports.KEEP, {"db.example.com": "ops-postgres", "": "other"})
    text = OPTIONS.replace("  # the owner", "")
    result = migrated(HEAD + text, options)
    expected = text.replace(
        '"url": "jdbc:postgresql://db.example.com:5432/ops",\n        "user": "etl",\n'
        '        "password": "hunter2",',
        '"useConnectionProperties": "true", "connectionName": "ops-postgres",',
    )
    assert result.after.decode() == HEAD + expected
    assert rules(result, Kind.CHANGED) == ["password"]


def test_a_login_at_the_end_of_one_line_is_replaced():
    text = 'o = {"dbtable": "t", "url": "jdbc:mysql://h/d", "user": u, "password": p}\n'
    result = migrated(HEAD + text + "job.commit()\n", Options(Imports.KEEP, {"": "ops"}))
    expected = 'o = {"dbtable": "t", "useConnectionProperties": "true", "connectionName": "ops"}\n'
    assert result.after.decode() == HEAD + expected + "job.commit()\n"


@pytest.mark.parametrize("connections", [{}, {"": "ops"}, {"other.example.com": "ops"}])
def test_a_login_without_a_connection_or_with_a_comment_is_reported_without_the_password(connections):
    result = migrated(HEAD + OPTIONS, Options(Imports.KEEP, connections))
    (finding,) = result.findings
    assert (finding.rule, finding.kind, result.is_changed) == ("password", Kind.DECISION, False)
    assert "hunter2" not in repr(result)
    assert '"connectionName": "' in finding.write


def test_a_read_of_secure_job_is_not_taken_for_one_of_spark():
    line = 'rows = job.read.jdbc(connection=name, table="customers")'
    assert migrated(f"{HEAD}{line}\njob.commit()\n", WITHOUT_IMPORTS).findings == ()


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ('df = spark.read.format("jdbc").option("url", u).load()', "spark-jdbc"),
        ("df.write.mode('append').jdbc(url, table)", "spark-jdbc"),
        ('df.write.parquet("/tmp/x")', "local-file"),
        ('df.write.format("csv").save("file:///x")', "local-file"),
        ("context.start_transaction(False)", "unsupported"),
        ("from awsglue.blueprint.job import Job as B", "unsupported"),
        ('conf.set("spark.hadoop.fs.s3a.server-side-encryption-algorithm", "AES256")', "encryption"),
        ('s3.put_object(Bucket="b", Key="k", ServerSideEncryption="AES256")', "encryption"),
        ("import minio", "unguarded-client"),
    ],
)
def test_what_needs_a_decision_is_reported_with_its_line_and_a_text_to_write(line, rule):
    result = migrated(f"{HEAD}{line}\njob.commit()\n", WITHOUT_IMPORTS)
    (finding,) = result.findings
    assert (finding.rule, finding.kind, finding.line) == (rule, Kind.DECISION, 11)
    assert result.status is Status.DECISION


def test_what_needs_no_decision_is_not_reported():
    lines = 'df.write.parquet("s3://b/x/")\nopen("/tmp/x", "w").write("")\nconn.commit()\nprint("jdbc")\n'
    assert migrated(f"{HEAD}{lines}job.commit()\n", WITHOUT_IMPORTS).findings == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [("import awsglue\nprint 'x'\n", "Python 2"), ("import awsglue\n%idle_timeout 5\n", "cannot parse")],
)
def test_a_script_that_python_cannot_parse_needs_a_decision(text, reason):
    result = migrated(text)
    assert (result.status, result.after, result.findings[0].line) == (Status.DECISION, text.encode(), 2)
    assert reason in result.findings[0].reason


@pytest.mark.parametrize(
    ("mark", "newline", "encoding"),
    [(b"", "\r\n", "utf-8"), (b"\xef\xbb\xbf", "\n", "utf-8"), (b"", "\n", "latin-1"), (b"", "\r", "utf-8")],
)
def test_line_ends_byte_order_mark_and_encoding_stay(mark, newline, encoding):
    head = "# coding: latin-1\n" if encoding == "latin-1" else ""
    text = (head + "name = 'é\x0c'\n" + HEAD + BODY).replace("\n", newline)
    content = mark + text.encode(encoding)
    expected = text.replace("name", f"{LINE}{newline}name", 1) + f"job.commit(){newline}"
    assert migrate(content).after == mark + expected.encode(encoding)


@pytest.mark.parametrize(
    "text", ['"""doc"""; import awsglue.context; f()\n', "from __future__ import x; f()\n"]
)
def test_a_line_that_two_statements_share_is_not_split(text):
    text = text.replace("import x", "import division")
    result = migrated(f"{text}from awsglue.context import GlueContext\nGlueContext(sc)\n")
    assert (rules(result), result.is_changed) == (["import"], False)


JDBC_URL = '"jdbc:postgresql://crm.internal:5432/crm"'
READ_CALL = (
    'context.create_dynamic_frame.from_options(connection_type="{}", connection_options='
    '{{"useConnectionProperties": "true", "connectionName": "crm-db", {}}}).toDF()'
)
WRITE_CALL = (
    'context.write_dynamic_frame.from_jdbc_conf(frame=DynamicFrame.fromDF(df, context, "frame"), '
    'catalog_connection="crm-db", connection_options={"dbtable": "t", "database": "crm"})'
)


@pytest.mark.parametrize(
    ("line", "write"),
    [
        (f'spark.read.format("jdbc").option("url", {JDBC_URL}).option("dbtable", "t").load()',
         READ_CALL.format("postgresql", '"dbtable": "t"')),
        (f'spark.read.option("url", {JDBC_URL}).option("query", sql).format("jdbc").load()',
         READ_CALL.format("postgresql", '"query": sql')),
        ('o = {"url": f"jdbc:mysql://crm.internal/{db}", "dbtable": f"{db}.t"}; '
         'spark.read.format("jdbc").options(**o).load()',
         READ_CALL.format("mysql", '"dbtable": f"{db}.t"')),
        (f'spark.read.jdbc({JDBC_URL}, "t", properties=p)', READ_CALL.format("postgresql", '"dbtable": "t"')),
        (f'df.write.jdbc({JDBC_URL}, table="t")', WRITE_CALL),
        (f'df.write.format("jdbc").option("url", {JDBC_URL}).option("dbtable", "t").save()', WRITE_CALL),
        ('spark.read.format("jdbc").load()',
         READ_CALL.format("ENGINE", '"dbtable": TABLE').replace("crm-db", "NAME")),
    ],
)  # fmt: skip
def test_the_call_that_replaces_spark_jdbc_has_connection_and_table(line, write):
    options = Options(Imports.KEEP, {"crm.internal": "crm-db"})
    (finding,) = migrated(f"{HEAD}{line}\njob.commit()\n", options).findings
    assert (finding.rule, finding.write) == ("spark-jdbc", write)


@pytest.mark.parametrize(
    ("line", "method"),
    [
        ('s3.put_object(Bucket="b", Key="k", ServerSideEncryption="AES256")', "put_object"),
        ('extra = {"ServerSideEncryption": "AES256"}; s3.put_object(Bucket="b", **extra)', "put_object"),
        ('extra = {"ServerSideEncryption": "AES256"}; s3.upload_file(a, b, ExtraArgs=extra)', "upload_file"),
    ],
)  # fmt: skip
def test_an_encryption_in_a_dictionary_is_reported_with_its_call(line, method):
    (finding,) = migrated(f"{HEAD}{line}\njob.commit()\n", WITHOUT_IMPORTS).findings
    assert (finding.rule, finding.line) == ("encryption", 11)
    assert finding.reason == f"remove ServerSideEncryption from {method}: the guard adds the run's key"


def test_a_login_from_secrets_manager_is_not_called_exposed():
    literal, fetched = (
        migrated(HEAD + OPTIONS.replace('"hunter2"', value), WITHOUT_IMPORTS).findings[0].reason
        for value in ('"hunter2"', 's["password"]')
    )
    assert "it has been exposed" in literal
    assert "exposed" not in fetched and "the script need not read it" in fetched
