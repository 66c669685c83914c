"""Encryption of the S3 client of a Glue job: S3A from 5.1, EMRFS before, others unknown."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from glue_secure.core.findings import Verdict
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.spark_conf import check_client, plan_settings
from glue_secure.engines.awsglue.engine import GlueEngine, GlueHadoopSettings

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")
PLAN = plan_settings(KEY, s3_endpoint="https://s3.eu-west-1.amazonaws.com")
EMRFS = "com.amazon.ws.emr.hadoop.fs.EmrFileSystem"


class Client:
    """A Hadoop file system client with its own settings."""

    def __init__(self, kind, settings):
        self.kind, self.settings, self.closed = kind, settings, False

    def getClass(self):
        return SimpleNamespace(getName=lambda: self.kind)

    def getUri(self):
        return SimpleNamespace(getHost=lambda: "curated")

    def getConf(self):
        return self.settings

    def close(self):
        self.closed = True


def hadoop(*clients):
    """Settings whose file system cache returns the first of ``clients`` that is not closed."""
    made = object.__new__(GlueHadoopSettings)
    state = SimpleNamespace(newHadoopConf=lambda: PLAN.settings)
    made._spark = SimpleNamespace(_jsparkSession=SimpleNamespace(sessionState=lambda: state))
    left = list(clients)

    def file_system(uri, settings):
        while left[0].closed and len(left) > 1:
            left.pop(0)
        return left[0]

    made._file_system = file_system
    return made


def verdict(*clients):
    algorithm, key = hadoop(*clients).client_encryption(S3Uri("curated", "x"))
    return check_client(PLAN, S3Uri("curated", "x"), algorithm, key).verdict


GOOD = {
    "fs.s3.enableServerSideEncryption": "true",
    "fs.s3.serverSideEncryption.kms.keyId": str(KEY),
}


def test_emrfs_with_the_runs_key_passes():
    assert verdict(Client(EMRFS, GOOD)) is Verdict.PASS


@pytest.mark.parametrize(
    "change",
    [
        {"fs.s3.enableServerSideEncryption": "false"},
        {"fs.s3.enableServerSideEncryption": None},
        {"fs.s3.serverSideEncryption.kms.keyId": ""},
        {"fs.s3.serverSideEncryption.kms.keyId": str(KEY).replace("1111-", "2222-")},
        {"fs.s3.serverSideEncryptionAlgorithm": "AES256"},
        {"fs.s3.cse.enabled": "true"},
    ],
)
def test_gs_s3_008_emrfs_with_another_key_or_algorithm_fails(change):
    assert verdict(Client(EMRFS, {**GOOD, **change})) is Verdict.FAIL


def test_an_emrfs_client_from_before_job_init_is_replaced():
    stale = Client(EMRFS, {})
    assert verdict(stale, Client(EMRFS, GOOD)) is Verdict.PASS
    assert stale.closed


@pytest.mark.parametrize("kind", ["org.apache.hadoop.fs.LocalFileSystem", "com.example.NewFileSystem"])
def test_gs_s3_008_a_client_of_unknown_class_is_never_a_pass(kind):
    assert verdict(Client(kind, GOOD)) is Verdict.FAIL


def test_the_client_of_the_s3_scheme_is_checked():
    assert (GlueEngine.name, GlueEngine.hadoop_settings.scheme) == ("awsglue", "s3")


def test_settings_of_emrfs_for_one_bucket_decide_about_its_client():
    other = str(KEY).replace("1111-1111", "2222-2222")
    own = {**GOOD, "fs.s3.bucket.curated.serverSideEncryption.kms.keyId": other}
    assert hadoop(Client(EMRFS, own)).client_encryption(S3Uri("curated", "x")) == ("SSE-KMS", other)
    assert verdict(Client(EMRFS, own)) is Verdict.FAIL
    others = {**GOOD, "fs.s3.bucket.other.serverSideEncryption.kms.keyId": other}
    assert verdict(Client(EMRFS, others)) is Verdict.PASS
