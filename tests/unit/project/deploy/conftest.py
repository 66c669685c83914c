"""An account in this process: moto with the operations that the embedded account adds."""

import boto3
import pytest

from glue_secure.aws.deployment import DeploymentAccount
from glue_secure.project import gluewheels
from glue_secure.project.deploy import plan
from glue_secure.project.project_file import read_text

REGION = "eu-west-1"
FILE = """
[project]
name = "orders"
[buckets]
artifacts = "acme-artifacts"
evidence = "acme-evidence"
landing = "acme-landing"
[connections.orders-db]
url = "jdbc:postgresql://db.example.org:5432/orders"
[jobs.daily]
script = "jobs/daily.py"
reads = ["landing"]
connections = ["orders-db"]
arguments = { source = "s3://acme-landing/" }
"""


@pytest.fixture
def project():
    return read_text(FILE)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "daily.py").write_text("print('orders')\n")
    return tmp_path


@pytest.fixture(scope="session")
def made_clients():
    """Clients, created once because that is slow. Each test has a new moto account behind them."""
    import moto  # noqa: F401 - it hooks into clients that are created after its import

    words = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": REGION}
    session = boto3.session.Session(**words)
    return {name: session.client(name) for name in ("glue", "kms", "s3", "logs")}


@pytest.fixture
def clients(made_clients, monkeypatch):
    from moto import mock_aws

    from glue_secure.embedded.endpoint import add_missing_operations

    for name in ("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        add_missing_operations()
        yield made_clients


@pytest.fixture
def stack(clients):
    """The resources of the template's stack that a deployment needs."""
    for purpose in ("data", "bookmarks", "logs"):
        made = clients["kms"].create_key(
            KeyUsage="ENCRYPT_DECRYPT", KeySpec="SYMMETRIC_DEFAULT", MultiRegion=False
        )
        clients["kms"].create_alias(
            AliasName=f"alias/orders-{purpose}", TargetKeyId=made["KeyMetadata"]["KeyId"]
        )
    for bucket in ("acme-artifacts", "acme-evidence"):
        clients["s3"].create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    clients["glue"].create_connection(
        ConnectionInput={"Name": "orders-db", "ConnectionType": "JDBC", "ConnectionProperties": {}}
    )


@pytest.fixture
def account(clients):
    selected = {name: clients[name] for name in ("glue", "kms", "s3")}
    return DeploymentAccount(**selected, account="123456789012", region=REGION, partition="aws")


@pytest.fixture
def fetch():
    """Fake wheels in place of downloads."""

    def fake_wheels(version):
        return tuple(
            gluewheels.Wheel(f"{pin.name}-{pin.version}.whl", b"x") for pin in gluewheels.pins(version)
        )

    return fake_wheels


@pytest.fixture
def planned(project, folder, account, fetch):
    """Return a function that plans the deployment of the project."""

    def make():
        return plan(project, folder, account, build=lambda: b"wheel", fetch=fetch)

    return make
