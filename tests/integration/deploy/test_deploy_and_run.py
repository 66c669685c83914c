"""From a project file to a stack, a deployed job, a preflight and a run, in the embedded account.

The embedded account creates the keys, buckets with their policies, roles and log groups of the stack, but no
Glue types; the deployment creates the configuration and the job. moto's StartJobRun executes no job and
reports SUCCEEDED, which ``run --remote`` treats as unverified without evidence. The local engine then runs
the deployed script with the configuration and arguments of the deployed job.
"""

import functools
import json
import warnings

import pytest
from typer.testing import CliRunner

from glue_secure.cli import deploy as deploy_command
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
    def fake_wheels(version):
        pins = gluewheels.pins(version)
        return tuple(gluewheels.Wheel(f"{pin.name}-{pin.version}.whl", b"x") for pin in pins)

    package_wheel = wheel.build_wheel()
    # tests/integration/packaging downloads the locked wheels.
    monkeypatch.setattr(
        deploy_command,
        "plan",
        functools.partial(deploy_command.plan, fetch=fake_wheels, build=lambda: package_wheel),
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


@pytest.mark.usefixtures("provisioned")
def test_from_the_project_file_to_a_run_and_its_evidence(glue_account, command, project, tmp_path):
    glue, s3 = clients(glue_account)("glue"), clients(glue_account)("s3")
    make_stack(glue_account, command("template", "cloudformation", "--project", project).stdout)

    shown = command("deploy", "--project", project, "--plan").stdout
    assert f"+ create job {JOB}" in shown
    assert JOB not in glue.list_jobs()["JobNames"]
    unconfirmed = command("deploy", "--project", project, code=2)
    assert "add --yes" in str(unconfirmed.exception)
    done = json.loads(command("deploy", JOB, "--project", project, "--yes", "--json").stdout)
    assert done["applied"] is True
    assert "embedded" in done["account"]
    assert command("deploy", "--project", project).stdout.endswith("no changes\n")

    checked = json.loads(command("preflight", "--job-name", JOB, "--json").stdout)
    assert checked["passed"] is True
    assert {finding["verdict"] for finding in checked["findings"]} == {"PASS"}
    assert {"GS-DEP-004", "GS-DEP-005"} <= {finding["control"] for finding in checked["findings"]}

    unverified = command("run", "--remote", JOB, code=4)
    assert isinstance(unverified.exception, VerificationError)
    assert unverified.exception.control == "GS-EVD-001"

    deployed = glue.get_job(JobName=JOB)["Job"]["Command"]["ScriptLocation"]
    local = tmp_path / "fetched.py"
    local.write_bytes(
        s3.get_object(Bucket="wayside-artifacts", Key=deployed.partition("artifacts/")[2])["Body"].read()
    )
    submission = launch.prepare(glue_account, local, ["--JOB_NAME", JOB])
    ran = launch.run(submission, stdout=-1, stderr=-1)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    followed = json.loads(command("run", "--remote", "--follow", submission.run_id, "--json", JOB).stdout)
    evidence = followed["evidence"]["document"]
    assert evidence["outcome"] == "succeeded"
    assert evidence["security_configuration"] == "wayside-strict"
    assert followed["evidence"]["encryption"].startswith("aws:kms arn:")
    assert (
        "written          s3://wayside-curated/daily"
        in command("run", "--remote", "--follow", submission.run_id, JOB).stdout
    )

    # A script replaced by another caller has the bucket's default encryption, but no checksum to verify.
    s3.put_object(Bucket="wayside-artifacts", Key=f"scripts/{JOB}.py", Body=b"print('theirs')\n")
    findings = json.loads(command("preflight", "--job-name", JOB, "--json", code=4).stdout)["findings"]
    assert [
        (finding["control"], finding["verdict"]) for finding in findings if finding["verdict"] != "PASS"
    ] == [("GS-DEP-004", "UNKNOWN")]
    assert "1 to change" in command("deploy", "--project", project, "--plan").stdout
    command("deploy", "--project", project, "--yes")
    assert "0 FAIL, 0 UNKNOWN" in command("preflight", "--job-name", JOB).stdout


@pytest.mark.usefixtures("glue_account")
def test_an_unavailable_account_stops_the_deployment(command, project, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:1")
    assert isinstance(command("deploy", "--project", project, "--yes", code=3).exception, RefusedError)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://localhost:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    stopped = command("deploy", "--project", project, "--yes", code=4)
    assert isinstance(stopped.exception, VerificationError)
