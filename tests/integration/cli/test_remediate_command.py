"""``glue-secure remediate`` as people call it, against the embedded account."""

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


def remediate(*words, code=0):
    done = subprocess.run(
        [COMMAND, "remediate", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


@pytest.fixture
def job(glue_account):
    name = f"job-{uuid.uuid4().hex[:12]}"
    seed.ensure_job(glue_account, name)
    return name


def test_what_is_not_under_the_key_is_told_then_re_encrypted_then_gone(glue_account, job):
    s3, key = clients(glue_account)("s3"), provision(glue_account).data_key
    ways = {
        "sound": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key},
        "aes": {"ServerSideEncryption": "AES256"},
        "plain": {},
    }
    for name, way in ways.items():
        s3.put_object(Bucket=CURATED, Key=f"{job}/{name}", Body=name.encode(), Metadata={"from": name}, **way)
    where = f"s3://{CURATED}/{job}/"

    told = remediate(where, "--job", job, code=3)
    assert f"{where}aes\n    AES256: would be re-encrypted" in told.stdout
    assert "sound" not in told.stdout
    assert "of 3 objects are not under" in told.stderr
    assert s3.head_object(Bucket=CURATED, Key=f"{job}/aes")["ServerSideEncryption"] == "AES256"

    done = json.loads(remediate(where, "--job", job, "--yes", "--json").stdout)
    assert {each["outcome"] for each in done["objects"]} == {"re-encrypted"}
    for name in ways:
        head = s3.head_object(Bucket=CURATED, Key=f"{job}/{name}")
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
        assert head["Metadata"] == {"from": name}
        assert s3.get_object(Bucket=CURATED, Key=f"{job}/{name}")["Body"].read() == name.encode()
    assert json.loads(remediate(where, "--job", job, "--json").stdout)["objects"] == []


def test_bookmarks_and_what_is_no_location_are_refused(glue_account, job):
    assert "GS-S3-009" in remediate(BOOKMARKS_URI, "--job", job, code=3).stderr
    assert "s3://" in remediate("curated", "--job", job, code=2).stderr
