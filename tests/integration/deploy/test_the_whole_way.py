"""A project's file becomes a stack, a deployed job, a preflight, and a run, in the embedded account.

What this shows and what not: moto makes of the stack keys, buckets, roles and log groups, but none of
Glue's types; deploying makes the configuration and the job. moto's StartJobRun executes nothing and says
SUCCEEDED, which ``run --remote`` does not believe without evidence. The deployed script is then run by the
local engine, fetched from where it was deployed, under the deployed job's own configuration and arguments.
"""

import functools
import json
import warnings

import pytest
from typer.testing import CliRunner

from glue_secure.cli import deploy as deploy_page
from glue_secure.cli.app import app
from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.embedded import launch
from glue_secure.embedded.clients import clients
from glue_secure.project import gluewheels, wheel

JOB = "wayside_daily"
FILE = f"""
[project]
name = "wayside"
[buckets]
artifacts = "wayside-artifacts"
evidence = "wayside-evidence"
curated = "wayside-curated"
[jobs.{JOB}]
script = "daily.py"
writes = ["curated"]
arguments = {{ target = "s3://wayside-curated/daily/" }}
"""
SCRIPT = """
from glue_secure import SecureJob

with SecureJob.from_argv("target") as job:
    job.write.s3(job.spark.range(3), job.args.target, format="parquet")
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "daily.py").write_text(SCRIPT)
    (tmp_path / "glue_secure.toml").write_text(FILE)
    return tmp_path / "glue_secure.toml"


@pytest.fixture
def command(monkeypatch):
    def stand_ins(version):
        pins = gluewheels.pins(version)
        return tuple(gluewheels.Wheel(f"{pin.name}-{pin.version}.whl", b"x") for pin in pins)

    own = wheel.build_wheel()
    # The locked wheels are fetched and resolved in tests/integration/packaging.
    monkeypatch.setattr(
        deploy_page, "plan", functools.partial(deploy_page.plan, fetch=stand_ins, build=lambda: own)
    )

    def run(*words, code=0):
        done = CliRunner().invoke(app, list(map(str, words)))
        seen = getattr(done.exception, "exit_code", done.exit_code)
        assert seen == code, (done.output, done.exception)
        return done

    return run


def make_stack(account, template):
    client = clients(account)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client("cloudformation").create_stack(
            StackName="wayside", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"]
        )
    stack = client("cloudformation").describe_stacks(StackName="wayside")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    # moto takes every Deny of a bucket policy for unconditional, and cannot show a key whose policy it has
    # as a template gave it. That both are right is for tests/unit/project/templates.
    for name in ("artifacts", "evidence", "curated"):
        client("s3").delete_bucket_policy(Bucket=f"wayside-{name}")
    for one in client("kms").list_aliases()["Aliases"]:
        if one["AliasName"].startswith("alias/wayside-"):
            client("kms").put_key_policy(KeyId=one["TargetKeyId"], PolicyName="default", Policy="{}")


@pytest.mark.usefixtures("provisioned")
def test_from_the_projects_file_to_a_run_and_its_evidence(glue_account, command, project, tmp_path):
    glue, s3 = clients(glue_account)("glue"), clients(glue_account)("s3")
    make_stack(glue_account, command("template", "cloudformation", "--project", project).stdout)

    shown = command("deploy", "--project", project, "--plan").stdout
    assert f"+ create job {JOB}" in shown
    assert JOB not in glue.list_jobs()["JobNames"]
    asked = command("deploy", "--project", project, code=2)
    assert "no --yes" in str(asked.exception)
    done = json.loads(command("deploy", JOB, "--project", project, "--yes", "--json").stdout)
    assert done["applied"] is True
    assert "embedded" in done["account"]
    assert command("deploy", "--project", project).stdout.endswith("no changes\n")

    # moto leaves the key out of a template's log groups; preflight finds that.
    lost = json.loads(command("preflight", "--job-name", JOB, "--json", code=3).stdout)["findings"]
    groups = [one["resource"] for one in lost if one["verdict"] != "PASS"]
    assert {one["control"] for one in lost if one["verdict"] != "PASS"} == {"GS-DEP-005"}
    assert len(groups) == 3
    logs_key = glue.get_security_configuration(Name="wayside-strict")["SecurityConfiguration"][
        "EncryptionConfiguration"
    ]["CloudWatchEncryption"]["KmsKeyArn"]
    for group in groups:
        clients(glue_account)("logs").delete_log_group(logGroupName=group)
        clients(glue_account)("logs").create_log_group(logGroupName=group, kmsKeyId=logs_key)
    held = json.loads(command("preflight", "--job-name", JOB, "--json").stdout)
    assert held["holds"] is True
    assert {one["verdict"] for one in held["findings"]} == {"PASS"}
    assert {"GS-DEP-004", "GS-DEP-005"} <= {one["control"] for one in held["findings"]}

    unbelieved = command("run", "--remote", JOB, code=4)
    assert isinstance(unbelieved.exception, VerificationError)
    assert unbelieved.exception.control == "GS-EVD-001"

    deployed = glue.get_job(JobName=JOB)["Job"]["Command"]["ScriptLocation"]
    local = tmp_path / "fetched.py"
    local.write_bytes(
        s3.get_object(Bucket="wayside-artifacts", Key=deployed.partition("artifacts/")[2])["Body"].read()
    )
    submission = launch.prepare(glue_account, local, ["--JOB_NAME", JOB])
    ran = launch.run(submission, stdout=-1, stderr=-1)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    told = json.loads(command("run", "--remote", "--follow", submission.run_id, "--json", JOB).stdout)
    evidence = told["evidence"]["document"]
    assert evidence["outcome"] == "succeeded"
    assert evidence["security_configuration"] == "wayside-strict"
    assert told["evidence"]["encryption"].startswith("aws:kms arn:")
    assert (
        "written          s3://wayside-curated/daily"
        in command("run", "--remote", "--follow", submission.run_id, JOB).stdout
    )

    # Somebody replaces the script. The bucket's default encrypts it; that nobody vouches for its bytes shows.
    s3.put_object(Bucket="wayside-artifacts", Key=f"scripts/{JOB}.py", Body=b"print('theirs')\n")
    weak = json.loads(command("preflight", "--job-name", JOB, "--json", code=4).stdout)["findings"]
    assert [(one["control"], one["verdict"]) for one in weak if one["verdict"] != "PASS"] == [
        ("GS-DEP-004", "UNKNOWN")
    ]
    assert "1 to change" in command("deploy", "--project", project, "--plan").stdout
    command("deploy", "--project", project, "--yes")
    assert "0 FAIL, 0 UNKNOWN" in command("preflight", "--job-name", JOB).stdout


@pytest.mark.usefixtures("glue_account")
def test_an_account_that_does_not_answer_stops_before_anything(command, project, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:1")
    assert isinstance(command("deploy", "--project", project, "--yes", code=3).exception, RefusedError)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://localhost:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    stopped = command("deploy", "--project", project, "--yes", code=4)
    assert isinstance(stopped.exception, VerificationError)
