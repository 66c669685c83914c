"""The events of the JVM are taken in lists that fit in memory."""

from __future__ import annotations

import json

import pytest

from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.request_guard import RequestPolicy, RequestReport
from glue_secure.core.target_encryption import EncryptionRules
from glue_secure.engines.spark import request_guard
from glue_secure.engines.spark.request_guard import MANY_EVENTS, RequestGuard

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")


class Jvm:
    """``gluesecure.guard.Guard``: each drain returns the next list of events."""

    def __init__(self, *sizes: int) -> None:
        self._sizes, self._number = list(sizes), 0
        self.in_progress = ""

    def commit(self, milliseconds: int) -> str:
        return self.in_progress

    def drain(self) -> str:
        lines = []
        for _ in range(self._sizes.pop(0) if self._sizes else 0):
            event = {"event": "stored", "bucket": "lake", "key": f"{self._number:06}", "client": "driver"}
            lines.append(json.dumps(event))
            self._number += 1
        return "\n".join(lines)


def taken(*sizes: int) -> list[tuple[int, bool]]:
    guard = RequestGuard(spark=None, scheme="s3a")  # type: ignore[arg-type]
    vars(guard)["_guard"] = Jvm(*sizes)
    guard._policy = RequestPolicy("jr_1", EncryptionRules.of_key(KEY), (), "https://s3", S3Uri("e", "r"))
    reports, keys = [], []
    has_more = True
    while has_more:
        report = guard.take()
        has_more = report.has_more
        reports.append((len(report.receipts), has_more))
        keys += [receipt.uri.key for receipt in report.receipts]
    assert keys == sorted(keys)
    return reports


def test_a_full_list_is_followed_by_another():
    assert taken(MANY_EVENTS, MANY_EVENTS, 3) == [(MANY_EVENTS, True), (MANY_EVENTS, True), (3, False)]


def test_few_events_need_one_call():
    assert taken(3, 9) == [(3, False)]


def test_a_list_of_exactly_that_many_is_followed_by_an_empty_one():
    assert taken(MANY_EVENTS) == [(MANY_EVENTS, True), (0, False)]


def test_a_run_without_the_guard_takes_no_events_of_other_runs():
    guard = RequestGuard(spark=None, scheme="s3a")  # type: ignore[arg-type]
    vars(guard)["_guard"] = jvm = Jvm(3)
    assert guard.take() == RequestReport()
    assert jvm.drain()


# Every character but U+000A at which str.splitlines() ends a line, and which the JVM does not escape.
@pytest.mark.parametrize("character", ["\u0085", "\u2028", "\u2029"])
def test_a_line_end_of_unicode_in_a_key_ends_no_event(monkeypatch, character):
    event = {"event": "stored", "bucket": "lake", "key": f"t/a{character}b", "client": "driver"}
    guard = RequestGuard(spark=None, scheme="s3a")  # type: ignore[arg-type]
    vars(guard)["_guard"] = jvm = Jvm()
    monkeypatch.setattr(jvm, "drain", lambda: json.dumps(event, ensure_ascii=False) + "\n")
    guard._policy = RequestPolicy("jr_1", EncryptionRules.of_key(KEY), (), "https://s3", S3Uri("e", "r"))
    assert [receipt.uri.key for receipt in guard.take().receipts] == [event["key"]]

    monkeypatch.setattr(request_guard, "_open", [guard])
    jvm.in_progress = f"PutObject of s3://lake/{event['key']}"
    assert list(guard.end_writes(1)) == [jvm.in_progress]
