"""Prowler's checks of AWS Glue beside the audit, on one embedded account.

Prowler runs as its own program, ``prowler aws --service glue``, in an environment of its own.
AWS_ENDPOINT_URL directs its clients to the embedded account. The variable PROWLER names the folder of
programs of an existing environment.
"""

import base64
import functools
import hashlib
import json
import os
import subprocess
import sys
import warnings
from collections import defaultdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glue_secure.cli import deploy as deploy_command
from glue_secure.cli.app import app
from glue_secure.core.compliance import REQUIREMENTS, mapped_to
from glue_secure.embedded.clients import clients
from glue_secure.embedded.seed import seed_flights
from glue_secure.project import gluewheels, wheel
from glue_secure.testing.plugin import running_account

VERSION = "5.46.0"
INSTALLATION_SECONDS = 2400
pytestmark = [pytest.mark.long, pytest.mark.timeout(INSTALLATION_SECONDS + 1200)]

PROJECT = """
[project]
name = "harbour"
[buckets]
artifacts = "harbour-artifacts"
evidence = "harbour-evidence"
curated = "harbour-curated"
[jobs.harbour_daily]
script = "daily.py"
writes = ["curated"]
arguments = { target = "s3://harbour-curated/daily/" }
"""
SCRIPT = """
from glue_secure import SecureJob

with SecureJob.from_argv("target") as job:
    job.write.s3(job.spark.range(1), job.args.target, format="parquet")
"""
# A scanner of secrets accepts words and examples.
PASSWORD = (
    base64.b64encode(hashlib.sha256(b"password of this test").digest()).decode().strip("=").replace("/", "x")
)
CHECKS = {
    requirement.id
    for requirement in REQUIREMENTS
    if requirement.framework == "prowler" and requirement.id.startswith("glue_")
}
OPEN = {
    "S3Encryption": [{"S3EncryptionMode": "DISABLED"}],
    "CloudWatchEncryption": {"CloudWatchEncryptionMode": "DISABLED"},
    "JobBookmarksEncryption": {"JobBookmarksEncryptionMode": "DISABLED"},
}


