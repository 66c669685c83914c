"""``--glue-secure-bookmarks portable``: a job of GlueContext in Glue, whose bookmarks glue-secure manages.

Glue's own classes are not to be had here: its ``Job.init`` and ``Job.commit`` are recorded in their place.
Everything else is real, the engine of the awsglue runtime over Spark and the embedded account.
"""

import sys

import pytest

from glue_secure import RefusedError, UsageError
from glue_secure.engines.awsglue import runtime
from glue_secure.run import runtime_selection
from glue_secure.run.runtime_selection import GlueJob

PORTABLE = {"glue_secure_bookmarks": "portable"}


@pytest.fixture
def in_glue(glue_job, glue_spark, monkeypatch):
    """Return a function that starts the process as Glue does, and returns the calls of Glue's own Job."""
    glue_calls = []

    def recorded_glue_job(session, name, arguments, *, tracks_bookmark):
        return GlueJob(
            init=lambda: glue_calls.append(("init", name, arguments.get("job-bookmark-option"))),
            commit=lambda: glue_calls.append(("commit", name, len(glue_job.objects()))),
            tracks_bookmark=False,
        )

    def start(**arguments):
        monkeypatch.setenv("GLUE_SECURE_RUNTIME", "glue")
        monkeypatch.setattr("sys.argv", glue_job.argv(**arguments))
        monkeypatch.setattr(runtime, "glue_job", recorded_glue_job)
        return glue_calls

    return start


def flights(glue_job, glue_spark, *, fails=False):
    """A public-style script: it reads a source by its context, writes, commits."""
    from glue_secure.context import GlueContext
    from glue_secure.job import Job
    from glue_secure.transforms import ApplyMapping
    from glue_secure.utils import getResolvedOptions

    args = getResolvedOptions(sys.argv, ["JOB_NAME", "source", "target"])
    context = GlueContext(glue_spark.sparkContext)
    job = Job(context)
    try:
        job.init(args["JOB_NAME"], args)
        frame = context.create_dynamic_frame.from_options(
            "s3", {"paths": [args["source"]]}, "csv", {"withHeader": True}, transformation_ctx="flights"
        )
        count = frame.count()
        mapped = ApplyMapping.apply(frame=frame, mappings=[("id", "string", "id", "int")])
        context.write_dynamic_frame.from_options(mapped, "s3", {"path": args["target"]}, "parquet")
        if fails:
            raise ZeroDivisionError
        job.commit()
    finally:
        if context.secured_run is not None:
            context.secured_run.close(outcome="test over")
    return count, context


def test_glue_secure_commits_the_bookmark_and_glue_starts_and_ends_the_run(
    glue_job, glue_spark, in_glue, provisioned
):
    from glue_secure.engines.awsglue.engine import GlueEngine

    glue_calls = in_glue(**PORTABLE)
    glue_job.land("a.csv", "id\n1\n2\n")
    count, context = flights(glue_job, glue_spark)
    assert count == 2
    assert isinstance(context.secured_run.engine, GlueEngine)
    assert [word for word, *_ in glue_calls] == ["init", "commit"]
    assert glue_calls[1][2] > 0, "Glue's commit comes after the writes are there and verified"
    assert flights(glue_job, glue_spark)[0] == 0
    glue_job.land("b.csv", "id\n3\n")
    assert flights(glue_job, glue_spark)[0] == 1
    evidence = glue_job.evidence()[-1]
    assert evidence["bookmark"]["sequence_after"] == 2, "a run with nothing new stores nothing"
    seen = {(each["algorithm"], each["key"]) for write in evidence["writes"] for each in write["objects"]}
    assert seen == {("aws:kms", provisioned.data_key)}


def test_a_script_that_fails_before_commit_reads_the_same_again(glue_job, glue_spark, in_glue):
    glue_calls = in_glue(**PORTABLE)
    glue_job.land("a.csv", "id\n1\n")
    with pytest.raises(ZeroDivisionError):
        flights(glue_job, glue_spark, fails=True)
    assert [word for word, *_ in glue_calls] == ["init"], "Glue's Job was committed"
    assert flights(glue_job, glue_spark)[0] == 1


