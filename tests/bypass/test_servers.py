"""The bypass attempts with other S3 servers: one encrypts, one ignores the headers, one rejects them.

Every run must fail on a server that does not encrypt. All of these tests are marked long.
"""

from __future__ import annotations

import contextlib
import dataclasses
import uuid
from pathlib import Path

import pytest
from bypass_cases import ATTEMPTS, assert_encrypted_and_recorded, attempt, open_bypass
from object_servers import SERVERS

from glue_secure.core.errors import GlueSecureError
from glue_secure.embedded.account_setup import CURATED, EVIDENCE, LANDING, put_security_configuration
from glue_secure.embedded.clients import clients, error_code
from glue_secure.testing.harness import JobTestHarness

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")]
ONE_KEY = "glue-secure-one-key"
# Attempts that write nothing to S3.
NOTHING_WRITTEN = {"noop", "stream_to_memory"}
# versitygw cannot delete the folder markers that S3A deletes, and S3A would retry for ten minutes.
HADOOP = {
    "fs.s3a.directory.marker.retention": "keep",
    "fs.s3a.retry.limit": "1",
    "fs.s3a.attempts.maximum": "2",
}
MARKER = "Ma4ker-of-plain-text"


class OtherServerHarness(JobTestHarness):
    """A harness whose S3 is another server; the job's data and bookmarks use one key."""

    def __init__(self, server, s3, *, account, spark, name):
        super().__init__(account=account, spark=spark, name=name)
        account_clients, self._server = self._clients, server
        self._clients = lambda service: s3 if service == "s3" else account_clients(service)
        glue = account_clients("glue")
        job = glue.get_job(JobName=name)["Job"]
        unchanged = {
            member: job[member] for member in ("Role", "Command", "DefaultArguments") if member in job
        }
        glue.update_job(JobName=name, JobUpdate={**unchanged, "SecurityConfiguration": ONE_KEY})

    def land(self, name, content):
        if self._server.name != "s3proxy":
            return super().land(name, content)
        body = content.encode() if isinstance(content, str) else content
        self._clients("s3").put_object(Bucket=LANDING, Key=f"{self.name}/{name}", Body=body)
        return f"{self.source}{name}"

    def bookmark(self):
        """Return whether the job has a bookmark."""
        listed = self._clients("s3").list_objects_v2(Bucket=EVIDENCE, Prefix="bookmarks/")
        return any(f"/{self.name}/" in entry["Key"] for entry in listed.get("Contents", ()))


@pytest.fixture(scope="module")
def server(request, glue_account, glue_spark, provisioned, tmp_path_factory):
    """Use the server of that name as S3 of the session and the driver."""
    name = request.param
    arguments = (provisioned.data_key,) if name == "minio" else ()
    hadoop = glue_spark.sparkContext._jsc.hadoopConfiguration()
    file_systems = glue_spark._jvm.org.apache.hadoop.fs.FileSystem
    with contextlib.ExitStack() as stack:
        object_server = stack.enter_context(
            SERVERS[name](glue_account, tmp_path_factory.mktemp(name), *arguments)
        )
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("AWS_ENDPOINT_URL_S3", object_server.url)
        for setting, value in {**HADOOP, "fs.s3a.endpoint": object_server.url}.items():
            hadoop.set(setting, value)
        file_systems.closeAll()
        s3 = clients(dataclasses.replace(glue_account, endpoint_url=object_server.url))("s3")
        for bucket in (LANDING, CURATED, EVIDENCE):
            s3.create_bucket(Bucket=bucket)
        one_key = dataclasses.replace(provisioned, bookmark_key=provisioned.data_key)
        put_security_configuration(glue_account, ONE_KEY, one_key)
        yield object_server, s3
        for setting in HADOOP:
            hadoop.unset(setting)
        hadoop.set("fs.s3a.endpoint", glue_account.endpoint_url)
        file_systems.closeAll()


