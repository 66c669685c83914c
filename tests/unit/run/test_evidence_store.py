"""The chain that runs write beside their evidence, its signatures, and the evidence of refused runs."""

import json
import sys
from collections import Counter
from dataclasses import replace

import pytest

from glue_secure.core.chain import ChainEntry, entry_digest, entry_name
from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.evidence import digest
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.security_configuration import EncryptionSetting
from glue_secure.core.service import ServiceError
from glue_secure.report.chain_verification import Scope, verify_chains
from glue_secure.report.signatures import verification_key
from glue_secure.report.stored import S3Folder

PREFIX = S3Uri("evidence", "runs/")
CHAIN = PREFIX.child("job=curate/_chain/123456789012-eu-west-1")
DENIED = ServiceError("denied", code="AccessDeniedException", operation="Sign")


@pytest.fixture
def signed(run_fixture):
    run_fixture.arguments["glue-secure-evidence-signing-key"] = str(run_fixture.signing_key)
    return run_fixture


def entries(run_fixture):
    keys = [key for key in run_fixture.objects.keys("evidence") if "/_chain/" in key]
    bodies = [run_fixture.objects.read(S3Uri("evidence", key)).body for key in keys]
    return [ChainEntry.parse(body) for body in reversed(bodies)]


def problems(run_fixture):
    key = verification_key(str(run_fixture.signing_key), lambda: run_fixture.key_service)
    reports = verify_chains(S3Folder(PREFIX, run_fixture.objects), Scope(keys=[key]))
    return [finding for report in reports for finding in report.findings if finding.verdict != "PASS"]


def test_each_start_and_each_end_has_an_entry_that_names_the_one_before(signed):
    signed.start("jr_1").commit()
    signed.start("jr_2").close(ValueError())
    found = entries(signed)
    assert [each.document for each in found] == [
        "job=curate/run=jr_1/_started.json",
        "job=curate/run=jr_1/evidence.json",
        "job=curate/run=jr_2/_started.json",
        "job=curate/run=jr_2/evidence.json",
    ]
    assert [each.previous for each in found] == ["", *map(entry_digest, found[:-1])]
    body = signed.objects.read(PREFIX.child(found[1].document)).body
    assert found[1].sha256 == digest(body)
    assert json.loads(body)["chain"] == {
        "location": str(CHAIN),
        "start": 1,
        "start_sha256": entry_digest(found[0]),
        "signing_key": str(signed.signing_key),
        "algorithm": "ECDSA_SHA_256",
    }
    assert signed.evidence("jr_1")["keys"]["evidence-signing"] == str(signed.signing_key)
    assert problems(signed) == []


def test_runs_at_the_same_time_share_one_chain(signed):
    signed.arguments["job-bookmark-option"] = "job-bookmark-disable"
    runs = [signed.start(f"jr_{number}") for number in (1, 2, 3)]
    for run in (runs[1], runs[2], runs[0]):
        run.commit()
    assert [each.run_id for each in entries(signed)] == ["jr_1", "jr_2", "jr_3", "jr_2", "jr_3", "jr_1"]
    assert problems(signed) == []


def test_a_run_adds_a_fixed_number_of_requests_to_a_chain_of_any_length(signed):
    signed.arguments["job-bookmark-option"] = "job-bookmark-disable"

    def chained(run_id):
        signed.objects.calls.clear()
        signed.start(run_id).commit()
        return Counter(operation for operation, uri in signed.objects.calls if "/_chain/" in uri)

    chained("jr_1")
    expected = {"ListObjectsV2": 1, "HeadObject": 1, "PutObject": 2}
    assert [chained(f"jr_{number}") for number in range(2, 6)] == [expected] * 4


