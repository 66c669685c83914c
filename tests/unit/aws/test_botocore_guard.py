"""Every botocore client of a process: the requests that it sends, those that are rejected, and receipts."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import subprocess
import sys
import threading
from types import ModuleType, SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import boto3
import botocore.loaders
import botocore.session
import pytest
from boto3.s3 import transfer
from boto3.s3.transfer import TransferConfig
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError, ReadTimeoutError

from glue_secure.aws import botocore_guard
from glue_secure.aws.job_session import JobSession
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.identifiers import KmsKeyArn, RunId, S3Uri
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.receipt_book import ReceiptBook
from glue_secure.core.receipts import STORED, UNANSWERED
from glue_secure.core.target_encryption import EncryptionRules
from glue_secure.run.before_init import BeforeInit
from glue_secure.run.state import RunState
from glue_secure.testing.fakes import FakeKeyService
from glue_secure.verification.child_processes import ChildProcesses
from glue_secure.verification.driver_s3 import DriverS3Recorder

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")
OTHER = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-2222-2222-222222222222")
ALGORITHM, KEY_ID = "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id"
BOOKMARKS = S3Uri("state", "bookmarks/")
PLACE = {"Bucket": "curated", "Key": "a"}
UPLOAD = b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
ENCRYPTED = {ALGORITHM: "aws:kms", KEY_ID: str(KEY), "ETag": '"e"'}


class Keys(FakeKeyService):
    """KMS with an alias of each key."""

    def __init__(self) -> None:
        properties = ("Enabled", "CUSTOMER", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
        super().__init__(*(KmsKey(key, *properties) for key in (KEY, OTHER)))
        self.asked: list[str] = []

    def describe(self, key: str) -> KmsKey:
        self.asked.append(key)
        named = {"alias/data": str(KEY), "alias/other": str(OTHER)}
        return super().describe(named.get(key, key))


class ARun:
    """The parts of a run that a guard of botocore's clients needs."""

    def __init__(self) -> None:
        self.state, self.receipts, self.keys = RunState(RunId("jr_1")), ReceiptBook(), Keys()
        self.guard = DriverS3Recorder(
            run="jr_1",
            rules=EncryptionRules.of_key(KEY),
            keys=self.keys,
            source=None,
            endpoint="https://s3.eu-west-1.amazonaws.com",
            reserved=[BOOKMARKS],
            receipts=self.receipts,
            operation=self.state.operation,
            is_open=lambda: self.state.is_open,
            children=ChildProcesses(),
        )


@pytest.fixture(autouse=True, scope="module")
def models_are_parsed_once():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.loaders.create_loader))
        yield


