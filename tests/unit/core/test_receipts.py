"""Receipts are reduced to the objects that a run leaves."""

from __future__ import annotations

from glue_secure.core.identifiers import S3Uri
from glue_secure.core.receipts import DELETED, STORED, UPLOAD_CREATED, Receipt, ReceiptBook

KEY = "arn:aws:kms:eu-west-1:111122223333:key/run"


def receipt(name: str, outcome: str = STORED, **values: object) -> Receipt:
    settings: dict[str, object] = {"algorithm": "aws:kms", "key": KEY, **values}
    return Receipt(outcome, S3Uri("lake", name), "PutObject", "driver", **settings)  # type: ignore[arg-type]


def test_a_deleted_object_is_not_left() -> None:
    book = ReceiptBook()
    book.add([receipt("t/_temporary/a"), receipt("t/a"), receipt("t/_temporary/a", DELETED)])

    assert [left.uri.key for left in book.take_below(S3Uri("lake", "t"))] == ["t/a"]


def test_a_location_contains_itself_and_what_is_below_it_only() -> None:
    book = ReceiptBook()
    book.add([receipt("t"), receipt("t/a"), receipt("tt/a")])

    assert [left.uri.key for left in book.take_below(S3Uri("lake", "t"))] == ["t", "t/a"]
    assert [left.uri.key for left in book.remaining()] == ["tt/a"]


def test_taken_receipts_are_returned_once() -> None:
    book = ReceiptBook()
    book.add([receipt("t/a")])

    assert len(book.take_below(None)) == 1
    assert book.take_below(None) == ()


def test_a_completed_upload_has_the_encryption_with_which_it_was_created() -> None:
    book = ReceiptBook()
    book.add([receipt("t/a", UPLOAD_CREATED, upload="u1", bucket_key=True)])
    book.add([receipt("t/a", algorithm="", key="", upload="u1", size=7)])

    (left,) = book.take_below(None)
    assert (left.algorithm, left.key, left.bucket_key, left.size) == ("aws:kms", KEY, True, 7)


def test_an_upload_that_was_created_elsewhere_proves_nothing() -> None:
    book = ReceiptBook()
    book.add([receipt("t/a", algorithm="", key="", upload="u1")])

    (left,) = book.take_below(None)
    assert (left.algorithm, left.key) == ("", "")


def test_an_upload_without_completion_leaves_no_object() -> None:
    book = ReceiptBook()
    book.add([receipt("t/a", UPLOAD_CREATED, upload="u1")])

    assert book.take_below(None) == ()
