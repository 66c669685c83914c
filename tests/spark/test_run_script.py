"""The fixtures of users' tests: scripts as they are, and writable databases."""

import sys

import pytest
from pyspark.sql import SparkSession

from glue_secure.core.errors import RefusedError
from glue_secure.embedded.clients import clients
from glue_secure.testing.frames import assert_rows

SCRIPT = """
import sys
import helper
from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(sys.argv, ["JOB_NAME", "source", "connection"])
context = GlueContext(SparkContext.getOrCreate())
job = Job(context)
job.init(args["JOB_NAME"], args)
orders = context.create_dynamic_frame.from_options(
    "s3", {"paths": [args["source"]]}, "csv", {"withHeader": True}, transformation_ctx="orders"
)
count = helper.times(orders.count())
context.write_dynamic_frame.from_jdbc_conf(
    orders, catalog_connection=args["connection"], connection_options={"dbtable": "orders", "database": NAME}
)
job.commit()
context.spark_session.stop()
sys.exit()
"""


@pytest.fixture
def script(tmp_path):
    (tmp_path / "helper.py").write_text(
        "import awsglue.context\n\ndef times(number):\n    return 10 * number\n"
    )
    path = tmp_path / "orders_script.py"
    yield path
    sys.modules.pop("helper", None)


def test_a_script_with_a_database_runs_in_the_session_of_the_tests(
    glue_job, glue_account, glue_spark, script
):
    database = glue_account.connection("run-script", engine="postgresql")
    assert "password" not in repr(database).lower()
    database.execute("CREATE TABLE orders (id text, amount text)")
    script.write_text(SCRIPT.replace("NAME}", f"{database.name!r}}}"))
    glue_job.land("orders.csv", "id,amount\n1,20\n2,30\n")
    before = sys.modules.get("awsglue"), list(sys.meta_path), list(sys.argv)
    for rows in (2, 2):
        glue_job.run_script(script, connection="run-script")
        assert database.execute("SELECT count(*) FROM orders") == [(rows,)]
    assert [run["outcome"] for run in glue_job.evidence()] == ["succeeded", "succeeded"]
    assert (sys.modules.get("awsglue"), list(sys.meta_path), list(sys.argv)) == before
    # The connection is found again, and the session still works.
    assert glue_account.connection("run-script").url == database.url
    frame = glue_spark.createDataFrame([(1, [1.5]), (1, [1.5])], "id int, amounts array<double>")
    assert_rows(frame, {"id": 1, "amounts": [1.5]}, {"amounts": [1.5], "id": 1})
    with pytest.raises(AssertionError, match=r"missing:    \{'id': 2\}\nunexpected: \{'id': 0\}"):
        assert_rows(glue_spark.range(1), {"id": 2})


def test_a_script_that_ends_early_or_fails_is_reported_and_its_run_is_closed(glue_job, script):
    text = "import sys\nfrom glue_secure import SecureJob\njob = SecureJob.from_argv('source').__enter__()\n"
    script.write_text(f"{text}value = 7\n")
    assert glue_job.run_script(script)["value"] == 7
    assert [run["outcome"] for run in glue_job.evidence()] == ["ended without job.commit()"]
    script.write_text("import sys\nsys.exit(3)\n")
    with pytest.raises(SystemExit, match="3"):
        glue_job.run_script(script)


OWN_CONTEXT = """
import sys
from pyspark.conf import SparkConf
from pyspark.context import SparkContext
from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["JOB_NAME", "input_dir", "output_dir"])
sc = SparkContext{given}
glueContext = GlueContext(sc)
job = Job(glueContext)
job.init(args["JOB_NAME"], args)
sc.parallelize(["a"]).saveAsTextFile(args["output_dir"] + "one")
SparkContext.getOrCreate().parallelize(["b"]).saveAsTextFile(args["output_dir"] + "two")
job.commit()
sc.stop()
"""


@pytest.mark.parametrize("given", ["()", "(conf=SparkConf().setAppName('orders'))", ".getOrCreate()"])
def test_a_script_that_creates_its_context_and_has_arguments_with_underscores_runs(
    glue_job, glue_spark, script, given
):
    script.write_text(OWN_CONTEXT.replace("{given}", given))
    arguments = {"input_dir": glue_job.source, "output_dir": f"{glue_job.target}rows/"}
    glue_job.run_script(script, job_bookmark_option="job-bookmark-disable", **arguments)
    assert {found["algorithm"] for found in glue_job.objects().values()} == {"aws:kms"}
    (run,) = glue_job.evidence()
    assert run["outcome"] == "succeeded"
    assert [write["format"] for write in run["writes"]] == ["saveAsTextFile", "saveAsTextFile"]
    assert glue_spark.range(1).count() == 1


FAILING = """
from glue_secure import SecureJob

job = SecureJob.from_argv("source")
job.read.s3(job.args.source, format="csv", bookmark="rows")
{end}
"""


@pytest.mark.parametrize(
    ("end", "error", "outcome"),
    [
        ("job.write.s3(job.spark.range(1), 'file:///tmp/x', format='csv')", RefusedError, "refused"),
        ("raise ValueError('boom')", ValueError, "failed"),
    ],
)
def test_the_evidence_of_a_script_that_fails_is_that_of_its_error(glue_job, script, end, error, outcome):
    glue_job.land("a.csv", "id\n1\n")
    script.write_text(FAILING.replace("{end}", end))
    with pytest.raises(error):
        glue_job.run_script(script)
    (run,) = glue_job.evidence()
    assert (run["outcome"], run["error"]["type"]) == (outcome, error.__name__)
    assert run["bookmark"]["sequence_after"] == 0


CATALOG_SCRIPT = """
import sys
{start}
spark.sql("create table {table} (id int) using parquet location '{location}'")
spark.sql("insert into {table} values (1), (2)")
found = [row.id for row in spark.table("{table}").collect()]
{end}
"""
STARTS = {
    "awsglue": (
        "from awsglue.context import GlueContext\nfrom awsglue.job import Job\n"
        "from pyspark.context import SparkContext\n"
        "context = GlueContext(SparkContext.getOrCreate())\nspark = context.spark_session\n"
        "job = Job(context)\njob.init(sys.argv[sys.argv.index('--JOB_NAME') + 1], {})",
        "job.commit()",
    ),
    "SecureJob": (
        "from glue_secure import SecureJob\njob = SecureJob.from_argv()\njob.__enter__()\nspark = job.spark",
        "job.__exit__(None, None, None)",
    ),
}


@pytest.mark.parametrize("api", STARTS)
def test_a_script_uses_the_data_catalog_in_sql(glue_job, glue_account, glue_spark, script, api):
    glue, database = clients(glue_account)("glue"), glue_job.name.replace("-", "_")
    glue.create_database(DatabaseInput={"Name": database, "LocationUri": glue_job.target})
    start, end = STARTS[api]
    table = f"{database}.orders"
    script.write_text(
        CATALOG_SCRIPT.format(start=start, end=end, table=table, location=f"{glue_job.target}orders/")
    )
    try:
        values = glue_job.run_script(script, enable_glue_datacatalog="true")
        assert sorted(values["found"]) == [1, 2]
        assert glue.get_table(DatabaseName=database, Name="orders")["Table"]["Name"] == "orders"
    finally:
        glue.delete_database(Name=database)
    assert [run["outcome"] for run in glue_job.evidence()] == ["succeeded"]
    # The session of the tests is still the one that scripts get.
    assert SparkSession.builder.getOrCreate() is glue_spark
    assert not glue_spark.catalog.databaseExists(database)