@pytest.fixture(scope="module")
def prowler(tmp_path_factory):
    """Return Prowler's program, installed from PyPI unless PROWLER names an environment."""
    if given := os.environ.get("PROWLER"):
        return Path(given, "prowler")
    folder = tmp_path_factory.mktemp("prowler")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", f"prowler=={VERSION}"]
    try:
        done = subprocess.run(pip, capture_output=True, text=True, timeout=INSTALLATION_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.skip(f"pip did not install prowler {VERSION} in {INSTALLATION_SECONDS} seconds")
    if done.returncode:
        pytest.skip(f"pip cannot install prowler {VERSION}: {done.stderr.strip().splitlines()[-1:]}")
    return folder / "bin/prowler"


@pytest.fixture(scope="module")
def account():
    """An account of its own: its keys, buckets, connections and jobs are those of this module alone."""
    with running_account() as running:
        yield running


@pytest.fixture
def findings(prowler, account, tmp_path):
    """Return a function that runs Prowler: check and resource of each finding, by status."""

    def run():
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            [prowler, "aws", "--service", "glue", "--region", account.region, "--no-banner",
             "--output-formats", "json-ocsf", "--output-directory", tmp_path / "output",
             "--output-filename", "found", "--ignore-exit-code-3", "--scan-unused-services"],
            env={**os.environ, "HOME": str(home)}, cwd=tmp_path, capture_output=True, text=True, timeout=900,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        found = defaultdict(set)
        for event in json.loads((tmp_path / "output/found.ocsf.json").read_text()):
            for resource in event["resources"]:
                found[event["status_code"]].add((event["metadata"]["event_code"], resource["name"]))
        return found

    return run


def audited():
    """Return control, and resource and jobs, of each FAIL of the audit."""
    done = CliRunner().invoke(app, ["audit", "--output", "json"])
    assert getattr(done.exception, "exit_code", done.exit_code) == 3, done.output
    report = json.loads(done.stdout)
    return [
        (one["control"], {one["name"], *one["resource"].split(), *one["jobs"]})
        for one in report["findings"]
        if one["verdict"] == "FAIL"
    ]


def test_the_embedded_account_with_the_seeded_job_has_no_finding(account, findings):
    seed_flights(account, months=())
    found = findings()
    assert found["FAIL"] == set()
    checks = {check for check, _ in found["PASS"]}
    # The account has no ML transforms, development endpoints and resource policies.
    absent = ("endpoints", "ml_transform", "publicly_accessible")
    assert checks == {name for name in CHECKS if not any(part in name for part in absent)}


@pytest.fixture
def harbour(account, tmp_path, monkeypatch):
    """Create the stack of a project and deploy its job."""
    (tmp_path / "daily.py").write_text(SCRIPT)
    project = tmp_path / "glue_secure.toml"
    project.write_text(PROJECT)

    def fake_wheels(version):
        pins = gluewheels.pins(version)
        return tuple(gluewheels.Wheel(f"{pin.name}-{pin.version}.whl", b"x") for pin in pins)

    package = wheel.build_wheel()
    plan = functools.partial(deploy_command.plan, fetch=fake_wheels, build=lambda: package)
    monkeypatch.setattr(deploy_command, "plan", plan)

    def command(*words):
        done = CliRunner().invoke(app, list(map(str, words)))
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout

    template = command("template", "cloudformation", "--project", project)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clients(account)("cloudformation").create_stack(
            StackName="harbour", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"]
        )
    command("deploy", "--project", project, "--yes")


@pytest.mark.usefixtures("harbour")
def test_a_provisioned_and_deployed_project_has_no_finding(findings):
    found = findings()
    assert ("glue_etl_jobs_logging_enabled", "harbour_daily") in found["PASS"]
    assert found["FAIL"] == set()


@pytest.fixture
def violations(account):
    """Violate what each of Prowler's checks of AWS Glue reads."""
    glue = clients(account)("glue")
    glue.create_security_configuration(Name="open", EncryptionConfiguration=OPEN)
    role, script = "arn:aws:iam::123456789012:role/glue", "s3://glue-secure-landing/open.py"
    for name, more in (("open", {"SecurityConfiguration": "open"}), ("none", {})):
        glue.create_job(
            Name=f"violating_{name}", Role=role, Command={"Name": "glueetl", "ScriptLocation": script},
            DefaultArguments={"--db_password": PASSWORD},
            **more,
        )  # fmt: skip
        glue.create_dev_endpoint(EndpointName=f"violating_{name}", RoleArn=role, **more)
    glue.create_connection(
        ConnectionInput={
            "Name": "violating",
            "ConnectionType": "JDBC",
            "ConnectionProperties": {
                "JDBC_CONNECTION_URL": f"jdbc:postgresql://db.internal.net/ops?user=etl&password={PASSWORD}",
                "JDBC_ENFORCE_SSL": "false",
            },
        }
    )
    glue.create_ml_transform(
        Name="violating",
        InputRecordTables=[{"DatabaseName": "ops", "TableName": "orders"}],
        Parameters={"TransformType": "FIND_MATCHES"},
        Role=role,
    )
    public = {"Effect": "Allow", "Principal": "*", "Action": "glue:*", "Resource": "*"}
    glue.put_resource_policy(PolicyInJson=json.dumps({"Version": "2012-10-17", "Statement": [public]}))
    glue.put_data_catalog_encryption_settings(
        DataCatalogEncryptionSettings={
            "EncryptionAtRest": {"CatalogEncryptionMode": "DISABLED"},
            "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": False},
        }
    )


@pytest.mark.usefixtures("violations")
def test_where_prowler_fails_the_audit_fails(account, findings):
    transforms = clients(account)("glue").get_ml_transforms()["Transforms"]
    names_of = {transform["TransformId"]: transform["Name"] for transform in transforms}
    failing = {(check, names_of.get(resource, resource)) for check, resource in findings()["FAIL"]}
    assert {check for check, _ in failing} == CHECKS
    own = audited()
    # Prowler names the job or endpoint of a configuration, the audit the configuration.
    missed = {
        (check, resource)
        for check, resource in failing
        if not any(
            control in mapped_to(check) and names & {resource, resource.removeprefix("violating_")}
            for control, names in own
        )
    }
    assert missed == set()
