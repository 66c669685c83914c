"""Receipts are reduced to the objects that a run leaves."""

from __future__ import annotations

import pytest

from glue_secure.core.identifiers import S3Uri
from glue_secure.core.receipts import DELETED, STORED, UPLOAD_CREATED, Receipt, ReceiptBook

KEY = "arn:aws:kms:eu-west-1:111122223333:key/run"


def receipt(name: str, outcome: str = STORED, **values: object) -> Receipt:
    settings: dict[str, object] = {"algorithm": "aws:kms", "key": KEY, **values}
    return Receipt(outcome, S3Uri("lake", name), "PutObject", "driver", **settings)  # type: ignore[arg-type]


@pytest.fixture
def book() -> ReceiptBook:
    return ReceiptBook()


def test_a_deleted_object_is_not_left(book):
    book.add([receipt("t/_temporary/a"), receipt("t/a"), receipt("t/_temporary/a", DELETED)])

    assert [left.uri.key for left in book.attribute_below(S3Uri("lake", "t"))] == ["t/a"]


def test_a_location_contains_itself_and_what_is_below_it_only(book):
    book.add([receipt("t"), receipt("t/a"), receipt("tt/a")])

    assert [left.uri.key for left in book.attribute_below(S3Uri("lake", "t"))] == ["t", "t/a"]
    assert [left.uri.key for left in book.unattributed()] == ["tt/a"]


def test_a_write_has_the_objects_that_were_stored_since_it_started(book):
    book.add([receipt("t/a")])
    start = book.number
    book.add([receipt("t/b")])

    assert [left.uri.key for left in book.attribute_below(S3Uri("lake", "t"), since=start)] == ["t/b"]
    assert [left.uri.key for left in book.unattributed()] == ["t/a"]


def test_two_writes_to_one_location_at_a_time_both_have_the_objects_of_both(book):
    start = book.number
    book.add([receipt("t/a"), receipt("t/b")])

    first = book.attribute_below(S3Uri("lake", "t"), since=start)
    assert book.attribute_below(S3Uri("lake", "t"), since=start) == first
    assert len(first) == 2


def test_an_object_that_is_replaced_after_its_verification_is_unattributed_again(book):
    book.add([receipt("t/a")])
    book.attribute_below(None)
    book.add([receipt("t/a", algorithm="AES256", key="")])

    assert [left.algorithm for left in book.unattributed()] == ["AES256"]


def test_a_completed_upload_has_the_encryption_with_which_it_was_created(book):
    book.add([receipt("t/a", UPLOAD_CREATED, upload="u1", bucket_key=True)])
    book.add([receipt("t/a", algorithm="", key="", upload="u1", size=7)])

    (left,) = book.unattributed()
    assert (left.algorithm, left.key, left.bucket_key, left.size) == ("aws:kms", KEY, True, 7)


def test_an_upload_that_was_created_elsewhere_proves_nothing(book):
    book.add([receipt("t/a", algorithm="", key="", upload="u1")])

    (left,) = book.unattributed()
    assert (left.algorithm, left.key) == ("", "")


def test_an_upload_without_completion_leaves_no_object(book):
    book.add([receipt("t/a", UPLOAD_CREATED, upload="u1")])

    assert book.unattributed() == ()


def test_a_copy_has_the_size_of_its_source(book):
    book.add([receipt("t/_temporary/a", size=42), receipt("t/a", source="/lake/t/_temporary/a")])
    book.add([receipt("t/_temporary/a", DELETED)])

    assert [left.size for left in book.unattributed()] == [42]


def test_objects_that_were_deleted_since_still_count_as_stored(book):
    book.add([receipt("staging/x/a"), receipt("staging/x/a", DELETED)])

    assert book.has_stored_below(S3Uri("lake", "staging"))
    assert not book.has_stored_below(S3Uri("lake", "other"))
    assert not book.has_stored_below(S3Uri("lake", "staging/x/a/b"))
