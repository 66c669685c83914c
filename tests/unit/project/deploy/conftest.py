"""An account in this process: moto, with the operations that the embedded account adds."""

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
    """Made once: that is what takes time. They see moto's account of the test, made anew for each."""
    import moto  # noqa: F401 - it hooks into clients that are made after its import

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
    """What the template's stack would have made, as far as deploying looks at it."""
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
    mine = {name: clients[name] for name in ("glue", "kms", "s3")}
    return DeploymentAccount(**mine, account="123456789012", region=REGION, partition="aws")


@pytest.fixture
def fetch():
    """Wheels of one's own for the locked ones."""

    def stand_ins(version):
        return tuple(
            gluewheels.Wheel(f"{pin.name}-{pin.version}.whl", b"x") for pin in gluewheels.pins(version)
        )

    return stand_ins


@pytest.fixture
def planned(project, folder, account, fetch):
    """Makes a plan of the project as it is now."""

    def make():
        return plan(project, folder, account, build=lambda: b"wheel", fetch=fetch)

    return make
