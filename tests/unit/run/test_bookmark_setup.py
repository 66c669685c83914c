"""--glue-secure-bookmark-high-water: a table under a customer managed key, or an error."""

from __future__ import annotations

import boto3
import pytest

from glue_secure.aws.dynamodb import DynamoDbHighWaterMarkStore
from glue_secure.core.arguments import BOOKMARK_HIGH_WATER, JobArguments
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.high_water import HighWaterMark
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.service import PreconditionFailed, ServiceError
from glue_secure.run.bookmark_setup import _high_water

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")


class Table:
    location = "dynamodb:marks"

    def __init__(self, key):
        self.key = key

    def key_of_table(self):
        if isinstance(self.key, Exception):
            raise self.key
        return self.key


class Services:
    def __init__(self, key, manager="CUSTOMER", arn=KEY):
        self.asked = []
        self.keys = self
        self._key, self._described = (
            key,
            KmsKey(arn, "Enabled", manager, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"),
        )

    def high_water(self, table, bookmark):
        self.asked.append((table, bookmark))
        return Table(self._key)

    def describe(self, key):
        return self._described


def made(services, text="dynamodb:marks"):
    arguments = JobArguments({BOOKMARK_HIGH_WATER: text} if text else {})
    return _high_water("which", arguments, services, "123456789012", "eu-west-1")


def test_there_is_no_high_water_mark_by_default():
    assert made(Services(str(KEY)), "") is None


def test_a_table_under_a_customer_managed_key():
    services = Services(str(KEY))
    assert made(services) is not None
    assert services.asked == [("marks", "which")]


@pytest.mark.parametrize("text", ["marks", "dynamodb:", "dynamodb:a b c", "s3://marks/x", "dynamodb:marks\n"])
def test_any_other_location_is_a_usage_error(text):
    with pytest.raises(UsageError):
        made(Services(str(KEY)), text)


@pytest.mark.parametrize(
    "key", ["", ServiceError("no", code="AccessDeniedException", operation="DescribeTable")]
)
def test_gs_bkm_006_a_table_whose_encryption_is_unknown(key):
    with pytest.raises(VerificationError) as caught:
        made(Services(key))
    assert (caught.value.control, caught.value.resource) == ("GS-BKM-006", "dynamodb:marks")


def test_gs_kms_003_an_aws_managed_key():
    with pytest.raises(RefusedError) as caught:
        made(Services(str(KEY), manager="AWS"))
    assert caught.value.control == "GS-KMS-003"


def test_the_mark_never_goes_back_in_dynamodb(monkeypatch):
    from moto import mock_aws

    with mock_aws():
        session = boto3.session.Session("testing", "testing", region_name="eu-west-1")
        client = session.client("dynamodb")
        client.create_table(
            TableName="marks",
            KeySchema=[{"AttributeName": "bookmark", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "bookmark", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": str(KEY)},
        )
        mark = DynamoDbHighWaterMarkStore(client=client, table="marks", bookmark="a")
        assert mark.key_of_table() == str(KEY)
        assert mark.read() is None
        mark.advance(HighWaterMark(0, ""))
        mark.advance(HighWaterMark(9, "ab"))
        mark.advance(HighWaterMark(10, "cd"))
        for older in (HighWaterMark(10, "ef"), HighWaterMark(9, "ab"), HighWaterMark(0, "")):
            with pytest.raises(PreconditionFailed):
                mark.advance(older)
        assert mark.read() == HighWaterMark(10, "cd")
        assert DynamoDbHighWaterMarkStore(client=client, table="marks", bookmark="b").read() is None
