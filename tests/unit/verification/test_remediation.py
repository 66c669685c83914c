"""Objects re-encrypted in place: planned first, copied under the key, read back."""

from __future__ import annotations

import pytest

from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import ServiceError
from glue_secure.verification import remediation

OUT = S3Uri("curated", "out/")
DENIED = ServiceError("AccessDenied", code="AccessDenied", operation="HeadObject")


def put(run_fixture, name, algorithm="aws:kms", key=None, **more):
    uri = S3Uri("curated", f"out/{name}")
    run_fixture.objects.put(
        uri, name.encode(), algorithm=algorithm, key=str(run_fixture.key) if key is None else str(key), **more
    )
    return uri


@pytest.fixture
def planned(run_fixture):
    return lambda **more: remediation.plan(OUT, run_fixture.key, objects=run_fixture.objects, **more)


def test_a_plan_names_what_is_not_under_the_key_and_changes_nothing(run_fixture, planned):
    put(run_fixture, "good")
    put(run_fixture, "plain", "AES256", "")
    put(run_fixture, "other", key=run_fixture.other_key)
    run_fixture.objects.put(S3Uri("curated", "outside"), algorithm="AES256", key="")
    before = run_fixture.objects.calls.copy()
    made = planned()
    assert made.inspected == 3
    assert [one.object.uri.key for one in made.repairs] == ["out/other", "out/plain"]
    assert {call for call, _ in run_fixture.objects.calls[len(before) :]} == {"ListObjectsV2", "HeadObject"}


def test_what_is_applied_is_under_the_key_with_its_bytes_and_class(run_fixture, planned):
    uri = put(run_fixture, "plain", "AES256", "", storage_class="STANDARD_IA")
    assert remediation.apply(planned(), objects=run_fixture.objects) == {}
    assert run_fixture.objects.read(uri).body == b"plain"
    assert [found.storage_class for found in run_fixture.objects.list(OUT)] == ["STANDARD_IA"]
    assert planned().repairs == ()


def test_an_object_that_changed_since_the_plan_is_left_alone_and_told(run_fixture, planned):
    uri = put(run_fixture, "plain", "AES256", "")
    made = planned()
    put(run_fixture, "plain", "AES256", "")
    assert "If-Match" in remediation.apply(made, objects=run_fixture.objects)[uri]


def test_a_store_that_ignores_the_header_is_noticed(run_fixture, planned, monkeypatch):
    uri = put(run_fixture, "plain", "AES256", "")
    monkeypatch.setattr(type(run_fixture.objects), "copy_onto_itself", lambda *_, **__: None)
    assert remediation.apply(planned(), objects=run_fixture.objects) == {uri: "AES256, after the copy"}


def test_an_archived_object_is_told_and_not_tried(run_fixture, planned):
    uri = put(run_fixture, "cold", "AES256", "", storage_class="GLACIER")
    assert "restore it first" in remediation.apply(planned(), objects=run_fixture.objects)[uri]
    assert "CopyObject" not in {call for call, _ in run_fixture.objects.calls}


@pytest.mark.parametrize("operation", ["ListObjectsV2", "HeadObject"])
def test_gs_s3_007_what_cannot_be_looked_at_stops_it(run_fixture, planned, operation):
    put(run_fixture, "good")
    run_fixture.objects.fail_next(operation, DENIED)
    with pytest.raises(VerificationError, match="GS-S3-007"):
        planned()


def test_gs_s3_009_bookmarks_and_evidence_are_left_alone(planned):
    with pytest.raises(RefusedError, match="GS-S3-009"):
        planned(reserved=[S3Uri("curated", "out/bookmarks/")])