@pytest.mark.parametrize(
    ("state", "usage", "spec"),
    [
        ("Disabled", "SIGN_VERIFY", "ECC_NIST_P256"),
        ("Enabled", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"),
        ("Enabled", "SIGN_VERIFY", "ECC_SECG_P256K1"),
    ],
)
def test_gs_evd_002_a_key_that_is_no_signing_key_is_refused(signed, state, usage, spec):
    signed.change_key(signed.signing_key, state=state, usage=usage, spec=spec)
    with pytest.raises(RefusedError, match="GS-EVD-002") as caught:
        signed.start()
    assert f"{usage} {spec}, {state}" in caught.value.found
    assert signed.evidence()["error"]["control"] == "GS-EVD-002", "the refusal is recorded, unsigned"


def test_gs_evd_002_an_unknown_key_is_refused(signed):
    with pytest.raises(RefusedError, match="GS-EVD-002"):
        signed.start(glue_secure_evidence_signing_key="alias/missing")
    with pytest.raises(RefusedError, match="GS-EVD-002"):
        signed.start(glue_secure_evidence_key=str(signed.signing_key))


def test_gs_evd_002_a_run_whose_evidence_cannot_be_signed_stops_before_it_reads_or_writes(signed, capsys):
    signed.unusable[str(signed.signing_key)] = DENIED
    with pytest.raises(VerificationError, match="GS-EVD-002") as caught:
        signed.start()
    assert "kms:Sign" in caught.value.fix
    assert "before it read or wrote data" in caught.value.fix
    assert signed.engine.asked("read_s3") == signed.engine.asked("write_s3") == []
    assert "the evidence of this run is missing or incomplete" in capsys.readouterr().err
    assert signed.evidence()["error"]["control"] == "GS-EVD-002"


def test_gs_evd_002_a_signature_that_fails_after_the_commit_fails_the_run(signed):
    signed.land("m01.csv")
    run = signed.start()
    run.services.keys._unusable[str(signed.signing_key)] = DENIED
    with pytest.raises(VerificationError, match="GS-EVD-002") as caught:
        run.commit()
    assert "the outcome of the run is: succeeded" in caught.value.fix
    assert signed.evidence()["outcome"] == "succeeded"
    assert [finding.verdict for finding in problems(signed)] == ["UNKNOWN"], "it has no entry"


def test_an_object_that_is_no_entry_stops_the_run_and_is_named(signed):
    signed.objects.put(CHAIN.child("0.json"))
    with pytest.raises(VerificationError, match="GS-EVD-001") as caught:
        signed.start()
    assert str(CHAIN.child("0.json")) in caught.value.found


def test_a_false_digest_of_the_newest_entry_shows_in_the_verification(signed):
    signed.start("jr_1").commit()
    newest = CHAIN.child(entry_name(2))
    body = signed.objects.read(newest).body
    signed.objects.put(newest, body, algorithm="aws:kms", key=str(signed.key), metadata={"sha256": "0" * 64})
    signed.start("jr_2").commit()
    (finding,) = problems(signed)
    assert finding.resource.endswith(entry_name(3))
    assert finding.found == f"previous entry {'0' * 64}"


def test_an_entry_that_was_restored_without_its_digest_does_not_break_the_chain(signed):
    signed.start("jr_1").commit()
    newest = CHAIN.child(entry_name(2))
    signed.objects.put(newest, signed.objects.read(newest).body, algorithm="aws:kms", key=str(signed.key))
    signed.start("jr_2").commit()
    assert problems(signed) == []


def test_the_folder_of_a_chain_that_the_console_made_is_no_entry(signed):
    signed.objects.put(S3Uri(CHAIN.bucket, CHAIN.as_prefix()), b"")
    signed.start("jr_1").commit()
    assert problems(signed) == []


def test_a_refusal_is_raised_whatever_its_recording_raises(signed, monkeypatch, capsys):
    def broken(*_, **__):
        raise RuntimeError("secret")

    monkeypatch.setattr(RunRecorder, "evidence", broken)
    signed.change_key(signed.bookmark_key, state="Disabled")
    with pytest.raises(RefusedError, match="GS-KMS-002"):
        signed.start()
    said = capsys.readouterr().err
    assert "RuntimeError" in said
    assert "secret" not in said


def test_evidence_is_encrypted_under_the_key_that_is_named_for_it(signed):
    signed.keys = [
        replace(key, arn=replace(key.arn, account="999999999999")) if key.arn == signed.other_key else key
        for key in signed.keys
    ]
    archive = replace(signed.other_key, account="999999999999")
    signed.start(glue_secure_evidence_key=str(archive)).commit()
    for key in signed.objects.keys("evidence"):
        stored = signed.objects.encryption(S3Uri("evidence", key))
        assert (stored.algorithm, stored.key) == ("aws:kms", str(archive))
    assert problems(signed) == []


@pytest.mark.parametrize("argument", [{"db_password": "hunter2"}, {"encryption_type": "sse-s3"}])
def test_the_finding_that_stopped_a_run_at_its_start_is_in_its_evidence(signed, argument):
    with pytest.raises(RefusedError) as caught:
        signed.start(**argument)
    document = signed.evidence()
    (finding,) = [each for each in document["controls"] if each["verdict"] != "PASS"]
    assert document["error"]["control"] == finding["control"] == caught.value.control
    assert (finding["verdict"], finding["required"]) == ("FAIL", caught.value.required)
    assert "hunter2" not in json.dumps(document)


@pytest.mark.parametrize("control", ["GS-SEC-001", "GS-SEC-003", "GS-KMS-002", "GS-KMS-006"])
@pytest.mark.parametrize("has_key", [False, True], ids=["without", "with"])
def test_a_run_that_is_refused_before_its_keys_are_verified_leaves_evidence(signed, capsys, control, has_key):
    if control == "GS-SEC-001":
        signed.control_plane.run_attachments["curate", "jr_1"] = None
    elif control == "GS-SEC-003":
        signed.configure(s3=(EncryptionSetting("SSE-S3"),))
    elif control == "GS-KMS-002":
        signed.change_key(signed.bookmark_key, state="Disabled")
    else:
        signed.unusable[str(signed.bookmark_key)] = DENIED
    key = signed.other_key if has_key else signed.key
    named = {"glue_secure_evidence_key": str(key)} if has_key else {}
    with pytest.raises((RefusedError, VerificationError), match=control):
        signed.start(**named)
    said = capsys.readouterr().err
    if not has_key and control in ("GS-SEC-001", "GS-SEC-003"):
        assert "no key that can encrypt the evidence of the refusal" in said
        assert "--glue-secure-evidence-key" in said
        assert signed.evidence_keys() == []
        return
    assert said == ""
    (name,) = signed.evidence_keys()
    stored = signed.objects.read(S3Uri("evidence", name))
    assert (stored.algorithm, stored.key) == ("aws:kms", str(key))
    document = json.loads(stored.body)
    assert (document["outcome"], document["error"]["control"]) == ("refused", control)
    is_undecided = document["error"]["type"] == "VerificationError"
    found = [each["verdict"] for each in document["controls"] if each["control"] == control]
    assert found.count("UNKNOWN" if is_undecided else "FAIL") == 1
    assert document["caller"] == signed.environment.caller
    assert document["control_titles"][control]["severity"] in ("CRITICAL", "HIGH", "MEDIUM")
    assert [(each.document, each.sequence) for each in entries(signed)] == [
        ("job=curate/run=jr_1/evidence.json", 1)
    ]
    assert problems(signed) == []


def test_a_refusal_that_cannot_be_recorded_is_still_raised(signed, capsys):
    signed.change_key(signed.bookmark_key, state="Disabled")
    denied = ServiceError("denied", code="AccessDenied", operation="PutObject")
    signed.objects.fail_next("PutObject", denied)
    with pytest.raises(RefusedError, match="GS-KMS-002"):
        signed.start()
    said = capsys.readouterr().err
    assert "the evidence of this run is missing or incomplete" in said
    assert "GS-EVD-001" in said


def test_evidence_names_the_script_and_the_titles_of_its_controls(signed, monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "__file__", __file__, raising=False)
    signed.start(scriptLocation="s3://code/job.py").commit()
    document = signed.evidence()
    assert document["script"]["location"] == "s3://code/job.py"
    assert len(document["script"]["sha256"]) == 64
    found = {each["control"] for each in document["controls"]}
    assert set(document["control_titles"]) == found
