"""``glue-secure remediate`` as a process, with the embedded account."""

import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from glue_secure.embedded import seed
from glue_secure.embedded.account_setup import BOOKMARKS_URI, CURATED, provision
from glue_secure.embedded.clients import clients

COMMAND = Path(sys.executable).with_name("glue-secure")


def remediate(*arguments, code=0):
    process = subprocess.run(
        [COMMAND, "remediate", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert process.returncode == code, (process.stdout, process.stderr)
    return process


@pytest.fixture
def job(glue_account):
    name = f"job-{uuid.uuid4().hex[:12]}"
    seed.ensure_job(glue_account, name)
    return name


def test_objects_that_are_not_under_the_key_are_reported_and_re_encrypted(glue_account, job):
    s3, key = clients(glue_account)("s3"), provision(glue_account).data_key
    headers = {
        "encrypted": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key},
        "aes": {"ServerSideEncryption": "AES256"},
        "plain": {},
    }
    for name, encryption in headers.items():
        s3.put_object(
            Bucket=CURATED, Key=f"{job}/{name}", Body=name.encode(), Metadata={"from": name}, **encryption
        )
    location = f"s3://{CURATED}/{job}/"

    plan = remediate(location, "--job", job, code=3)
    assert f"{location}aes\n    AES256: would be re-encrypted" in plan.stdout
    assert f"{location}encrypted" not in plan.stdout
    assert f"2 of 3 objects are not aws:kms under {key}; nothing was changed" in plan.stderr
    assert s3.head_object(Bucket=CURATED, Key=f"{job}/aes")["ServerSideEncryption"] == "AES256"

    applied = json.loads(remediate(location, "--job", job, "--yes", "--json").stdout)
    assert {entry["outcome"] for entry in applied["objects"]} == {"re-encrypted"}
    for name in headers:
        head = s3.head_object(Bucket=CURATED, Key=f"{job}/{name}")
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
        assert head["Metadata"] == {"from": name}
        assert s3.get_object(Bucket=CURATED, Key=f"{job}/{name}")["Body"].read() == name.encode()
    assert json.loads(remediate(location, "--job", job, "--json").stdout)["objects"] == []


def test_bookmarks_and_invalid_locations_are_rejected(glue_account, job):
    assert "GS-S3-009" in remediate(BOOKMARKS_URI, "--job", job, code=3).stderr
    assert "s3://" in remediate("curated", "--job", job, code=2).stderr
