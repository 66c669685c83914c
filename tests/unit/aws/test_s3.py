"""Listings, HEADs and conditional writes."""

from __future__ import annotations

import io
from datetime import datetime, timezone

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from glue_secure.aws.s3 import S3ObjectStore
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectEncryption
from glue_secure.core.service import NotFound, PreconditionFailed, ServiceError

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
URI = S3Uri("curated", "a/part-0")


@pytest.fixture
def s3(stubbed) -> tuple[S3ObjectStore, Stubber]:
    client, stubber = stubbed("s3")
    return S3ObjectStore(client=client), stubber


def page(*keys: str, more: str = "") -> dict:
    contents = [{"Key": k, "Size": 3, "LastModified": NOW, "ETag": f'"{k}-tag"'} for k in keys]
    answer = {"Contents": contents, "IsTruncated": bool(more)}
    return answer | ({"NextContinuationToken": more} if more else {})


def keys(found) -> list[str]:
    return [entry.uri.key for entry in found]


def test_a_prefix_selects_itself_and_everything_below_but_no_longer_name(s3):
    store, stubber = s3
    answer = page("a", "a-old/x", "a/", "a/b", "a/b/c", "ab", "ab/c")
    stubber.add_response("list_objects_v2", answer, {"Bucket": "landing", "Prefix": "a"})
    assert keys(store.list(S3Uri("landing", "a"))) == ["a", "a/", "a/b", "a/b/c"]


def test_a_prefix_with_its_slash_selects_the_same(s3):
    store, stubber = s3
    stubber.add_response("list_objects_v2", page("a/", "a/b"), {"Bucket": "landing", "Prefix": "a/"})
    assert keys(store.list(S3Uri("landing", "a/"))) == ["a/", "a/b"]


def test_an_empty_prefix_selects_the_whole_bucket(s3):
    store, stubber = s3
    stubber.add_response("list_objects_v2", page("a", "b/c"), {"Bucket": "landing", "Prefix": ""})
    assert keys(store.list(S3Uri("landing", ""))) == ["a", "b/c"]


def test_an_empty_listing_is_empty(s3):
    store, stubber = s3
    stubber.add_response("list_objects_v2", {"IsTruncated": False})
    assert keys(store.list(S3Uri("landing", "a"))) == []


def test_every_page_is_read_lazily_one_after_another(s3):
    store, stubber = s3
    first = {"Bucket": "landing", "Prefix": "a", "StartAfter": "a/0"}
    stubber.add_response("list_objects_v2", page("a/1", "a/2", more="token-1"), first)
    listing = store.list(S3Uri("landing", "a"), start_after="a/0")
    assert [next(listing).uri.key, next(listing).uri.key] == ["a/1", "a/2"]
    stubber.add_response("list_objects_v2", page(more="token-2"), first | {"ContinuationToken": "token-1"})
    stubber.add_response("list_objects_v2", page("a/3"), first | {"ContinuationToken": "token-2"})
    assert keys(listing) == ["a/3"]


def test_a_listing_carries_size_time_and_the_tag_without_quotes(s3):
    store, stubber = s3
    stubber.add_response("list_objects_v2", page("a/b"))
    (found,) = store.list(S3Uri("landing", "a"))
    assert (found.size, found.last_modified, found.etag) == (3, NOW, "a/b-tag")


def test_a_listing_that_breaks_on_its_second_page_is_an_error_not_the_end(s3):
    store, stubber = s3
    stubber.add_response("list_objects_v2", page("a/1", more="token"))
    stubber.add_client_error("list_objects_v2", "AccessDenied")
    with pytest.raises(ServiceError) as caught:
        list(store.list(S3Uri("landing", "a")))
    assert (caught.value.code, caught.value.operation) == ("AccessDenied", "ListObjectsV2")


DATE = {"ResponseMetadata": {"HTTPHeaders": {"date": "Sun, 29 Nov 2026 17:00:01 GMT"}}}


def test_the_time_is_that_of_the_answer(s3):
    store, stubber = s3
    stubber.add_response("head_bucket", DATE, {"Bucket": "curated"})
    assert store.time("curated") == datetime(2026, 11, 29, 17, 0, 1, tzinfo=timezone.utc)