def test_a_table_of_the_catalog_is_read_by_partitions_and_once(
    glue_job, glue_spark, in_glue, provisioned, caplog
):
    """What Glue's own catalog source cannot be asked for: single objects of a table."""
    from glue_secure.context import GlueContext
    from glue_secure.embedded.clients import clients
    from glue_secure.job import Job

    in_glue(**PORTABLE)
    folder = glue_job.source + "table/"
    glue_job.land("table/month=1/a.csv", "1,x\n")
    glue_job.land("table/month=2/b.csv", "2,y\n3,z\n")
    glue, name = clients(glue_job.account)("glue"), glue_job.name.replace("-", "_")
    columns = [{"Name": "id", "Type": "int"}, {"Name": "word", "Type": "string"}]
    storage = {
        "Columns": columns,
        "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde"},
    }
    if not any(one["Name"] == "portable" for one in glue.get_databases()["DatabaseList"]):
        glue.create_database(DatabaseInput={"Name": "portable"})
    table = {
        "Name": name,
        "PartitionKeys": [{"Name": "month", "Type": "string"}],
        "Parameters": {"classification": "csv"},
        "StorageDescriptor": {**storage, "Location": folder},
    }
    glue.create_table(DatabaseName="portable", TableInput=table)
    for month in ("1", "2"):
        part = {"Values": [month], "StorageDescriptor": {**storage, "Location": f"{folder}month={month}/"}}
        glue.create_partition(DatabaseName="portable", TableName=name, PartitionInput=part)

    def run(predicate="", bookmark="t"):
        context = GlueContext(glue_spark.sparkContext)
        job = Job(context)
        try:
            job.init(glue_job.name, {})
            frame = context.create_dynamic_frame.from_catalog(
                "portable", name, transformation_ctx=bookmark, push_down_predicate=predicate
            )
            rows = sorted(row.asDict()["month"] for row in frame.toDF().collect())
            job.commit()
        finally:
            context.secured_run.close(outcome="test over")
        return rows

    caplog.set_level("INFO")
    assert run("month = '2'") == ["2", "2"]
    assert f"push_down_predicate: 1 of 2 partitions of portable.{name} are listed" in caplog.text
    assert run("month = '2'") == []
    assert run(bookmark="all") == ["1", "2", "2"], "each row has the value of its own partition"
    glue_job.land("table/month=1/c.csv", "4,w\n")
    assert run(bookmark="all") == ["1"]
    assert run() == ["1", "1"], "what the predicate left out, and is in the bookmark's window still"


@pytest.mark.parametrize("arguments", [{}, {"glue_secure_bookmarks": "native"}])
def test_without_the_argument_the_job_uses_glues_context_and_bookmarks(in_glue, arguments):
    import glue_secure.context
    from glue_secure.engines.awsglue.context import GlueContext

    in_glue(**arguments)
    assert runtime_selection.api_runtime() == runtime_selection.GLUE
    assert glue_secure.context.GlueContext is GlueContext


def test_another_value_is_rejected_when_the_api_is_imported(in_glue):
    in_glue(glue_secure_bookmarks="portabel")
    with pytest.raises(UsageError, match="portable, or native"):
        import glue_secure.context

        glue_secure.context.GlueContext  # noqa: B018


def test_glues_own_bookmarks_are_rejected_in_plain_spark(glue_job):
    with pytest.raises(UsageError, match="portable, or no such argument"):
        glue_job.job("source", glue_secure_bookmarks="native")
    with glue_job.job("source", **PORTABLE):
        pass


def test_the_argument_must_belong_to_the_job_not_to_the_script(in_glue, monkeypatch):
    from glue_secure.engines.awsglue import job as module

    in_glue()
    job = module.Job.__new__(module.Job)
    job._run, job._glue_context = None, None
    with pytest.raises(UsageError, match=r"passed to job\.init"):
        job.init("curate", {"glue_secure_bookmarks": "portable"})


def test_the_preflight_comes_before_glues_job_init(glue_job, glue_spark, in_glue):
    glue_calls = in_glue(**PORTABLE, SECURITY_CONFIGURATION="nowhere")
    with pytest.raises(RefusedError):
        flights(glue_job, glue_spark)
    assert glue_calls == []


def test_portable_bookmarks_need_a_location(glue_job, glue_spark, in_glue, monkeypatch):
    glue_calls = in_glue(**PORTABLE)
    monkeypatch.delenv("GLUE_SECURE_BOOKMARK_URI", raising=False)
    at = sys.argv.index("--glue-secure-bookmark-uri")
    monkeypatch.setattr("sys.argv", [*sys.argv[:at], *sys.argv[at + 2 :]])
    with pytest.raises(UsageError, match="glue-secure-bookmark-uri"):
        flights(glue_job, glue_spark)
    assert [word for word, *_ in glue_calls] != ["init", "commit"]