@pytest.fixture
def bypass(server, glue_account, glue_spark, provisioned, other_key, tmp_path):
    object_server, s3 = server
    name = f"job-{uuid.uuid4().hex[:12]}"
    bench = OtherServerHarness(object_server, s3, account=glue_account, spark=glue_spark, name=name)
    aws = clients(glue_account)
    yield open_bypass(
        bench,
        lambda service: s3 if service == "s3" else aws(service),
        provisioned.data_key,
        other_key,
        tmp_path,
    )
    bench.close()


def case_id(case):
    return f"{case.module}-{case.name}"


@pytest.mark.parametrize("case", ATTEMPTS, ids=case_id)
@pytest.mark.parametrize("server", ["minio"], indirect=True)
def test_on_a_server_that_encrypts_each_attempt_ends_as_on_moto(case, bypass):
    """MinIO itself rejects keys that it does not have, so errors may differ."""
    try:
        error, rejected = attempt(case, bypass)
    except Exception as raised:
        error, rejected = raised, False
    if case.outcome in ("encrypted", "nothing stored"):
        assert error is None, error
        assert_encrypted_and_recorded(bypass)
        return
    assert error is not None, f"{case.name} was not detected"
    assert rejected or case.outcome == "detected"
    assert not bypass.bench.bookmark()


@pytest.mark.parametrize("case", ATTEMPTS, ids=case_id)
@pytest.mark.parametrize("server", ["versitygw", "s3proxy"], indirect=True)
def test_on_a_server_that_does_not_encrypt_every_run_fails_closed(server, case, bypass):
    try:
        error, _ = attempt(case, bypass)
    except Exception as raised:
        error = raised
    assert error is not None, f"{case.name} was not detected on {server[0].name}"
    if bypass.bench.bookmark():
        # Nothing else was written. S3 did not encrypt the bookmark's object, but the client did.
        assert case.name in NOTHING_WRITTEN and server[0].name == "versitygw"
        assert isinstance(error, GlueSecureError) and "GS-BKM-006" in str(error)


def on_disk(folder: Path, marker: str) -> list[str]:
    return [
        str(file) for file in folder.rglob("*") if file.is_file() and marker.encode() in file.read_bytes()
    ]


@pytest.mark.parametrize("server", ["minio"], indirect=True)
def test_no_plain_text_is_on_minios_disk(server, bypass):
    object_server, s3 = server
    frame = bypass.spark.createDataFrame([(MARKER + str(n),) for n in range(200)], "word string").coalesce(2)
    with bypass.job as job:
        job.write.s3(frame, bypass.out.replace("s3a://", "s3://") + "-csv", format="csv")
        frame.write.option("compression", "none").parquet(f"{bypass.out}-spark")
        target = {"Bucket": bypass.bucket, "Key": f"{bypass.prefix}-a"}
        job.s3.put_object(**target, Body=MARKER.encode() * 9)
        job.s3.copy_object(Bucket=bypass.bucket, Key=f"{bypass.prefix}-b", CopySource=target)
    # S3A renames by copying.
    jvm_path = bypass.spark._jvm.org.apache.hadoop.fs.Path
    source, target = jvm_path(f"{bypass.out}-spark"), jvm_path(f"{bypass.out}-renamed")
    assert source.getFileSystem(bypass.spark.sparkContext._jsc.hadoopConfiguration()).rename(source, target)
    assert len([name for name in bypass.bench.objects() if "-renamed/" in name]) >= 2
    assert on_disk(object_server.folder, MARKER) == []
    s3.put_object(Bucket=bypass.bucket, Key=f"{bypass.prefix}-plain", Body=MARKER.encode())
    assert on_disk(object_server.folder, MARKER), "the search does not work"


@pytest.mark.parametrize("server", ["minio"], indirect=True)
def test_minio_rejects_a_key_that_it_does_not_have(server, bypass):
    _, s3 = server
    with pytest.raises(s3.exceptions.ClientError) as error:
        s3.put_object(
            Bucket=bypass.bucket, Key="x", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=bypass.other
        )
    assert "KeyNotFound" in error_code(error.value)
    bypass.job.abandon()
