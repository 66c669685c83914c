"""AWS calls of a column policy: requests and results."""

from __future__ import annotations

import base64
import pickle

import boto3
import pytest
from botocore.stub import Stubber

from glue_secure.aws.columns import LIFETIME, MAX_KEYS, ColumnSource, DataKeyCache
from glue_secure.core.columns import Tag, TagKind, WrappedKey
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.service import ServiceError

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")
WRAPPED = WrappedKey(KEY, base64.b64encode(b"blob").decode(), "customers")
CONTEXT = {"glue-secure:purpose": "columns", "glue-secure:policy": "customers"}


@pytest.fixture
def aws():
    clients = {
        name: boto3.client(name, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
        for name in ("kms", "glue", "lakeformation")
    }
    stubs = {name: Stubber(client) for name, client in clients.items()}
    for stub in stubs.values():
        stub.activate()
    yield ColumnSource(clients=clients.__getitem__), stubs
    for stub in stubs.values():
        stub.assert_no_pending_responses()


def test_a_data_key_is_decrypted_for_exactly_the_policys_key_and_context(aws):
    source, stubs = aws
    stubs["kms"].add_response(
        "decrypt",
        {"KeyId": str(KEY), "Plaintext": b"k" * 32},
        {"KeyId": str(KEY), "CiphertextBlob": b"blob", "EncryptionContext": CONTEXT},
    )
    assert source.open_key(WRAPPED) == b"k" * 32


@pytest.mark.parametrize(
    "answer", [{"KeyId": "other", "Plaintext": b"k" * 32}, {"KeyId": str(KEY), "Plaintext": b"k"}]
)
def test_another_key_or_length_is_an_error(aws, answer):
    source, stubs = aws
    stubs["kms"].add_response("decrypt", answer)
    with pytest.raises(ServiceError, match="not a data key"):
        source.open_key(WRAPPED)


def test_a_new_key_is_generated_without_plaintext(aws):
    source, stubs = aws
    stubs["kms"].add_response(
        "generate_data_key_without_plaintext",
        {"KeyId": str(KEY), "CiphertextBlob": b"blob"},
        {"KeyId": str(KEY), "KeySpec": "AES_256", "EncryptionContext": CONTEXT},
    )
    assert source.new_key(KEY, "customers") == WRAPPED


def parameter(name, value):
    return Tag(TagKind.PARAMETER, name, value)


def lf(name, value):
    return Tag(TagKind.LF_TAG, name, value)


TABLE = {
    "Table": {
        "Name": "t",
        "StorageDescriptor": {"Columns": [{"Name": "Email", "Parameters": {"pii": "true"}}, {"Name": "id"}]},
        "PartitionKeys": [{"Name": "month"}],
    }
}


def test_column_parameters_alone_need_no_call_of_lake_formation(aws):
    source, stubs = aws
    stubs["glue"].add_response("get_table", TABLE, {"DatabaseName": "d", "Name": "t"})
    assert source.tags("d", "t", lf_tags=False) == {
        "email": frozenset([parameter("pii", "true")]), "id": frozenset(), "month": frozenset()
    }  # fmt: skip


def test_lf_tags_of_table_and_database_are_inherited_unless_a_column_has_its_own(aws):
    source, stubs = aws
    stubs["glue"].add_response("get_table", TABLE)
    stubs["lakeformation"].add_response(
        "get_resource_lf_tags",
        {
            "LFTagOnDatabase": [{"TagKey": "pii", "TagValues": ["false"]}],
            "LFTagsOnTable": [{"TagKey": "pii", "TagValues": ["true"]}],
            "LFTagsOnColumns": [{"Name": "id", "LFTags": [{"TagKey": "pii", "TagValues": ["no"]}]}],
        },
    )
    found = source.tags("d", "t", lf_tags=True)
    assert found["email"] == {parameter("pii", "true"), lf("pii", "true")}
    assert (found["id"], found["month"]) == ({lf("pii", "no")}, {lf("pii", "true")})


def test_access_denied_is_a_service_error(aws):
    source, stubs = aws
    stubs["glue"].add_response("get_table", TABLE)
    stubs["lakeformation"].add_client_error("get_resource_lf_tags", "AccessDeniedException")
    with pytest.raises(ServiceError) as error:
        source.tags("d", "t", lf_tags=True)
    assert error.value.code == "AccessDeniedException"


def test_a_few_keys_are_cached_for_minutes():
    asked, now = [], [0.0]

    def open_key(key):
        asked.append(key.policy)
        return b"k"

    cache = DataKeyCache(open_key, clock=lambda: now[0])
    one = WRAPPED
    assert [cache(one), cache(one), asked] == [b"k", b"k", ["customers"]]
    now[0] = LIFETIME
    cache(one)
    assert len(asked) == 2
    for at in range(MAX_KEYS):
        cache(WrappedKey(KEY, "AA==", str(at)))
    cache(one)
    assert len(asked) == 3 + MAX_KEYS


def test_cached_keys_cannot_be_serialised():
    with pytest.raises(TypeError, match="not serialised"):
        pickle.dumps(DataKeyCache(lambda key: b""))
