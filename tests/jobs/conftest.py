"""Running the Glue scripts of jobs/glue, and looking at what they left."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import runpy
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from glue_secure.embedded import seed
from glue_secure.embedded.account_setup import BOOKMARKS_URI, CURATED, EVIDENCE, EVIDENCE_URI, LANDING
from glue_secure.embedded.clients import clients

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "jobs" / "glue"
DATA = ROOT / "tests" / "vectors" / "glue_scripts"
COMMAND = Path(sys.executable).with_name("glue-secure")
PREFIX = "glue_scripts"


@pytest.fixture(scope="session")
def glue_script_data(glue_account, provisioned):
    """Every file of the vectors, SSE-KMS, below one prefix of the landing bucket."""
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
class Ran:
    """One run of a script."""

    output: str
    evidence: dict


class Scripts:
    """Runs scripts as a user does, and looks at what they left."""

    def __init__(self, account, spark, provisioned):
        self.account, self.spark, self.provisioned = account, spark, provisioned
        self.client = clients(account)

    def run(self, script, *, environment=None, **arguments):
        """Run to the end in a process of its own, as a user does; it must be a good one."""
        command = [COMMAND, "run", "--state", self.account.state, "--master", "local[2]"]
        ended = subprocess.run(
            [*command, *self._words(script, arguments)],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert ended.returncode == 0, ended.stdout[-4000:]
        place = re.search(r"evidence: s3://([^/]+)/(\S+)", ended.stdout)
        return self._judged(ended.stdout, place[1], place[2])

    def run_here(self, script, **arguments):
        """The same on the session of the tests, which saves the start of a JVM."""
        words = self._words(script, arguments)
        places = ["--glue-secure-bookmark-uri", BOOKMARKS_URI, "--glue-secure-evidence-uri", EVIDENCE_URI]
        seed.ensure_job(self.account, words[2])
        output = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output):
            patch.setattr("sys.argv", [str(word) for word in [*words, *places]])
            runpy.run_path(str(words[0]), run_name="__main__")
        prefix = f"evidence/job={words[2]}/"
        (found,) = self.client("s3").list_objects_v2(Bucket=EVIDENCE, Prefix=prefix)["Contents"]
        return self._judged(output.getvalue(), EVIDENCE, found["Key"])

    @staticmethod
    def _words(script, arguments):
        words = [word for name, value in arguments.items() for word in (f"--{name}", value)]
        return [SCRIPTS / script, "--JOB_NAME", f"glue_{Path(script).stem}", *words]

    def _judged(self, output, bucket, key):
        evidence = json.loads(self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
        assert evidence["outcome"] == "succeeded"
        return Ran(output, evidence)

    def objects(self, name):
        """Keys below the target; every one of them is SSE-KMS under the data key."""
        s3 = self.client("s3")
        listed = s3.list_objects_v2(Bucket=CURATED, Prefix=f"{PREFIX}/{name}/").get("Contents", ())
        for found in listed:
            head = s3.head_object(Bucket=CURATED, Key=found["Key"])
            seen = (head["ServerSideEncryption"], head["SSEKMSKeyId"])
            assert seen == ("aws:kms", self.provisioned.data_key), found["Key"]
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
def scripts(glue_account, glue_spark, provisioned, glue_script_data):
    return Scripts(glue_account, glue_spark, provisioned)
