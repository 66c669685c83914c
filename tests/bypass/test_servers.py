"""The ways out again, with S3 served by other servers: one really encrypts, one lies, one refuses.

Where the server lies or refuses, every run must fail closed. All of it is long.
"""

from __future__ import annotations

import contextlib
import dataclasses
import uuid
from pathlib import Path

import pytest
from bypass_cases import RUN_HERE, all_is_encrypted_and_shown, attempt, open_way
from object_servers import SERVERS

from glue_secure.core.errors import GlueSecureError
from glue_secure.embedded.account_setup import CURATED, EVIDENCE, LANDING, put_security_configuration
from glue_secure.embedded.clients import clients, error_code
from glue_secure.testing.harness import JobTestHarness

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")]
ONE_KEY = "glue-secure-one-key"
# Ways that put nothing into S3.
NOTHING_WRITTEN = {"noop", "stream_to_memory"}
# versitygw fails to delete the folders that S3A takes for superfluous, and S3A would try for ten minutes.
HADOOP = {
    "fs.s3a.directory.marker.retention": "keep",
    "fs.s3a.retry.limit": "1",
    "fs.s3a.attempts.maximum": "2",
}
MARKER = "Ma4ker-of-plain-text"


class ElsewhereBench(JobTestHarness):
    """A bench whose S3 is another server; the job's data and bookmarks are under one key."""

    def __init__(self, server, s3, *, account, spark, name):
        super().__init__(account=account, spark=spark, name=name)
        own, self._server = self._clients, server
        self._clients = lambda service: s3 if service == "s3" else own(service)
        glue = own("glue")
        job = glue.get_job(JobName=name)["Job"]
        kept = {member: job[member] for member in ("Role", "Command", "DefaultArguments") if member in job}
        glue.update_job(JobName=name, JobUpdate={**kept, "SecurityConfiguration": ONE_KEY})

    def land(self, name, content):
        if self._server.name != "s3proxy":
            return super().land(name, content)
        body = content.encode() if isinstance(content, str) else content
        self._clients("s3").put_object(Bucket=LANDING, Key=f"{self.name}/{name}", Body=body)
        return f"{self.source}{name}"

    def bookmark(self):
        """Whether the job has one."""
        listed = self._clients("s3").list_objects_v2(Bucket=EVIDENCE, Prefix="bookmarks/")
        return any(f"/{self.name}/" in found["Key"] for found in listed.get("Contents", ()))


@pytest.fixture(scope="module")
def server(request, glue_account, glue_spark, provisioned, tmp_path_factory):
    """The session's and the driver's S3 is the server of that name."""
    name = request.param
    more = (provisioned.data_key,) if name == "minio" else ()
    hadoop = glue_spark.sparkContext._jsc.hadoopConfiguration()
    file_systems = glue_spark._jvm.org.apache.hadoop.fs.FileSystem
    with contextlib.ExitStack() as stack:
        found = stack.enter_context(SERVERS[name](glue_account, tmp_path_factory.mktemp(name), *more))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("AWS_ENDPOINT_URL_S3", found.url)
        for setting, value in {**HADOOP, "fs.s3a.endpoint": found.url}.items():
            hadoop.set(setting, value)
        file_systems.closeAll()
        s3 = clients(dataclasses.replace(glue_account, endpoint_url=found.url))("s3")
        for bucket in (LANDING, CURATED, EVIDENCE):
            s3.create_bucket(Bucket=bucket)
        one = dataclasses.replace(provisioned, bookmark_key=provisioned.data_key)
        put_security_configuration(glue_account, ONE_KEY, one)
        yield found, s3
        for setting in HADOOP:
            hadoop.unset(setting)
        hadoop.set("fs.s3a.endpoint", glue_account.endpoint_url)
        file_systems.closeAll()


@pytest.fixture
def way(server, glue_account, glue_spark, provisioned, other_key, tmp_path):
    found, s3 = server
    name = f"job-{uuid.uuid4().hex[:12]}"
    bench = ElsewhereBench(found, s3, account=glue_account, spark=glue_spark, name=name)
    aws = clients(glue_account)
    yield open_way(
        bench,
        lambda service: s3 if service == "s3" else aws(service),
        provisioned.data_key,
        other_key,
        tmp_path,
    )
    bench.close()


def named(case):
    return f"{case.module}-{case.name}"


@pytest.mark.parametrize("case", RUN_HERE, ids=named)
@pytest.mark.parametrize("server", ["minio"], indirect=True)
def test_on_a_server_that_encrypts_each_way_ends_as_on_moto(case, way):
    """Except that MinIO itself refuses a key that it does not have, and the run fails of that."""
    try:
        error, refused = attempt(case, way)
    except Exception as raised:
        error, refused = raised, False
    if case.outcome == "encrypted":
        assert error is None, error
        all_is_encrypted_and_shown(way)
        return
    assert error is not None, f"{case.name} went unnoticed"
    assert refused or case.outcome == "caught"
    assert not way.bench.bookmark()


@pytest.mark.parametrize("case", RUN_HERE, ids=named)
@pytest.mark.parametrize("server", ["versitygw", "s3proxy"], indirect=True)
def test_on_a_server_that_does_not_encrypt_every_run_fails_closed(server, case, way):
    try:
        error, _ = attempt(case, way)
    except Exception as raised:
        error = raised
    assert error is not None, f"{case.name} went unnoticed on {server[0].name}"
    if way.bench.bookmark():
        # Nothing else was written. The bookmark's object came out plain, its content sealed by the client.
        assert case.name in NOTHING_WRITTEN and server[0].name == "versitygw"
        assert isinstance(error, GlueSecureError) and "GS-BKM-006" in str(error)


def on_disk(folder: Path, marker: str) -> list[str]:
    return [
        str(file) for file in folder.rglob("*") if file.is_file() and marker.encode() in file.read_bytes()
    ]


@pytest.mark.parametrize("server", ["minio"], indirect=True)
def test_nothing_of_the_plain_text_is_on_minios_disk(server, way):
    found, s3 = server
    frame = way.spark.createDataFrame([(MARKER + str(n),) for n in range(200)], "word string").coalesce(2)
    with way.job as job:
        job.write.s3(frame, way.out.replace("s3a://", "s3://") + "-csv", format="csv")
        frame.write.option("compression", "none").parquet(f"{way.out}-native")
        place = {"Bucket": way.bucket, "Key": f"{way.prefix}-a"}
        job.s3.put_object(**place, Body=MARKER.encode() * 9)
        job.s3.copy_object(Bucket=way.bucket, Key=f"{way.prefix}-b", CopySource=place)
    # S3A renames by copying.
    jvm_path = way.spark._jvm.org.apache.hadoop.fs.Path
    source, target = jvm_path(f"{way.out}-native"), jvm_path(f"{way.out}-renamed")
    assert source.getFileSystem(way.spark.sparkContext._jsc.hadoopConfiguration()).rename(source, target)
    assert len([name for name in way.bench.objects() if "-renamed/" in name]) >= 2
    assert on_disk(found.folder, MARKER) == []
    s3.put_object(Bucket=way.bucket, Key=f"{way.prefix}-plain", Body=MARKER.encode())
    assert on_disk(found.folder, MARKER), "the search finds nothing, whatever lies there"


@pytest.mark.parametrize("server", ["minio"], indirect=True)
def test_minio_knows_one_key_and_refuses_another(server, way):
    _, s3 = server
    with pytest.raises(s3.exceptions.ClientError) as refused:
        s3.put_object(
            Bucket=way.bucket, Key="x", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=way.other
        )
    assert "KeyNotFound" in error_code(refused.value)
    way.job.abandon()
