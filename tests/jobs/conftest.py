"""Fixtures that run the Glue scripts of jobs/glue and read their results."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from glue_secure.embedded.account_setup import CURATED, LANDING
from glue_secure.embedded.clients import clients
from glue_secure.testing.harness import JobTestHarness

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "jobs" / "glue"
DATA = ROOT / "tests" / "vectors" / "glue_scripts"
COMMAND = Path(sys.executable).with_name("glue-secure")
PREFIX = "glue_scripts"


@pytest.fixture(scope="session")
def glue_script_data(glue_account, provisioned):
    """Upload the vectors with SSE-KMS below one prefix of the landing bucket."""
    s3 = clients(glue_account)("s3")
    for file in sorted(DATA.rglob("*")):
        if file.is_file():
            s3.put_object(
                Bucket=LANDING,
                Key=f"{PREFIX}/{file.relative_to(DATA)}",
                Body=file.read_bytes(),
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=provisioned.data_key,
            )


@dataclass(frozen=True)
class ScriptResult:
    """Output and evidence of a script's run."""

    output: str
    evidence: dict


class Scripts:
    """Runs scripts as a user does, and reads their results."""

    def __init__(self, account, spark, provisioned):
        self.account, self.spark, self.provisioned = account, spark, provisioned
        self.client = clients(account)

    def run(self, script, *, environment=None, **arguments):
        """Run a script with ``glue-secure run``; it must succeed."""
        command = [COMMAND, "run", "--state", self.account.state, "--master", "local[2]"]
        completed = subprocess.run(
            [*command, *self._arguments(script, arguments)],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert completed.returncode == 0, completed.stdout[-4000:]
        match = re.search(r"evidence: s3://([^/]+)/(\S+)", completed.stdout)
        evidence = json.loads(self.client("s3").get_object(Bucket=match[1], Key=match[2])["Body"].read())
        assert evidence["outcome"] == "succeeded"
        return ScriptResult(completed.stdout, evidence)

    def run_here(self, script, **arguments):
        """Run a script in the session of the tests, which saves the start of a JVM."""
        name = f"glue_{Path(script).stem}"
        values = {"job_bookmark_option": "job-bookmark-disable", **arguments}
        harness = JobTestHarness(account=self.account, spark=self.spark, name=name)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            harness.run_script(SCRIPTS / script, **values)
        (evidence,) = harness.evidence()
        assert evidence["outcome"] == "succeeded"
        return ScriptResult(output.getvalue(), evidence)

    @staticmethod
    def _arguments(script, arguments):
        pairs = [text for name, value in arguments.items() for text in (f"--{name}", value)]
        return [SCRIPTS / script, "--JOB_NAME", f"glue_{Path(script).stem}", *pairs]

    def objects(self, name):
        """Return the keys below the target; every object must have SSE-KMS with the data key."""
        s3 = self.client("s3")
        listed = s3.list_objects_v2(Bucket=CURATED, Prefix=f"{PREFIX}/{name}/").get("Contents", ())
        for entry in listed:
            head = s3.head_object(Bucket=CURATED, Key=entry["Key"])
            encryption = (head["ServerSideEncryption"], head["SSEKMSKeyId"])
            assert encryption == ("aws:kms", self.provisioned.data_key), entry["Key"]
        return [entry["Key"] for entry in listed]

    def read(self, location, format="parquet", **options):
        return self.spark.read.options(**options).format(format).load(location.replace("s3://", "s3a://"))

    def rows(self, location, format="parquet", **options):
        return [row.asDict(recursive=True) for row in self.read(location, format, **options).collect()]

    def table(self, database, name, location, classification, columns=(), partitions=(), **parameters):
        """Create a catalog table like a crawler's."""
        glue = self.client("glue")
        if database not in {entry["Name"] for entry in glue.get_databases()["DatabaseList"]}:
            glue.create_database(DatabaseInput={"Name": database})
        storage = {
            "Location": location,
            "Columns": [{"Name": column, "Type": data_type} for column, data_type in columns],
            "SerdeInfo": {"Parameters": parameters.pop("serde", {})},
        }
        glue.create_table(
            DatabaseName=database,
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"classification": classification, **parameters},
                "StorageDescriptor": storage,
                "PartitionKeys": [{"Name": key, "Type": "string"} for key in partitions],
            },
        )
        return storage


@pytest.fixture
def scripts(glue_account, glue_spark, provisioned, glue_script_data):
    return Scripts(glue_account, glue_spark, provisioned)
