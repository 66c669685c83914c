"""Objects re-encrypted in place: make_plan, copied under the key, and read back."""

from __future__ import annotations

import pytest

from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import ServiceError
from glue_secure.core.target_encryption import EncryptionRules
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
def make_plan(run_fixture):
    return lambda **more: remediation.plan(
        OUT, EncryptionRules.of_key(run_fixture.key), objects=run_fixture.objects, **more
    )


def test_a_plan_lists_objects_that_are_not_under_the_key_and_changes_nothing(run_fixture, make_plan):
    put(run_fixture, "good")
    put(run_fixture, "plain", "AES256", "")
    put(run_fixture, "other", key=run_fixture.other_key)
    run_fixture.objects.put(S3Uri("curated", "outside"), algorithm="AES256", key="")
    before = run_fixture.objects.calls.copy()
    plan = make_plan()
    assert plan.inspected == 3
    assert [repair.object.uri.key for repair in plan.repairs] == ["out/other", "out/plain"]
    assert {call for call, _ in run_fixture.objects.calls[len(before) :]} == {"ListObjectsV2", "HeadObject"}


def test_applying_a_plan_preserves_content_and_storage_class(run_fixture, make_plan):
    uri = put(run_fixture, "plain", "AES256", "", storage_class="STANDARD_IA")
    assert remediation.apply(make_plan(), objects=run_fixture.objects) == {}
    assert run_fixture.objects.read(uri).body == b"plain"
    assert [summary.storage_class for summary in run_fixture.objects.list(OUT)] == ["STANDARD_IA"]
    assert make_plan().repairs == ()


def test_an_object_that_changed_since_the_plan_is_not_copied(run_fixture, make_plan):
    uri = put(run_fixture, "plain", "AES256", "")
    plan = make_plan()
    put(run_fixture, "plain", "AES256", "")
    assert "If-Match" in remediation.apply(plan, objects=run_fixture.objects)[uri]


def test_a_server_that_ignores_the_headers_is_detected(run_fixture, make_plan, monkeypatch):
    uri = put(run_fixture, "plain", "AES256", "")
    monkeypatch.setattr(type(run_fixture.objects), "copy_onto_itself", lambda *_, **__: None)
    assert remediation.apply(make_plan(), objects=run_fixture.objects) == {uri: "AES256, after the copy"}


def test_an_archived_object_is_reported_and_not_copied(run_fixture, make_plan):
    uri = put(run_fixture, "cold", "AES256", "", storage_class="GLACIER")
    assert "restore it first" in remediation.apply(make_plan(), objects=run_fixture.objects)[uri]
    assert "CopyObject" not in {call for call, _ in run_fixture.objects.calls}


@pytest.mark.parametrize("operation", ["ListObjectsV2", "HeadObject"])
def test_gs_s3_007_a_denied_request_stops_the_plan(run_fixture, make_plan, operation):
    put(run_fixture, "good")
    run_fixture.objects.fail_next(operation, DENIED)
    with pytest.raises(VerificationError, match="GS-S3-007"):
        make_plan()


def test_gs_s3_009_reserved_locations_are_rejected(make_plan):
    with pytest.raises(RefusedError, match="GS-S3-009"):
        make_plan(reserved=[S3Uri("curated", "out/bookmarks/")])
