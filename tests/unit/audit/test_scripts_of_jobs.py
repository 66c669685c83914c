"""The scripts of jobs: every finding of the static check, and no pass for what was not checked."""

from __future__ import annotations

import pytest
from audited_estates import audit, corrected, script
from recorded_account import RecordedAccount

from glue_secure.core.findings import Verdict

GUARD = "import glue_secure.as_awsglue\n"


def findings(text=None, **job):
    estate = corrected()
    estate["GetJobs"][0] |= job
    if text is not None:
        estate["GetObject"] = {"scripts/etl.py": script(text)}
    return [one for one in audit(RecordedAccount(estate)) if one.control.id == "GS-JOB-003"]


def test_every_finding_has_its_place_rule_and_control():
    text = (
        GUARD
        + "import boto3\nc = boto3.client('s3', verify=False)\nconf.set('spark.authenticate', 'false')\n"
    )
    first, second = findings(text)
    assert {first.verdict, second.verdict} == {Verdict.FAIL}
    assert first.finding.resource == "script s3://scripts/etl.py:3:5"
    assert first.finding.found == "aws-client-tls (GS-S3-002): boto3.client() with verify false"
    assert second.finding.found == "worker-encryption (GS-SPK-001): spark.authenticate false"
    assert first.jobs == ("etl",)
    assert first.uid != second.uid


def test_a_script_of_awsglue_without_the_guard_fails():
    (found,) = findings("from awsglue.context import GlueContext\nGlueContext(1)\n")
    assert found.verdict is Verdict.FAIL
    assert "guard-missing (GS-SEC-010)" in found.finding.found


def test_findings_that_a_comment_accepts_fail():
    text = "import boto3\nc = boto3.client('s3', verify=False)  # glue-secure: allow aws-client-tls a test\n"
    (found,) = findings(GUARD + text)
    assert found.verdict is Verdict.FAIL
    assert found.finding.found.endswith("; a comment accepts it, which an audit does not")


def test_notes_pass():
    (found,) = findings(GUARD + "from glue_secure.job import Job\njob = Job(context)\njob.init('etl', {})\n")
    assert found.verdict is Verdict.PASS


UNGUARDED = "from awsglue.context import GlueContext\nGlueContext(1)\n"


@pytest.mark.parametrize("name", ["test_load.py", "load_test.py", "conftest.py"])
def test_a_script_that_has_the_name_of_a_test_is_checked(name):
    estate = corrected()
    estate["GetJobs"][0]["Command"]["ScriptLocation"] = f"s3://scripts/{name}"
    estate["GetObject"] = {f"scripts/{name}": script(UNGUARDED)}
    (found,) = (one for one in audit(RecordedAccount(estate)) if one.control.id == "GS-JOB-003")
    assert found.verdict is Verdict.FAIL
    assert "guard-missing (GS-SEC-010)" in found.finding.found


def named(argument, **places):
    """Return the findings, and the verdict of GS-BKT-005, of an estate with another script in an argument."""
    estate = corrected()
    estate["GetObject"]["other/etl.py"] = script(UNGUARDED)
    for member, place in places.items():
        place(estate).setdefault(member, {})[argument] = "s3://other/etl.py"
    found = audit(RecordedAccount(estate))
    owners = {one.verdict for one in found if str(one.resource) == "bucket other"} & {Verdict.FAIL}
    return [one for one in found if one.control.id == "GS-JOB-003"], owners


@pytest.mark.parametrize("member", ["DefaultArguments", "NonOverridableArguments"])
@pytest.mark.parametrize("argument", ["--scriptLocation", "scriptLocation"])
def test_the_argument_with_a_script_overrides_the_location_of_the_command(member, argument):
    (found,), owners = named(argument, **{member: lambda estate: estate["GetJobs"][0]})
    assert (found.verdict, str(found.resource)) == (Verdict.FAIL, "job etl")
    assert "script s3://other/etl.py" in found.finding.resource
    assert owners


@pytest.mark.parametrize(
    ("place", "resource"),
    [
        (lambda estate: estate["GetJobRuns"]["etl"][0], "runs of job etl"),
        (lambda estate: estate["GetTriggers"][0]["Actions"][0], "trigger nightly of etl"),
    ],
)
def test_scripts_of_runs_and_triggers_are_checked(place, resource):
    found, owners = named("--scriptLocation", Arguments=place)
    assert {(str(one.resource), one.verdict) for one in found} == {
        ("job etl", Verdict.PASS),
        (resource, Verdict.FAIL),
    }
    assert owners


@pytest.mark.parametrize("text", ["", "x = 1\n", "def main():\n    pass\n", "import numpy\nnumpy.sum([1])\n"])
def test_a_script_of_a_spark_job_that_does_not_import_the_guard_fails(text):
    (found,) = findings(text)
    assert found.verdict is Verdict.FAIL
    assert found.finding.found == "guard-missing (GS-SEC-007): no import of glue-secure"


def test_a_python_shell_job_without_spark_needs_no_guard():
    command = {"Name": "pythonshell", "ScriptLocation": "s3://scripts/etl.py", "PythonVersion": "3.9"}
    (found,) = findings("print('x')\n", Command=command)
    assert found.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("import ours\nours.run()\n", Verdict.UNKNOWN),
        ("import ours\nfrom awsglue.job import Job\nJob(1)\n", Verdict.UNKNOWN),
        ("import json\nfrom awsglue.job import Job\nJob(1)\n", Verdict.FAIL),
        ("import json\n", Verdict.FAIL),
    ],
)
def test_a_guard_that_a_module_of_the_job_may_import_is_unknown(text, verdict):
    found = findings(text, DefaultArguments={"--extra-py-files": "s3://scripts/ours.zip"})
    assert [one.verdict for one in found if "guard-missing" in one.finding.found] == [verdict]


def test_the_ids_of_findings_do_not_change_with_lines():
    text = "import boto3\nc = boto3.client('s3', verify=False)\nd = boto3.client('s3', verify=False)\n"
    first = findings(GUARD + text)
    assert len({one.uid for one in first}) == 2
    assert [one.uid for one in findings(GUARD + "\n\n" + text)] == [one.uid for one in first]


@pytest.mark.parametrize(
    ("text", "job", "found"),
    [
        ("print 'x'\n", {}, "unreadable"),
        (GUARD + "exec(text())\n", {}, "dynamic-code"),
        (None, {"DefaultArguments": {"--job-language": "scala"}}, "a Scala script"),
        (None, {"Command": {"Name": "glueetl", "ScriptLocation": "s3://scripts/other.py"}}, "no such object"),
        (None, {"Command": {"Name": "glueetl", "ScriptLocation": "script.py"}}, "no location in S3"),
        (None, {"Command": {"Name": "glueetl"}}, "no location in S3"),
    ],
)
def test_what_cannot_be_checked_is_unknown(text, job, found):
    (only,) = findings(text, **job)
    assert only.verdict is Verdict.UNKNOWN
    assert found in only.finding.found


def test_a_script_of_several_jobs_is_read_once():
    estate = corrected()
    estate["GetJobs"] = [estate["GetJobs"][0], {**estate["GetJobs"][0], "Name": "second"}]
    account = RecordedAccount(estate)
    found = [one for one in audit(account) if one.control.id == "GS-JOB-003"]
    assert [one.resource.name for one in found] == ["etl", "second"]
    assert account.calls["s3.GetObject"] == 1
