"""From a project file to a stack, a deployed job, a preflight and a run, in the embedded account.

The embedded account creates the keys, buckets with their policies, roles and log groups of the stack, but no
Glue types; the deployment creates the configuration and the job. moto's StartJobRun executes no job and
reports SUCCEEDED, which ``run --remote`` treats as unverified without evidence. The local engine then runs
the deployed script with the configuration and arguments of the deployed job. The calls of that run are
recorded, and the policies of the generated documents must allow each of them.
"""

import functools
import json
import warnings
from dataclasses import replace

import pytest
from generated_documents import ACCOUNT, REGION, GeneratedAccess, arn, of_cloudformation, role
from request_recorder import RequestRecorder
from typer.testing import CliRunner

from glue_secure.cli import deploy as deploy_command
from glue_secure.cli.app import app
from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.embedded import launch
from glue_secure.embedded.clients import clients
from glue_secure.project import gluewheels, wheel
from glue_secure.project.project_file import read_text
from glue_secure.project.templates import cloudformation

JOB = "wayside_daily"
# The fixture ``sources`` replaces these by what it creates.
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
URL = "jdbc:postgresql://localhost:5432/rates"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:rates-AbCdEf"
FILE = f"""
[project]
name = "wayside"
[buckets]
artifacts = "wayside-artifacts"
evidence = "wayside-evidence"
curated = "wayside-curated"
[buckets.landing]
name = "wayside-landing"
existing = true
key = "{KEY}"
[connections.wayside-rates]
url = "{URL}"
certificate = "s3://glue-secure-landing/certificates/wayside-rates.pem"
secret = "{SECRET}"
[jobs.{JOB}]
script = "daily.py"
reads = ["landing"]
writes = ["curated"]
connections = ["wayside-rates"]
modules = ["conversion.py"]
arguments = {{ source = "s3://wayside-landing/daily/", target = "s3://wayside-curated/daily/" }}
"""
SCRIPT = """
from conversion import in_euros
from glue_secure import SecureJob

with SecureJob.from_argv("source", "target") as job:
    orders = job.read.s3(job.args.source, format="json", bookmark="orders")
    rates = job.read.jdbc(connection="wayside-rates", table="rates")
    job.write.s3(in_euros(orders, rates), job.args.target, format="parquet")
"""
CONVERSION = """
def in_euros(orders, rates):
    return orders.join(rates, "currency").selectExpr("id", "amount * rate AS euros")
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "daily.py").write_text(SCRIPT)
    (tmp_path / "conversion.py").write_text(CONVERSION)
    (tmp_path / "glue_secure.toml").write_text(FILE)
    return tmp_path / "glue_secure.toml"


@pytest.fixture
def sources(glue_account, provisioned, project):
    """Create the bucket and the database that the project reads, and name them in its file."""
    client = clients(glue_account)
    client("s3").create_bucket(Bucket="wayside-landing")
    client("s3").put_object(
        Bucket="wayside-landing",
        Key="daily/1.json",
        Body=b'{"id": 1, "amount": 2.0, "currency": "CHF"}\n',
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=provisioned.data_key,
    )
    database = glue_account.connection("wayside-rates")
    database.execute("CREATE TABLE rates (currency text, rate double precision)")
    database.execute("INSERT INTO rates VALUES ('CHF', 1.05)")
    found = client("glue").get_connection(Name="wayside-rates")["Connection"]["ConnectionProperties"]
    secret = client("secretsmanager").describe_secret(SecretId=found["SECRET_ID"])
    text = FILE.replace(KEY, provisioned.data_key).replace(URL, database.url)
    project.write_text(text.replace(SECRET, secret["ARN"]))


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


@pytest.fixture
def recorder(glue_account):
    made = RequestRecorder(glue_account)
    yield made
    made.close()


@pytest.mark.usefixtures("sources")
def test_from_the_project_file_to_a_run_and_its_evidence(glue_account, command, project, tmp_path, recorder):
    glue, s3 = clients(glue_account)("glue"), clients(glue_account)("s3")
    make_stack(glue_account, command("template", "cloudformation", "--project", project).stdout)

    shown = command("deploy", "--project", project, "--plan", code=3).stdout
    assert f"+ create job {JOB}" in shown
    assert JOB not in glue.list_jobs()["JobNames"]
    unconfirmed = command("deploy", "--project", project, code=2)
    assert "add --yes" in str(unconfirmed.exception)
    done = json.loads(command("deploy", JOB, "--project", project, "--yes", "--json").stdout)
    assert done["applied"] is True
    assert "embedded" in done["account"]
    assert command("deploy", "--project", project).stdout.endswith("no changes\n")
    unchanged = json.loads(command("deploy", "--project", project, "--plan", "--json").stdout)
    assert {change["action"] for change in unchanged["changes"]} == {"keep"}

    checked = json.loads(command("preflight", "--job-name", JOB, "--json").stdout)
    assert checked["passed"] is True
    assert {finding["verdict"] for finding in checked["findings"]} == {"PASS"}
    assert {"GS-DEP-004", "GS-DEP-005"} <= {finding["control"] for finding in checked["findings"]}

    unverified = command("run", "--remote", JOB, code=4)
    assert isinstance(unverified.exception, VerificationError)
    assert unverified.exception.control == "GS-EVD-001"
    # moto does not keep the session policy of a run.
    (tmp_path / "run.json").write_text('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}')
    limited = command("run", "--remote", "--session-policy", tmp_path / "run.json", JOB, code=4)
    assert limited.exception.control == "GS-DEP-007"

    deployed = glue.get_job(JobName=JOB)["Job"]["Command"]["ScriptLocation"]
    local = tmp_path / "fetched.py"
    local.write_bytes(
        s3.get_object(Bucket="wayside-artifacts", Key=deployed.partition("artifacts/")[2])["Body"].read()
    )
    submission = launch.prepare(glue_account, local, ["--JOB_NAME", JOB])
    ran = launch.run(through(recorder, submission), stdout=-1, stderr=-1)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    assert_the_role_suffices(recorder.calls, glue_account, project)
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
    assert "1 to change" in command("deploy", "--project", project, "--plan", code=3).stdout
    command("deploy", "--project", project, "--yes")
    assert "0 FAIL, 0 UNKNOWN" in command("preflight", "--job-name", JOB).stdout


def through(recorder, submission):
    """Return the submission with the recorder as the endpoint of boto3 and S3A."""
    program, *words = submission.command
    conf = ("--conf", f"spark.hadoop.fs.s3a.endpoint={recorder.url}")
    environment = {**submission.environment, "AWS_ENDPOINT_URL": recorder.url}
    return replace(submission, command=(program, *conf, *words), environment=environment)


# What a role may do and this run did not: Glue itself writes logs and metrics, S3A aborts an upload after an
# error only, and preflight reads the job.
NOT_CALLED = {
    "cloudwatch:PutMetricData", "glue:GetJob", "logs:AssociateKmsKey", "logs:CreateLogGroup",
    "logs:CreateLogStream", "logs:PutLogEvents", "s3:AbortMultipartUpload",
}  # fmt: skip


def assert_the_role_suffices(calls, account, project):
    """Require that the generated policies allow each call, and that the role has few actions beyond them."""
    client = clients(account)
    # The documents name a key by its alias and have another account and region.
    names = {account.region: REGION, account.account_id: ACCOUNT}
    for alias in client("kms").list_aliases()["Aliases"]:
        if alias["AliasName"].startswith("alias/wayside-"):
            names[alias["TargetKeyId"]] = names[alias["AliasName"]] = alias["AliasName"].partition("/")[2]
    # The stack's settings of the Data Catalog, which moto does not create, would have the stack's key.
    settings = client("glue").get_data_catalog_encryption_settings()["DataCatalogEncryptionSettings"]
    catalog_key = settings["EncryptionAtRest"]["SseAwsKmsKeyId"].rpartition("/")[2]
    names[catalog_key] = "wayside-catalog"
    secret = client("secretsmanager").describe_secret(SecretId="glue-secure/wayside-rates")

    def named(text):
        text = secret["ARN"] if text == secret["Name"] else text  # the catalog's connection has its name
        for name, value in names.items():
            text = text.replace(name, value)
        return text

    documents = of_cloudformation(cloudformation(read_text(named(project.read_text()))))
    access = GeneratedAccess(documents)
    caller, identity = role(f"wayside-{JOB}"), [f"role wayside-{JOB}"]
    denied = []
    for call in calls:
        resource = named(call.resource)
        if call.action.startswith("kms:") and not resource.startswith("arn:"):
            resource = arn("kms", f"key/{resource}")
        context = {key: (named(value),) for key, value in call.context}
        if call.action != "sts:GetCallerIdentity" and not access.allows(  # which needs no permission
            caller, identity, call.action, resource, context
        ):
            denied.append((call.action, resource, context))
    assert denied == []
    called = {call.action for call in calls}
    assert {"kms:Sign", "s3:DeleteObject", "secretsmanager:GetSecretValue", "glue:GetConnection"} <= called
    (document,) = documents[identity[0]]
    allowed = {action for statement in document["Statement"] for action in statement["Action"]}
    assert allowed - called == NOT_CALLED


@pytest.mark.usefixtures("glue_account")
def test_an_unavailable_account_stops_the_deployment(command, project, monkeypatch):
    monkeypatch.delenv("GLUE_SECURE_LOCAL_STATE", raising=False)  # which selects the embedded account
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:1")
    assert isinstance(command("deploy", "--project", project, "--yes", code=3).exception, RefusedError)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://localhost:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    stopped = command("deploy", "--project", project, "--yes", code=4)
    assert isinstance(stopped.exception, VerificationError)