def test_a_refusal_has_the_time_too(s3):
    store, stubber = s3
    stubber.add_client_error("head_bucket", "403", response_meta=DATE["ResponseMetadata"])
    assert store.time("curated") == datetime(2026, 11, 29, 17, 0, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize("date", [{}, {"date": "yesterday"}])
def test_an_answer_without_a_time_is_an_error(s3, date):
    store, stubber = s3
    stubber.add_response("head_bucket", {"ResponseMetadata": {"HTTPHeaders": date}})
    with pytest.raises(ServiceError, match="Date"):
        store.time("curated")


def test_a_head_has_algorithm_key_and_size(s3, key):
    store, stubber = s3
    answer = {
        "ContentLength": 7,
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": str(key),
        "BucketKeyEnabled": True,
    }
    stubber.add_response("head_object", answer, {"Bucket": "curated", "Key": "a/part-0"})
    assert store.encryption(URI) == ObjectEncryption(URI, "aws:kms", str(key), True, 7)


def test_a_head_without_encryption_has_an_empty_algorithm(s3):
    store, stubber = s3
    stubber.add_response("head_object", {"ContentLength": 7})
    assert store.encryption(URI) == ObjectEncryption(URI, "", "", False, 7)


@pytest.mark.parametrize(("code", "kind"), [("404", NotFound), ("403", ServiceError)])
def test_a_head_has_no_body_so_its_codes_are_numbers(s3, code, kind):
    store, stubber = s3
    stubber.add_client_error("head_object", code)
    with pytest.raises(ServiceError) as caught:
        store.encryption(URI)
    assert type(caught.value) is kind


def test_an_object_is_read_whole_with_its_tag(s3):
    store, stubber = s3
    stubber.add_response("get_object", {"Body": StreamingBody(io.BytesIO(b"body"), 4), "ETag": '"t"'})
    read = store.read(URI)
    assert (read.body, read.etag) == (b"body", "t")


def test_an_object_that_ends_early_is_an_error(s3):
    store, stubber = s3
    stubber.add_response("get_object", {"Body": StreamingBody(io.BytesIO(b"bo"), 4), "ETag": '"t"'})
    with pytest.raises(ServiceError) as caught:
        store.read(URI)
    assert caught.value.operation == "GetObject"


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchBucket"])
def test_a_missing_object_or_bucket_is_not_found(s3, code):
    store, stubber = s3
    stubber.add_client_error("get_object", code)
    with pytest.raises(NotFound):
        store.read(URI)


def asked(key, **more):
    return {
        "Bucket": "curated",
        "Key": "a/part-0",
        "Body": b"{}",
        "ContentType": "application/json",
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": str(key),
        **more,
    }


@pytest.mark.parametrize(
    ("condition", "header"),
    [
        ({}, {}),
        ({"if_none_match": True}, {"IfNoneMatch": "*"}),
        ({"if_match": "tag"}, {"IfMatch": '"tag"'}),
        ({"content_type": "application/octet-stream"}, {"ContentType": "application/octet-stream"}),
    ],
)
def test_a_write_requests_the_key_and_its_condition(s3, key, condition, header):
    store, stubber = s3
    answer = {"ETag": '"new"', "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": str(key)}
    stubber.add_response("put_object", answer, asked(key, **header))
    assert store.write(URI, b"{}", key=key, **condition) == "new"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"ServerSideEncryption": "AES256"},
        {"ServerSideEncryption": "aws:kms"},
        {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "arn:aws:kms:eu-west-1:123456789012:key/other"},
        {"ServerSideEncryption": "aws:kms:dsse", "SSEKMSKeyId": "same"},
    ],
)
def test_a_write_response_with_another_encryption_is_an_error(s3, key, answer):
    store, stubber = s3
    answer = {name: str(key) if value == "same" else value for name, value in answer.items()}
    stubber.add_response("put_object", {"ETag": '"new"', **answer})
    with pytest.raises(ServiceError) as caught:
        store.write(URI, b"{}", key=key)
    assert caught.value.code == "EncryptionMismatch"
    assert str(key) in str(caught.value)


@pytest.mark.parametrize(
    ("code", "status"),
    [("PreconditionFailed", 412), ("412", 412), ("ConditionalRequestConflict", 409), ("409", 409)],
)
def test_a_condition_that_is_not_met_has_its_own_error(s3, key, code, status):
    store, stubber = s3
    stubber.add_client_error("put_object", code, http_status_code=status)
    with pytest.raises(PreconditionFailed) as caught:
        store.write(URI, b"{}", key=key, if_none_match=True)
    assert caught.value.code == code


def test_without_a_response_there_is_no_error_code(s3, monkeypatch):
    store, _ = s3

    def unreachable(**_):
        raise EndpointConnectionError(endpoint_url="https://s3.eu-west-1.amazonaws.com")

    monkeypatch.setattr(store._client, "head_object", unreachable)
    with pytest.raises(ServiceError) as caught:
        store.encryption(URI)
    assert (caught.value.code, caught.value.operation) == ("", "HeadObject")
