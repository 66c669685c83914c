"""Running the Glue scripts of jobs/glue, and looking at what they left."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from glue_secure.local.clients import clients
from glue_secure.local.foundation import CURATED, LANDING

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "jobs" / "glue"
DATA = ROOT / "tests" / "vectors" / "glue_scripts"
COMMAND = Path(sys.executable).with_name("glue-secure")
PREFIX = "glue_scripts"


@pytest.fixture(scope="session")
def glue_script_data(glue_account, foundation):
    """Every file of the vectors, SSE-KMS, below one prefix of the landing bucket."""
    s3 = clients(glue_account)("s3")
    for file in sorted(DATA.rglob("*")):
        if file.is_file():
            s3.put_object(
                Bucket=LANDING,
                Key=f"{PREFIX}/{file.relative_to(DATA)}",
                Body=file.read_bytes(),
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=foundation.data_key,
            )


@dataclass(frozen=True)
class Ran:
    """One run of a script."""

    output: str
    evidence: dict


class Scripts:
    """Runs scripts as a user does, and looks at what they left."""

    def __init__(self, account, spark, foundation):
        self.account, self.spark, self.foundation = account, spark, foundation
        self.client = clients(account)

    def run(self, script, *, environment=None, **arguments):
        """Run to the end, which must be a good one."""
        words = [word for name, value in arguments.items() for word in (f"--{name}", value)]
        command = [COMMAND, "run", "--state", self.account.state, "--master", "local[2]", SCRIPTS / script]
        ended = subprocess.run(
            [*command, "--JOB_NAME", f"glue_{Path(script).stem}", *words],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert ended.returncode == 0, ended.stdout[-4000:]
        place = re.search(r"evidence: s3://([^/]+)/(\S+)", ended.stdout)
        body = self.client("s3").get_object(Bucket=place[1], Key=place[2])["Body"].read()
        evidence = json.loads(body)
        assert evidence["outcome"] == "succeeded"
        return Ran(ended.stdout, evidence)

    def objects(self, name):
        """Keys below the target; every one of them is SSE-KMS under the data key."""
        s3 = self.client("s3")
        listed = s3.list_objects_v2(Bucket=CURATED, Prefix=f"{PREFIX}/{name}/").get("Contents", ())
        for found in listed:
            head = s3.head_object(Bucket=CURATED, Key=found["Key"])
            seen = (head["ServerSideEncryption"], head["SSEKMSKeyId"])
            assert seen == ("aws:kms", self.foundation.data_key), found["Key"]
        return [found["Key"] for found in listed]

    def read(self, place, format="parquet", **options):
        return self.spark.read.options(**options).format(format).load(place.replace("s3://", "s3a://"))

    def rows(self, place, format="parquet", **options):
        return [row.asDict(recursive=True) for row in self.read(place, format, **options).collect()]

    def table(self, database, name, location, classification, columns=(), partitions=(), **parameters):
        """A catalog table, as a crawler would have left it."""
        glue = self.client("glue")
        if database not in {found["Name"] for found in glue.get_databases()["DatabaseList"]}:
            glue.create_database(DatabaseInput={"Name": database})
        storage = {
            "Location": location,
            "Columns": [{"Name": column, "Type": kind} for column, kind in columns],
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
def scripts(glue_account, glue_spark, foundation, glue_script_data):
    return Scripts(glue_account, glue_spark, foundation)
