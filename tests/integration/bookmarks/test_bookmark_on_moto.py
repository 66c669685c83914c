"""The envelope under KMS and the store on S3, as moto serves them in this process."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import boto3
import botocore.session
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from glue_secure.aws.kms import strict_master_key_provider
from glue_secure.aws.s3 import S3ObjectStore
from glue_secure.bookmarks.envelope import Envelope, EnvelopeContext
from glue_secure.bookmarks.session import BookmarkSession
from glue_secure.bookmarks.state import BookmarkState
from glue_secure.bookmarks.store import BookmarkStore
from glue_secure.core.arguments import BookmarkOption
from glue_secure.core.errors import BookmarkConflictError, RefusedError, VerificationError
from glue_secure.core.identifiers import KmsKeyArn, RunId, S3Uri

REGION, ACCOUNT = "eu-west-1", "123456789012"
CONTEXT = EnvelopeContext("curate", ACCOUNT, REGION)


@pytest.fixture
def account(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_KMS"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        s3 = boto3.client("s3", region_name=REGION)
        for bucket in ("landing", "state"):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield s3


def new_key() -> KmsKeyArn:
    return KmsKeyArn.parse(boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["Arn"])


def envelope(key: KmsKeyArn, context: EnvelopeContext = CONTEXT) -> Envelope:
    provider = strict_master_key_provider(key, botocore_session=botocore.session.get_session())
    return Envelope(provider=provider, key=key, context=context)


def store(s3, key: KmsKeyArn) -> BookmarkStore:
    objects = S3ObjectStore(client=s3)
    return BookmarkStore(
        objects=objects, envelope=envelope(key), prefix=S3Uri("state", "b"), pause=lambda _: None
    )


def following(loaded, run):
    return BookmarkState.after(
        loaded.state, previous_digest=loaded.digest, job="curate", run_id=run, attempt=0, contexts={}
    )


def test_three_runs_on_s3_and_kms(account):
    key, read = new_key(), []
    landing = S3Uri("landing", "flights")
    for run, names in (("jr_1", ["01", "02"]), ("jr_2", ["12"]), ("jr_3", [])):
        for name in names:
            account.put_object(Bucket="landing", Key=f"flights/{name}.csv", Body=b"x")
        session = BookmarkSession(
            option=BookmarkOption.ENABLE,
            store=store(account, key),
            now=datetime.now(timezone.utc),
            run_id=RunId(run),
        )
        session.load()
        new = session.select("flights", S3ObjectStore(client=account).list(landing), roots=(landing,))
        read.append([entry.uri.key for entry in new])
        facts = session.commit()
    assert read == [["flights/01.csv", "flights/02.csv"], ["flights/12.csv"], []]
    assert (facts.sequence_before, facts.sequence_after) == (2, 2)
    for entry in account.list_objects_v2(Bucket="state")["Contents"]:
        head = account.head_object(Bucket="state", Key=entry["Key"])
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", str(key))
        assert b"flights" not in account.get_object(Bucket="state", Key=entry["Key"])["Body"].read()


def test_gs_bkm_005_two_runs_on_s3(account):
    key = new_key()
    one, two = store(account, key), store(account, key)
    first, same = one.load(), two.load()
    one.commit(first, following(first, "jr_1"))
    with pytest.raises(BookmarkConflictError, match="run jr_1 committed sequence 1"):
        two.commit(same, following(same, "jr_2"))
    second, again = one.load(), two.load()
    two.commit(again, following(again, "jr_2"))
    with pytest.raises(BookmarkConflictError, match="run jr_2 committed sequence 2"):
        one.commit(second, following(second, "jr_3"))


def test_gs_bkm_001_another_kms_key(account):
    mine, other = new_key(), new_key()
    message = envelope(other).seal(b"{}", resource="s3://state/x")
    with pytest.raises(RefusedError) as caught:
        envelope(mine).open(message, resource="s3://state/x")
    assert caught.value.control == "GS-BKM-001"
    assert str(other) in caught.value.found


def test_gs_bkm_001_kms_rejects_a_changed_context(account):
    key = new_key()
    message = envelope(key).seal(b"{}", resource="s3://state/x")
    assert message.count(b"curate") == 1
    with pytest.raises(RefusedError) as caught:
        envelope(key, EnvelopeContext("curatf", ACCOUNT, REGION)).open(
            message.replace(b"curate", b"curatf"), resource="s3://state/x"
        )
    assert caught.value.control == "GS-BKM-001"
    assert "InvalidCiphertextException" in caught.value.found


def test_gs_bkm_002_another_jobs_message(account):
    key = new_key()
    message = envelope(key, EnvelopeContext("other", ACCOUNT, REGION)).seal(b"{}", resource="s3://state/x")
    with pytest.raises(RefusedError) as caught:
        envelope(key).open(message, resource="s3://state/x")
    assert caught.value.control == "GS-BKM-002"


@pytest.mark.parametrize("code", ["AccessDeniedException", "DisabledException", "KMSInvalidStateException"])
def test_gs_bkm_006_keeps_the_code_of_kms(account, code):
    """moto does not enforce key state or policies, so the answer is stubbed on the SDK's own client."""
    key = new_key()
    sealed = envelope(key).seal(b"{}", resource="s3://state/x")
    for operation in ("decrypt", "generate_data_key"):
        subject = envelope(key)
        client = subject.provider.master_key_for_decrypt(str(key).encode()).config.client
        with Stubber(client) as stub, pytest.raises(VerificationError) as caught:
            stub.add_client_error(operation, service_error_code=code)
            if operation == "decrypt":
                subject.open(sealed, resource="s3://state/x")
            else:
                subject.seal(b"{}", resource="s3://state/x")
        assert (caught.value.control, caught.value.aws_code) == ("GS-BKM-006", code)


def test_another_program_with_the_key_reads_the_state(account):
    import aws_encryption_sdk

    key = new_key()
    subject = store(account, key)
    loaded = subject.load()
    subject.commit(loaded, following(loaded, "jr_1"))
    sealed = account.get_object(Bucket="state", Key=subject.uri.key)["Body"].read()
    provider = aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=[str(key)])
    body, _ = aws_encryption_sdk.EncryptionSDKClient().decrypt(source=sealed, key_provider=provider)
    assert json.loads(body)["run_id"] == "jr_1"