@pytest.fixture(autouse=True)
def no_guard_is_left(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    botocore_guard.install()
    monkeypatch.setattr(botocore_guard, "_guards", [])


@pytest.fixture
def run():
    run = ARun()
    botocore_guard.guard_process(run.guard)
    return run


class Body(io.BytesIO):
    def stream(self, **_):
        yield self.read()


def sending(client, *, status=200, headers=ENCRYPTED, body=None, act=None):
    """The requests that a client would send; each is answered here."""
    sent = []

    def answer(request, **_):
        sent.append(request)
        if act is not None:
            act()
        content = UPLOAD if request.url.endswith("?uploads") else b"<CopyObjectResult/>"
        return AWSResponse(request.url, status, dict(headers), Body(content if body is None else body))

    client.meta.events.register("before-send.s3", answer)
    return sent


def headers_of(request):
    return {
        name.lower(): value.decode() if isinstance(value, bytes) else value
        for name, value in request.headers.items()
    }


def put(client):
    client.put_object(**PLACE, Body=b"x")


def begin_parts(client):
    client.create_multipart_upload(**PLACE)


def copy(client):
    client.copy_object(**PLACE, CopySource="landing/a")


def upload(client):
    client.upload_fileobj(io.BytesIO(b"x"), "curated", "a")


# Which clients are guarded


def default_client():
    return boto3.client("s3")


def client_after_setup_default_session():
    boto3.setup_default_session(region_name="eu-west-1")
    return boto3.client("s3")


def client_of_a_session():
    return boto3.session.Session(region_name="eu-west-1").client("s3")


def client_of_a_resource():
    return boto3.resource("s3").meta.client


def client_of_botocore():
    return botocore.session.Session().create_client("s3", region_name="eu-west-1")


CLIENTS = (
    default_client,
    client_after_setup_default_session,
    client_of_a_session,
    client_of_a_resource,
    client_of_botocore,
)


@pytest.mark.parametrize("make", CLIENTS)
def test_every_session_s_clients_write_under_the_key(run, make):
    client = make()
    sent = sending(client)
    put(client)
    found = headers_of(sent[0])
    assert (found[ALGORITHM], found[KEY_ID]) == ("aws:kms", str(KEY))


def test_a_client_that_was_made_before_the_run_writes_under_the_key():
    client = boto3.client("s3")
    sent = sending(client)
    put(client)
    run = ARun()
    botocore_guard.guard_process(run.guard)
    put(client)
    assert [KEY_ID in headers_of(request) for request in sent] == [False, True]
    assert len(run.receipts.unattributed()) == 1


def test_a_client_that_was_made_before_botocore_was_guarded_writes_under_the_key():
    program = """
import boto3, io
from botocore.awsrequest import AWSResponse
client = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
from glue_secure.aws import botocore_guard
class Guard:
    is_open = True
    def check_call(self, operation, parameters, endpoint, *, presigned): return {"SSEKMSKeyId": "k"}
    def request(self, *_):
        import contextlib
        return contextlib.nullcontext(lambda *_, **__: None)
botocore_guard.guard_process(Guard())
class Body(io.BytesIO):
    def stream(self, **_): yield self.read()
def answer(request, **_):
    print(request.headers["x-amz-server-side-encryption-aws-kms-key-id"])
    return AWSResponse(request.url, 200, {}, Body())
client.meta.events.register("before-send.s3", answer)
client.put_object(Bucket="curated", Key="a", Body=b"x")
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.strip() == "b'k'", result.stderr


def test_botocore_is_guarded_if_it_is_imported_after_the_guard():
    program = """
import sys
from glue_secure.aws import botocore_guard
botocore_guard.install()
assert "botocore" not in sys.modules
import botocore.client, botocore.signers
print(hasattr(botocore.client.BaseClient._make_request, "__glue_secure__"))
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.strip() == "True", result.stderr


def test_glue_secure_s_own_clients_are_exempt(run):
    client = boto3.client("s3")
    botocore_guard.exempt(client)
    sent = sending(client)
    client.put_object(Bucket="state", Key="bookmarks/x", Body=b"x")
    assert KEY_ID not in headers_of(sent[0])
    assert not run.receipts.unattributed()


def test_without_a_run_nothing_changes():
    client = boto3.client("s3")
    sent = sending(client)
    put(client)
    assert KEY_ID not in headers_of(sent[0])
    assert client.generate_presigned_post("curated", "a")["fields"]["key"] == "a"
    boto3.client("s3", verify=False)


def test_the_newest_open_run_decides_and_a_bound_client_stays_with_its_run(run):
    bound = JobSession(core=botocore.session.Session(), guard=run.guard).client("s3")
    newer = ARun()
    botocore_guard.guard_process(newer.guard)
    for client in (bound, boto3.client("s3")):
        sending(client)
        put(client)
    assert (len(run.receipts.unattributed()), len(newer.receipts.unattributed())) == (1, 1)
    newer.state.end("succeeded")
    client = boto3.client("s3")
    sending(client)
    put(client)
    assert len(run.receipts.unattributed()) == 1  # the same object again
    with pytest.raises(UsageError, match="has ended"):
        newer.guard.check_call("PutObject", PLACE, "https://s3.amazonaws.com", presigned=False)


# Before and after a run


def test_gs_sec_007_a_job_s_process_stores_nothing_before_its_run():
    botocore_guard.guard_before_run(BeforeInit())
    client = boto3.client("s3")
    sent = sending(client)
    for act in (put, begin_parts, copy, upload):
        with pytest.raises(RefusedError, match="GS-SEC-007"):
            act(client)
    client.head_object(**PLACE)
    client.delete_object(**PLACE)
    assert [request.method for request in sent] == ["HEAD", "DELETE"]
    run = ARun()
    botocore_guard.guard_process(run.guard)
    put(client)
    assert KEY_ID in headers_of(sent[-1])


def test_after_the_run_storing_calls_are_rejected_and_reads_are_not(run):
    client = boto3.client("s3")
    sent = sending(client)
    run.state.end("succeeded")
    for act in (put, begin_parts, copy, upload):
        with pytest.raises(UsageError, match="has ended"):
            act(client)
    client.head_object(**PLACE)
    assert [request.method for request in sent] == ["HEAD"]


# What is added and rejected


@pytest.mark.parametrize("act", [put, begin_parts, copy, upload])
def test_every_write_request_has_the_key(run, act):
    client = boto3.client("s3")
    sent = sending(client)
    act(client)
    found = headers_of(sent[0])
    assert (found[ALGORITHM], found[KEY_ID]) == ("aws:kms", str(KEY))


def test_a_large_upload_begins_with_the_key_and_its_parts_name_none(run):
    client = boto3.client("s3")
    sent = sending(client)
    config = boto3.s3.transfer.TransferConfig(multipart_threshold=1, use_threads=False)
    client.upload_fileobj(io.BytesIO(b"x" * 6_000_000), "curated", "a", Config=config)
    assert headers_of(sent[0])[KEY_ID] == str(KEY)
    assert not any(KEY_ID in headers_of(request) for request in sent[1:])
    (receipt,) = run.receipts.unattributed()
    assert (receipt.outcome, receipt.algorithm, receipt.key) == (STORED, "aws:kms", str(KEY))
    assert receipt.size == 6_000_000


def test_gs_s3_005_a_put_with_another_encryption_sends_nothing_and_fails_the_run(run):
    client = boto3.client("s3")
    sent = sending(client)
    with pytest.raises(RefusedError, match="GS-S3-005"):
        client.put_object(**PLACE, Body=b"x", ServerSideEncryption="AES256")
    assert not sent
    assert run.state.has_failed


def test_an_alias_of_the_run_s_key_is_accepted_and_resolved_once(run):
    client = boto3.client("s3")
    sent = sending(client)
    for _ in range(2):
        client.put_object(**PLACE, Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/data")
    assert headers_of(sent[1])[KEY_ID] == str(KEY)
    assert run.keys.asked == ["alias/data"]


def test_gs_s3_005_an_alias_of_another_key_is_rejected(run):
    with pytest.raises(RefusedError, match="GS-S3-005"):
        boto3.client("s3").put_object(**PLACE, Body=b"x", SSEKMSKeyId="alias/other")


def test_gs_s3_005_an_alias_that_kms_does_not_resolve_is_unknown(run):
    with pytest.raises(VerificationError, match="GS-S3-005 cannot verify"):
        boto3.client("s3").put_object(**PLACE, Body=b"x", SSEKMSKeyId="alias/nowhere")


@pytest.mark.parametrize("operation", ["put_object", "delete_object"])
def test_gs_s3_009_bookmarks_and_evidence_are_not_touched(run, operation):
    with pytest.raises(RefusedError, match="GS-S3-009"):
        getattr(boto3.client("s3"), operation)(Bucket="state", Key="bookmarks/current")


def test_gs_s3_002_another_service_stores_nothing(run):
    client = boto3.client("s3", endpoint_url="https://objects.example.com")
    sent = sending(client)
    with pytest.raises(RefusedError, match="GS-S3-002"):
        put(client)
    client.head_object(**PLACE)
    assert [request.method for request in sent] == ["HEAD"]


@pytest.mark.parametrize("service", ["s3", "dynamodb", "sts"])
@pytest.mark.parametrize(
    "arguments",
    [
        {"verify": False},
        {"use_ssl": False},
        {"endpoint_url": "http://127.0.0.1:1"},
        {"config": Config(proxies_config={"proxy_use_forwarding_for_https": True})},
    ],
    ids=["verify", "use_ssl", "endpoint_url", "proxy"],
)
def test_gs_s3_002_a_client_without_verified_tls_is_rejected(run, service, arguments):
    with pytest.raises(RefusedError, match="GS-S3-002"):
        boto3.client(service, **arguments)
    assert run.state.has_failed


def test_gs_s3_002_an_older_client_without_verified_tls_sends_nothing():
    client = boto3.client("s3", verify=False)
    sent = sending(client)
    botocore_guard.guard_process(ARun().guard)
    with pytest.raises(RefusedError, match="GS-S3-002"):
        client.list_buckets()
    assert not sent


def test_reads_are_not_changed(run):
    client = boto3.client("s3")
    sent = sending(client)
    client.head_object(**PLACE)
    assert KEY_ID not in headers_of(sent[0])


def test_a_script_s_own_parameters_are_not_changed(run):
    parameters = dict(PLACE)
    boto3.client("s3").generate_presigned_url("put_object", Params=parameters)
    assert parameters == PLACE


# Presigned URLs and forms


def test_a_presigned_put_signs_the_headers_so_that_its_user_must_send_them(run):
    url = boto3.client("s3").generate_presigned_url("put_object", Params=PLACE)
    query = parse_qs(urlsplit(url).query)
    assert {ALGORITHM, KEY_ID} <= set(query["X-Amz-SignedHeaders"][0].split(";"))
    assert [receipt.outcome for receipt in run.receipts.unattributed()] == [UNANSWERED]


def test_gs_s3_005_a_presigned_put_with_another_encryption_is_rejected(run):
    params = {**PLACE, "ServerSideEncryption": "AES256"}
    with pytest.raises(RefusedError, match="GS-S3-005"):
        boto3.client("s3").generate_presigned_url("put_object", Params=params)


def test_gs_s3_005_a_presigned_post_is_rejected(run):
    with pytest.raises(RefusedError, match="GS-S3-005"):
        boto3.client("s3").generate_presigned_post("curated", "a")


# The client of the AWS Common Runtime


class CommonRuntime(Exception):
    """boto3 begins a transfer with awscrt."""


@pytest.fixture
def with_common_runtime(monkeypatch):
    """Let boto3 find awscrt, on an instance for which it prefers it."""

    def begin(*_):
        raise CommonRuntime

    s3 = SimpleNamespace(is_optimized_for_system=lambda: True)
    monkeypatch.setattr(transfer, "HAS_CRT", True)
    monkeypatch.setattr(transfer, "awscrt", SimpleNamespace(__version__="1.0.0", s3=s3), raising=False)
    monkeypatch.setattr(transfer, "create_crt_transfer_manager", begin, raising=False)


@pytest.mark.parametrize("preferred", ["crt", "auto"])
def test_a_transfer_that_prefers_awscrt_is_sent_by_boto3_under_the_key(with_common_runtime, run, preferred):
    client = boto3.client("s3")
    sent = sending(client)
    options = {"Config": TransferConfig(preferred_transfer_client=preferred, use_threads=False)}
    client.upload_fileobj(io.BytesIO(b"x"), *PLACE.values(), **options)
    assert headers_of(sent[0])[KEY_ID] == str(KEY)
    (receipt,) = run.receipts.unattributed()
    assert (receipt.algorithm, receipt.key) == ("aws:kms", str(KEY))


def test_without_a_run_boto3_uses_awscrt(with_common_runtime):
    with pytest.raises(CommonRuntime):
        boto3.client("s3").upload_fileobj(
            io.BytesIO(b"x"), *PLACE.values(), Config=TransferConfig(preferred_transfer_client="crt")
        )


def test_gs_s3_004_awscrt_stores_nothing(run, monkeypatch):
    sent = []

    class S3Client:
        def make_request(self, *, request, **_):
            sent.append(request.method)

    module = ModuleType("awscrt.s3")
    module.S3Client = S3Client
    monkeypatch.setitem(sys.modules, "awscrt.s3", module)
    botocore_guard.install()
    for method in ("GET", "HEAD"):
        S3Client().make_request(request=SimpleNamespace(method=method, path="/a"))
    for method in ("PUT", "POST", "DELETE"):
        with pytest.raises(RefusedError, match=rf"(?s)GS-S3-004.*{method} /a by awscrt.*upload_file"):
            S3Client().make_request(request=SimpleNamespace(method=method, path="/a?uploads"))
    assert sent == ["GET", "HEAD"]
    with pytest.raises(RefusedError, match="GS-S3-004"):
        run.state.require_no_failure()


@pytest.mark.long  # installs awscrt
def test_gs_s3_004_awscrt_of_pypi_stores_nothing(tmp_path):
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tmp_path), "awscrt==0.38.1"]
    subprocess.run(install, check=True)
    program = """
import io, sys
import boto3
from boto3.s3.transfer import TransferConfig
from glue_secure.aws import botocore_guard
from glue_secure.run.before_init import BeforeInit
crt = {"Config": TransferConfig(preferred_transfer_client="crt")}
client = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
before = boto3.s3.transfer.create_transfer_manager(client, *crt.values())
botocore_guard.guard_before_run(BeforeInit())
after = boto3.s3.transfer.create_transfer_manager(client, *crt.values())
print(type(before).__name__, type(after).__name__)
from glue_secure.core.errors import RefusedError
try:
    before.delete("curated", "a").result()
except RefusedError as error:
    print(error.control)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(tmp_path)])}
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert result.stdout.split() == ["CRTTransferManager", "TransferManager", "GS-S3-004"], result.stderr


# Receipts


def test_a_response_is_a_receipt(run):
    client = boto3.client("s3")
    sending(client, headers={**ENCRYPTED, "x-amz-version-id": "v1"})
    put(client)
    (receipt,) = run.receipts.unattributed()
    assert (receipt.uri, receipt.outcome, receipt.algorithm, receipt.key) == (
        S3Uri("curated", "a"),
        STORED,
        "aws:kms",
        str(KEY),
    )
    assert (receipt.version, receipt.etag, receipt.size, receipt.client) == ("v1", "e", 1, "boto3")


def test_a_deleted_object_has_no_receipt(run):
    client = boto3.client("s3")
    sending(client, body=b"")
    put(client)
    client.delete_object(**PLACE)
    assert not run.receipts.unattributed()


def test_an_error_response_leaves_no_receipt_and_does_not_fail_the_run(run):
    client = boto3.client("s3")
    sending(client, status=412, headers={}, body=b"<Error><Code>PreconditionFailed</Code></Error>")
    with pytest.raises(ClientError):
        client.put_object(**PLACE, Body=b"x", IfNoneMatch="*")
    assert not run.receipts.unattributed()
    run.state.begin_commit()
    run.state.require_no_failure()


def test_a_request_without_a_response_may_have_stored_its_object(run):
    client = boto3.client("s3", config=Config(retries={"total_max_attempts": 1}))

    def lose():
        raise ReadTimeoutError(endpoint_url="https://s3")

    sending(client, act=lose)
    with pytest.raises(ReadTimeoutError):
        put(client)
    assert [receipt.outcome for receipt in run.receipts.unattributed()] == [UNANSWERED]


def test_a_call_that_is_not_sent_leaves_no_receipt(run):
    with pytest.raises(ParamValidationError):
        boto3.client("s3").put_object(**PLACE, Body=b"x", NoSuchParameter="x")
    assert not run.receipts.unattributed()


def test_an_upload_that_is_neither_completed_nor_aborted_is_named(run):
    client = boto3.client("s3")
    sending(client)
    begin_parts(client)
    assert [begun.uri for begun in run.guard.incomplete_uploads()] == [S3Uri("curated", "a")]
    client.abort_multipart_upload(**PLACE, UploadId="u")
    assert run.guard.incomplete_uploads() == ()


def test_a_commit_is_rejected_while_a_request_is_under_way(run):
    client, sending_now, go_on = boto3.client("s3"), threading.Event(), threading.Event()

    def wait():
        sending_now.set()
        go_on.wait(30)

    sending(client, act=wait)
    thread = threading.Thread(target=lambda: put(client))
    thread.start()
    sending_now.wait(30)
    with pytest.raises(UsageError, match="in progress"):
        run.state.begin_commit()
    go_on.set()
    thread.join()
    run.state.begin_commit()


def test_a_call_of_another_thread_after_the_commit_began_is_not_sent(run):
    client = boto3.client("s3")
    sent = sending(client)
    run.state.begin_commit()
    with contextlib.suppress(UsageError):
        put(client)
    assert not sent
