"""Every change of a bookmark's bytes or names is detected, and never treated as a first run."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from hypothesis import assume, given
from hypothesis import strategies as st

from glue_secure.bookmarks.envelope import Envelope, EnvelopeContext
from glue_secure.bookmarks.state import BookmarkState
from glue_secure.bookmarks.store import BookmarkStore
from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.service import ServiceError
from glue_secure.testing.fakes import FakeObjectStore
from glue_secure.testing.local_kms_key import LocalKmsKey

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")
PREFIX = S3Uri("state", "bookmarks")
OWN = ("curate", "123456789012", "eu-west-1")
OTHERS = [
    ("publish", "123456789012", "eu-west-1"),
    ("curate", "210987654321", "eu-west-1"),
    ("curate", "123456789012", "us-east-1"),
]


def store_of(objects, job="curate", account="123456789012", region="eu-west-1", *, schema=1, denied=""):
    provider = LocalKmsKey(key_id=str(KEY))
    provider.binds_context = False  # only the project's own comparison refuses another context
    error = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, denied)
    provider.errors = {denied: error}
    envelope = Envelope(provider, KEY, EnvelopeContext(job, account, region, schema))
    return BookmarkStore(objects=objects, envelope=envelope, prefix=PREFIX, pause=lambda _: None)


def commit(store, run):
    loaded = store.load()
    state = BookmarkState.after(
        loaded.state, previous_digest=loaded.digest, job=store.job, run_id=run, attempt=0, contexts={}
    )
    return store.commit(loaded, state)


def bucket(names=(OWN,), commits=3):
    objects = FakeObjectStore("state")
    for name in names:
        for run in range(commits):
            commit(store_of(objects, *name), f"jr_{run}")
    return objects


FIRST, SECOND = bucket(), bucket()
CURRENT = store_of(FIRST).uri
MESSAGES = [
    store.read(store_of(store).history_uri(sequence)).body
    for store in (FIRST, SECOND)
    for sequence in (1, 2, 3)
]


def refused(body: bytes, *controls: str) -> RefusedError:
    objects = FIRST
    before = objects.read(CURRENT).body
    objects.put(CURRENT, body)
    try:
        with pytest.raises(RefusedError) as caught:
            store_of(objects).load()
    finally:
        objects.put(CURRENT, before)
    assert caught.value.control in controls
    assert caught.value.resource == str(CURRENT)
    return caught.value


@given(st.data())
def test_a_message_with_changed_bytes_is_refused(data):
    body = bytearray(MESSAGES[2])
    places = data.draw(st.sets(st.integers(0, len(body) - 1), min_size=1, max_size=4))
    for position in places:
        body[position] ^= data.draw(st.integers(1, 255))
    refused(bytes(body), "GS-BKM-001", "GS-BKM-002")


@given(st.integers(0, len(MESSAGES[2]) - 1), st.binary(max_size=40))
def test_a_truncated_message_with_other_bytes_appended_is_refused(length, rest):
    assume(MESSAGES[2][:length] + rest != MESSAGES[2])
    refused(MESSAGES[2][:length] + rest, "GS-BKM-001", "GS-BKM-002")


@given(st.sampled_from(MESSAGES), st.sampled_from(MESSAGES), st.data())
def test_two_authentic_messages_spliced(one, other, data):
    cut = data.draw(st.integers(1, len(one) - 1))
    at = data.draw(st.one_of(st.just(cut), st.integers(0, len(other) - 1)))
    spliced = one[:cut] + other[at:]
    assume(spliced not in MESSAGES)
    refused(spliced, "GS-BKM-001", "GS-BKM-002")


@pytest.mark.parametrize("other", OTHERS, ids=["job", "account", "region"])
@pytest.mark.parametrize("own", [0, 3], ids=["a job without bookmark", "a job with one"])
def test_an_object_renamed_from_another(other, own):
    objects = bucket((other,))
    for run in range(own):
        commit(store_of(objects), f"jr_{run}")
    mine = store_of(objects)
    objects.copy(store_of(objects, *other).uri, mine.uri)
    with pytest.raises(RefusedError) as caught:
        mine.load()
    assert (caught.value.control, caught.value.resource) == ("GS-BKM-002", str(mine.uri))


def test_a_restored_state_of_an_older_schema_is_refused():
    objects = FakeObjectStore("state")
    old, new = store_of(objects, schema=0), store_of(objects)
    commit(old, "jr_1")
    with pytest.raises(RefusedError) as caught:
        new.load()
    assert (caught.value.control, caught.value.resource) == ("GS-BKM-002", str(new.uri))


def test_each_restored_older_state_is_refused():
    for sequence in (1, 2):
        objects = bucket()
        store = store_of(objects)
        objects.copy(store.history_uri(sequence), store.uri)
        with pytest.raises(RefusedError) as caught:
            store.load()
        assert (caught.value.control, caught.value.resource) == ("GS-BKM-004", str(store.uri))


@pytest.mark.parametrize(("one", "two"), [(1, 2), (1, 3), (2, 3)])
def test_history_entries_swapped(one, two):
    objects = bucket()
    store = store_of(objects)
    first, second = (objects.read(store.history_uri(sequence)).body for sequence in (one, two))
    objects.put(store.history_uri(one), second)
    objects.put(store.history_uri(two), first)
    with pytest.raises(RefusedError) as caught:
        list(store.history(store.load()))
    assert caught.value.control == "GS-BKM-004"
    assert caught.value.resource in {str(store.history_uri(sequence)) for sequence in (one, two)}


@pytest.mark.parametrize(
    "operation", ["GetObject", "ListObjectsV2", "PutObject", "GenerateDataKey", "Decrypt"]
)
def test_each_missing_permission_has_its_own_exit_code(operation):
    objects = bucket()
    store = store_of(objects, denied=operation)
    if operation in ("GetObject", "ListObjectsV2", "PutObject"):
        denied = ServiceError(f"{operation}: AccessDenied", code="AccessDenied", operation=operation)
        objects.fail_next(operation, denied)
    with pytest.raises(VerificationError) as caught:
        commit(store, "jr_9")
    assert (caught.value.control, caught.value.exit_code) == ("GS-BKM-006", 4)
    assert caught.value.resource == str(store.uri)
    assert store_of(objects).load().sequence == 3
