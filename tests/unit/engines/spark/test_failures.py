"""Errors of Spark in a few lines: the cause, the object, and no stack trace. The texts are Spark 3.5's."""

import pytest

from glue_secure.core.errors import exit_code
from glue_secure.engines.spark.failures import summarised

JOB = (
    ": org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 4.0 failed 1 times,"
    " most recent failure: Lost task 0.0 in stage 4.0 (TID 4) (192.0.2.2 executor driver): "
)
STACK = "\tat org.apache.spark.sql.execution.Scan.next(Scan.scala:100)\n" * 40
COLUMN = "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column `nope` cannot be resolved. Did you mean [`a`]?"
SYNTAX = "[PARSE_SYNTAX_ERROR] Syntax error at or near 'selec'.(line 1, pos 0)"
PARQUET = "s3a://landing/a b/x.parquet is not a Parquet file. Expected magic number at tail, but found [1]"


def task(error, *causes):
    lines = [f"An error occurred while calling o1.count.\n{JOB}{error}\n{STACK}"]
    lines += [f"Caused by: {cause}\n{STACK}\t... 22 more\n" for cause in causes]
    return "".join([*lines, "\nDriver stacktrace:\n", STACK, *lines[1:]])


@pytest.mark.parametrize(
    ("text", "cause", "location"),
    [
        pytest.param(
            task(
                "org.apache.spark.SparkException: Encountered error while reading file s3a://b/x.csv.gz.",
                "java.io.IOException: not a gzip file",
            ),
            "not a gzip file",
            "s3://b/x.csv.gz",
            id="gzip",
        ),
        pytest.param(task(f"java.lang.RuntimeException: {PARQUET}"), PARQUET, "s3://landing/a", id="parquet"),
        pytest.param(
            task(
                "org.apache.spark.SparkException: Exception thrown in awaitResult:",
                "java.io.IOException: Could not read footer for file: FileStatus{path=s3a://b/x.parquet}",
                "java.lang.RuntimeException: s3a://b/x.parquet is not a Parquet file.",
            ),
            "s3a://b/x.parquet is not a Parquet file.",
            "s3://b/x.parquet",
            id="parquet footer",
        ),
        pytest.param(
            task("org.apache.orc.FileFormatException: Malformed ORC file s3a://b/x.orc. Invalid postscript."),
            "Malformed ORC file s3a://b/x.orc. Invalid postscript.",
            "s3://b/x.orc",
            id="orc",
        ),
        pytest.param(
            "An error occurred while calling o2.load.\n: org.postgresql.util.PSQLException: ERROR: relation "
            f'"no_such_table" does not exist\n  Position: 15\n{STACK}',
            'ERROR: relation "no_such_table" does not exist',
            "",
            id="table",
        ),
        pytest.param(
            f"{COLUMN};\n'Project ['nope]\n+- Relation [a#1] csv\n\norg.apache.spark.sql.AnalysisException: "
            f"{COLUMN};\n'Project ['nope]\n+- Relation [a#1] csv\n{STACK}",
            COLUMN,
            "",
            id="column",
        ),
        pytest.param(
            f"\n{SYNTAX}\n\n== SQL ==\nselec 1\norg.apache.spark.sql.catalyst.parser.ParseException: \n"
            f"{SYNTAX}\n\n== SQL ==\nselec 1\n{STACK}",
            SYNTAX,
            "",
            id="sql",
        ),
        pytest.param(
            task(
                "org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n"
                '  File "/x/pyspark/worker.py", line 1247, in main\n    process()\n'
                '  File "/home/me/job.py", line 9, in broken\n    return 1 // 0\n'
                "ZeroDivisionError: integer division or modulo by zero\n"
            ),
            "ZeroDivisionError: integer division or modulo by zero (/home/me/job.py, line 9)",
            "",
            id="python",
        ),
        pytest.param(task("java.lang.NullPointerException: "), "NullPointerException", "", id="no message"),
    ],
)
def test_the_cause_comes_first_without_a_stack_trace(text, cause, location):
    error = summarised(text, "read of s3://landing/")
    assert (error.cause, error.location) == (cause, location)
    lines = str(error).splitlines()
    assert lines[:2] == ["read of s3://landing/ failed", f"  cause:    {cause}"]
    assert len(lines) < 10
    assert "\tat " not in str(error)
    assert exit_code(error) == 1


def test_a_cause_of_any_length_is_short():
    error = summarised(task(f"java.lang.RuntimeException: {'x' * 10_000}"), "write to s3://curated/")
    assert len(str(error)) < 1_000


@pytest.mark.parametrize(
    "cause",
    [
        "java.io.FileNotFoundException: PUT 0-byte object on y/_temporary/0: com.amazonaws.services.s3.model."
        "AmazonS3Exception: The specified bucket does not exist (Service: Amazon S3; Status Code: 404; Error "
        "Code: NoSuchBucket; Request ID: 4X; S3 Extended Request ID: 5Y=; Proxy: null):NoSuchBucket",
        "org.apache.hadoop.fs.s3a.UnknownStoreException: `s3a://absent/y/_temporary/0': getFileStatus on "
        "s3a://absent/y/_temporary/0: software.amazon.awssdk.services.s3.model.NoSuchBucketException: null",
        "org.apache.hadoop.fs.s3a.UnknownStoreException: `s3a://absent/y': Bucket absent does not exist",
    ],
)
def test_a_bucket_that_does_not_exist_is_one_line(cause):
    error = summarised(task(cause), "write to s3://absent/y/")
    assert str(error).splitlines()[:3] == [
        "write to s3://absent/y/ failed",
        "  cause:    bucket absent does not exist",
        "  fix:      create bucket absent, or correct its name",
    ]


def test_a_secret_in_a_cause_is_redacted():
    error = summarised(": java.sql.SQLException: cannot open jdbc:x://h/d?password=hunter2\n", "read of t")
    assert "hunter2" not in str(error)


@pytest.mark.parametrize("condition", ["SCHEMA_NOT_FOUND", "TABLE_OR_VIEW_NOT_FOUND"])
def test_a_name_that_spark_sql_does_not_find_may_be_in_the_data_catalog(condition):
    error = summarised(f"[{condition}] The schema `lake` cannot be found.", "spark.sql")
    assert "--enable-glue-datacatalog true" in error.fix


def test_a_table_without_a_location_names_the_clause_to_add():
    text = "java.lang.IllegalArgumentException: Can not create a Path from a null string"
    assert "LOCATION 's3://BUCKET/PREFIX/'" in summarised(task(text), "spark.sql").fix


def test_a_sync_of_hudi_that_plain_spark_cannot_do_names_the_mode_that_it_can():
    text = "java.lang.ClassNotFoundException: org.apache.calcite.rel.type.RelDataTypeSystem"
    assert "hoodie.datasource.hive_sync.mode to hms" in summarised(task(text), "write").fix
