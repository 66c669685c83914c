"""``glue-secure evidence verify``: evidence that was changed, removed, inserted or moved is found."""

import base64
import json
from copy import copy
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from run_fixture import new_run_fixture
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.cli.evidence_verify import _print as print_reports
from glue_secure.core.arguments import JobArguments, JobIdentity
from glue_secure.core.chain import ChainEntry, chain_location, entry_digest, entry_name, sequence_of
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.evidence import digest
from glue_secure.core.findings import Verdict
from glue_secure.core.identifiers import RunId, S3Uri
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.service import ServiceError
from glue_secure.report.chain_verification import Head, Scope, verify_chains
from glue_secure.report.signatures import verification_key
from glue_secure.report.stored import LocalFolder, S3Folder, stored_runs
from glue_secure.run.start import open_run

PREFIX = S3Uri("evidence", "runs/")
OWNER = "123456789012-eu-west-1"


class Archive:
    """Three runs of job ``curate`` and one of job ``other`` with signed evidence, and what verifies them."""

    def __init__(self, fixture, tmp_path):
        self.fixture, self.objects, self.tmp_path = fixture, fixture.objects, tmp_path
        fixture.arguments["glue-secure-evidence-signing-key"] = str(fixture.signing_key)
        fixture.control_plane.run_attachments["other", "jr_9"] = "strict"
        for number in (1, 2, 3):
            self.run(f"jr_{number}")
        self.run("jr_9", job="other")
        public = load_der_public_key(fixture.key_service.public_key(fixture.signing_key))
        self.pem = tmp_path / "key.pem"
        self.public = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.pem.write_bytes(self.public)

    def run(self, run_id, *, job="curate"):
        arguments = JobArguments({**self.fixture.arguments, "job-bookmark-option": "job-bookmark-disable"})
        identity = JobIdentity(job, RunId(run_id), True, None)
        services = self.fixture.services()
        open_run(identity, arguments, services=services, engine=self.fixture.engine).commit()
        self.fixture.clock.advance(hours=1)

    def document(self, run_id, name="evidence.json", job="curate"):
        return PREFIX.child(f"job={job}/run={run_id}/{name}")

    def entry(self, sequence, job="curate", owner=OWNER):
        return PREFIX.child(f"job={job}/_chain/{owner}/{entry_name(sequence)}")

    def parsed(self, sequence):
        return ChainEntry.parse(self.objects.read(self.entry(sequence)).body)

    def put(self, uri, body, key=None):
        """Replace an object as a principal that may write the bucket: with the right key and metadata."""
        key = str(key or self.fixture.key)
        self.objects.put(uri, body, algorithm="aws:kms", key=key, metadata={"sha256": digest(body)})

    def body(self, uri):
        return self.objects.read(uri).body

    def edited(self, uri, **changes):
        return json.dumps({**json.loads(self.body(uri)), **changes}).encode()

    def sign(self, entry):
        """Sign with the job's own key, as the job's role can."""
        unsigned = replace(entry, signature="")
        key, service = self.fixture.signing_key, self.fixture.key_service
        signature = service.sign(key, entry.algorithm, unsigned.signed_bytes())
        return replace(entry, signature=base64.b64encode(signature).decode())

    def head(self, job="curate"):
        (report,) = (each for each in self.verify() if each.job == job)
        return Head.parse(f"{job}={report.head}")

    def verify(self, *, in_copy=False, keys=True, **scope):
        folder = LocalFolder(self.copied()) if in_copy else S3Folder(PREFIX, self.objects)
        chosen = [verification_key(str(self.pem), self.no_kms)] if keys is True else keys
        return verify_chains(folder, Scope(keys=chosen, **scope))

    def copied(self):
        folder = self.tmp_path / "copy"
        for key in self.objects.keys("evidence"):
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.body(S3Uri("evidence", key)))
        return folder

    @staticmethod
    def no_kms_is_called():
        return None

    @staticmethod
    def no_kms():
        raise AssertionError("a public key in a file needs no call of KMS")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return Archive(new_run_fixture(), tmp_path_factory.mktemp("archive"))


@pytest.fixture
def archive(built, tmp_path, monkeypatch):
    """The archive, which the test may change."""
    objects, fixture = built.objects, built.fixture
    for name in ("_buckets", "_history"):
        monkeypatch.setattr(
            objects, name, {key: copy(value) for key, value in getattr(objects, name).items()}
        )
    monkeypatch.setattr(objects, "versioned", set())
    monkeypatch.setattr(fixture, "arguments", dict(fixture.arguments))
    monkeypatch.setattr(fixture, "signing_key", fixture.signing_key)
    monkeypatch.setattr(fixture.clock, "_now", fixture.clock.now())
    monkeypatch.setattr(built, "tmp_path", tmp_path)
    monkeypatch.setattr(built, "pem", tmp_path / "key.pem")
    built.pem.write_bytes(built.public)
    return built


def breaks(reports):
    return [one for report in reports for one in report.findings if one.verdict is Verdict.FAIL]


@pytest.mark.parametrize("in_copy", [False, True])
def test_unchanged_evidence_is_verified_offline(archive, in_copy):
    reports = archive.verify(in_copy=in_copy)
    assert [(each.job, each.entries, each.documents, each.signed) for each in reports] == [
        ("curate", 6, 6, 6),
        ("other", 2, 2, 2),
    ]
    assert {one.verdict for each in reports for one in each.findings} == {Verdict.PASS}
    assert not any(each.not_ended for each in reports)


def replace_document(archive):
    uri = archive.document("jr_2")
    archive.put(uri, archive.edited(uri, outcome="refused"))
    return "run=jr_2/evidence.json", "SHA-256"


def remove_document(archive):
    archive.objects.delete(archive.document("jr_2"))
    return "run=jr_2/evidence.json", "no such document"


def remove_document_and_entry(archive):
    archive.objects.delete(archive.document("jr_2"))
    archive.objects.delete(archive.entry(4))
    return entry_name(5), "entry 5 after 3"


def reorder(archive):
    third, fourth = (archive.body(archive.entry(number)) for number in (3, 4))
    archive.put(archive.entry(3), fourth)
    archive.put(archive.entry(4), third)
    return entry_name(3), "entry 4 under this name"


def truncate_document(archive):
    uri = archive.document("jr_3")
    archive.put(uri, archive.body(uri)[:100])
    return "run=jr_3/evidence.json", "SHA-256"


def replay_of_another_job(archive):
    archive.put(archive.document("jr_3"), archive.body(archive.document("jr_9", job="other")))
    archive.put(archive.entry(6), archive.body(archive.entry(2, job="other")))
    return entry_name(6), "entry 2 under this name"


def replay_of_another_jobs_chain(archive):
    for number in range(1, 7):
        archive.objects.delete(archive.entry(number))
    for number in (1, 2):
        archive.put(archive.entry(number), archive.body(archive.entry(number, job="other")))
    return entry_name(1), "an entry of job other"


def replay_of_another_account(archive):
    other = "999999999999-eu-west-1"
    for number in range(1, 7):
        archive.put(archive.entry(number, owner=other), archive.body(archive.entry(number)))
        archive.objects.delete(archive.entry(number))
    return entry_name(1), f"in {OWNER}"


def replay_of_an_older_run(archive):
    archive.put(archive.document("jr_3"), archive.body(archive.document("jr_1")))
    return "run=jr_3/evidence.json", "SHA-256"


def replay_of_an_older_entry(archive):
    archive.put(archive.entry(7), archive.body(archive.entry(2)))
    return entry_name(7), "entry 2 under this name"


def strip_the_start(archive):
    archive.objects.delete(archive.document("jr_2", "_started.json"))
    return "run=jr_2/_started.json", "no such document"


def edit_the_start(archive):
    uri = archive.document("jr_2", "_started.json")
    archive.put(uri, archive.edited(uri, started="2020-01-01T00:00:00+00:00"))
    return "run=jr_2/_started.json", "SHA-256"


def strip_an_attempt(archive):
    archive.run("jr_3")
    archive.objects.delete(archive.document("jr_3", "evidence-2.json"))
    return "run=jr_3/evidence-2.json", "no such document"


def edit_an_attempt(archive):
    archive.run("jr_3")
    uri = archive.document("jr_3", "evidence-2.json")
    archive.put(uri, archive.edited(uri, writes=[]))
    return "run=jr_3/evidence-2.json", "SHA-256"


def insert_a_run(archive):
    body = archive.edited(archive.document("jr_1"), run_id="jr_7")
    archive.put(archive.document("jr_7"), body)
    return "run=jr_7/evidence.json", "a document that no entry names"


def edit_an_entry(archive):
    entry = replace(archive.parsed(4), sha256="0" * 64)
    archive.put(archive.entry(4), entry.to_json())
    return entry_name(4), "did not make"


def set_the_earliest_time(archive):
    entry = replace(archive.parsed(1), time="0001-01-01T00:00:00+00:00")
    archive.put(archive.entry(1), entry.to_json())
    return entry_name(1), "did not make"


def strip_a_signature(archive):
    entry = replace(archive.parsed(6), signature="", signing_key="", algorithm="")
    archive.put(archive.entry(6), entry.to_json())
    return entry_name(6), "not signed"


def forge_without_the_key(archive):
    """Replace a document, its entry and every later entry, with another key's signature."""
    real, archive.fixture.signing_key = archive.fixture.signing_key, archive.fixture.other_key
    forge_with_the_jobs_role(archive)
    archive.fixture.signing_key = real
    return entry_name(4), "did not make"


def forge_with_the_jobs_role(archive):
    """Replace a document, its entry and every later entry, all signed with the job's own key."""
    uri = archive.document("jr_2")
    body = archive.edited(uri, outcome="succeeded", writes=[])
    archive.put(uri, body)
    previous = entry_digest(archive.parsed(3))
    for number in (4, 5, 6):
        entry = replace(archive.parsed(number), previous=previous)
        if number == 4:
            entry = replace(entry, sha256=digest(body))
        entry = archive.sign(entry)
        archive.put(archive.entry(number), entry.to_json())
        previous = entry_digest(entry)
    # The document of jr_3 names the entry of its start, which is now another one.
    third = archive.document("jr_3")
    chain = json.loads(archive.body(third))["chain"] | {"start_sha256": entry_digest(archive.parsed(5))}
    body = archive.edited(third, chain=chain)
    archive.put(third, body)
    entry = archive.sign(replace(archive.parsed(6), sha256=digest(body)))
    archive.put(archive.entry(6), entry.to_json())
    return entry_name(4), "stored at"


KINDS = [
    replace_document,
    remove_document,
    remove_document_and_entry,
    reorder,
    truncate_document,
    replay_of_another_job,
    replay_of_another_jobs_chain,
    replay_of_another_account,
    replay_of_an_older_run,
    replay_of_an_older_entry,
    strip_the_start,
    edit_the_start,
    strip_an_attempt,
    edit_an_attempt,
    insert_a_run,
    edit_an_entry,
    set_the_earliest_time,
    strip_a_signature,
    forge_without_the_key,
]


@pytest.mark.parametrize("tamper", KINDS, ids=lambda kind: kind.__name__)
def test_tampering_is_found_in_a_copy_and_named(archive, tamper):
    """A copy has neither S3's times nor versions: digests and signatures alone show it."""
    where, found = tamper(archive)
    first = breaks(archive.verify(in_copy=True))[0]
    assert where in first.resource
    assert found in first.found
    assert breaks(archive.verify()), "and in the bucket"
    verdicts = {one.verdict for each in archive.verify(in_copy=True, keys=()) for one in each.findings}
    assert verdicts & {Verdict.FAIL, Verdict.UNKNOWN}, "without a key, the exit code is never 0"


@pytest.mark.parametrize("chain", ["x", {"start": [1]}, {"start": "1"}])
def test_a_document_with_a_damaged_chain_is_named(archive, chain):
    uri = archive.document("jr_3")
    body = archive.edited(uri, chain=chain)
    archive.put(uri, body)
    entry = archive.sign(replace(archive.parsed(6), sha256=digest(body)))
    archive.put(archive.entry(6), entry.to_json())
    assert "run=jr_3/evidence.json" in breaks(archive.verify(in_copy=True))[0].resource


def test_evidence_that_was_encrypted_again_under_another_key_is_found(archive):
    uri = archive.document("jr_2")
    archive.put(uri, archive.body(uri), key=archive.fixture.other_key)
    first = breaks(archive.verify())[0]
    assert "run=jr_2/evidence.json" in first.resource
    assert first.found == f"encrypted with aws:kms {archive.fixture.other_key}"
    assert str(archive.fixture.key) in first.required


def test_a_forgery_with_the_jobs_own_role_is_found_by_s3s_times(archive):
    where, found = forge_with_the_jobs_role(archive)
    first = breaks(archive.verify())[0]
    assert where in first.resource
    assert found in first.found


def test_a_forgery_with_the_jobs_own_role_is_found_in_a_copy_by_a_noted_entry(archive):
    head = archive.head()
    forge_with_the_jobs_role(archive)
    assert not breaks(archive.verify(in_copy=True)), "every digest and signature is right"
    (found,) = breaks(archive.verify(in_copy=True, heads=[head]))
    assert found.required.startswith(f"6:{head.sha256}")


@pytest.mark.parametrize("in_copy", [False, True])
def test_a_chain_that_was_rolled_back_is_found_by_a_noted_entry(archive, in_copy):
    head = archive.head()
    for uri in (archive.document("jr_3"), archive.document("jr_3", "_started.json")):
        archive.objects.delete(uri)
    for number in (5, 6):
        archive.objects.delete(archive.entry(number))
    assert not breaks(archive.verify(in_copy=in_copy)), "the older state was right, too"
    (found,) = breaks(archive.verify(in_copy=in_copy, heads=[head]))
    assert found.found == "no entry 6; the newest is 4"


def test_a_chain_that_was_rolled_back_and_continued_is_found_by_a_noted_entry(archive):
    head = archive.head()
    for name in ("evidence.json", "_started.json"):
        archive.objects.delete(archive.document("jr_3", name))
    for number in (5, 6):
        archive.objects.delete(archive.entry(number))
    archive.run("jr_4")
    (found,) = breaks(archive.verify(heads=[head]))
    assert found.found.startswith("entry 6 is ")


def test_the_removed_evidence_of_a_whole_job_is_found_by_a_noted_entry(archive):
    head = archive.head("other")
    for key in [key for key in archive.objects.keys("evidence") if "/job=other/" in key]:
        archive.objects.delete(S3Uri("evidence", key))
    assert not breaks(archive.verify())
    (found,) = breaks(archive.verify(heads=[head]))
    assert found.resource == "chain of job other"
    assert not breaks(archive.verify(heads=[head], job="curate")), "another job"
    (found,) = breaks(archive.verify(heads=[head], job="other"))
    assert found.found == "no entry 2; the newest is 0"


def test_a_noted_entry_may_be_in_either_of_two_locations_and_needs_a_job_among_several(archive):
    head = archive.head()
    archive.fixture.arguments["glue-secure-evidence-uri"] = "s3://evidence/runs/second/"
    archive.run("jr_4")
    reports = archive.verify(heads=[head])
    assert [report.job for report in reports] == ["curate", "other", "curate"]
    assert not breaks(reports)
    with pytest.raises(UsageError, match="without a job, and 2 jobs"):
        archive.verify(heads=[replace(head, job="")])
    assert not breaks(archive.verify(heads=[replace(head, job="")], job="curate"))


def test_a_removed_chain_of_a_noted_entry_is_found(archive):
    head = archive.head()
    for number in range(1, 7):
        archive.objects.delete(archive.entry(number))
    reports = archive.verify(heads=[head])
    assert breaks(reports)[0].found == "no entry 6; the newest is 0"
    assert archive.verify(in_copy=True)[0].owner == "", "without it, they are documents without a chain"


@pytest.mark.parametrize(
    "tamper", [remove_document, replace_document, strip_the_start, remove_document_and_entry]
)
def test_a_versioned_bucket_shows_what_was_removed_or_replaced(archive, tamper):
    archive.objects.versioned.add("evidence")
    tamper(archive)
    found = breaks(archive.verify())
    assert any(each.found in ("a delete marker", "2 versions") or "SHA-256" in each.found for each in found)


def test_a_truncated_chain_of_a_versioned_bucket_is_found_without_a_noted_entry(archive):
    archive.objects.versioned.add("evidence")
    archive.objects.delete(archive.entry(6))
    archive.objects.delete(archive.document("jr_3"))
    assert {each.found for each in breaks(archive.verify())} == {"a delete marker"}


def test_a_delivered_copy_is_not_compared_with_s3s_times_if_its_origin_is_named(archive):
    for key in archive.objects.keys("evidence"):
        target = S3Uri("curated", f"archive/{key}")
        archive.objects.put(target, archive.body(S3Uri("evidence", key)))
    folder = S3Folder(S3Uri("curated", "archive"), archive.objects)
    keys = [verification_key(str(archive.pem), archive.no_kms)]
    assert breaks(verify_chains(folder, Scope(keys=keys)))
    assert not breaks(verify_chains(folder, Scope(keys=keys, copy_of="s3://evidence/runs/")))
    other = breaks(verify_chains(folder, Scope(keys=keys, copy_of="s3://elsewhere/runs/")))
    assert other[0].found == "an entry that was written below s3://evidence/runs/"


def test_signatures_that_are_not_verified_are_never_a_pass(archive):
    report, _ = archive.verify(keys=())
    assert [one.verdict for one in report.findings] == [Verdict.UNKNOWN]
    assert f"--key {archive.fixture.signing_key}" in report.findings[0].fix


def test_evidence_without_a_signing_key_is_not_signed(archive):
    del archive.fixture.arguments["glue-secure-evidence-signing-key"]
    archive.fixture.control_plane.run_attachments["new", "jr_9"] = "strict"
    archive.run("jr_9", job="new")
    (report,) = archive.verify(job="new", keys=())
    assert "not signed" in report.findings[0].found
    assert report.findings[0].verdict is Verdict.UNKNOWN
    (report,) = archive.verify(job="new")
    assert {one.verdict for one in report.findings} == {Verdict.UNKNOWN}, "the auditor expects a signature"


@pytest.mark.parametrize("scope", [{"run": "jr_2"}, {"run": "nonsense"}, {"job": "other"}])
def test_evidence_that_is_gone_is_an_error_although_an_entry_was_noted(archive, scope):
    head = archive.head()
    for name in ("evidence.json", "_started.json"):
        archive.objects.delete(archive.document("jr_2", name))
    for key in archive.objects.keys("evidence"):
        if "job=other/" in key:
            archive.objects.delete(S3Uri("evidence", key))
    with pytest.raises(UsageError, match="none of"):
        archive.verify(heads=[head], **scope)


def test_a_document_below_a_folder_of_the_job_is_no_evidence(archive):
    forged = archive.edited(archive.document("jr_2"), outcome="refused")
    archive.put(PREFIX.child("job=curate/x/run=jr_2/evidence.json"), forged)
    runs = stored_runs(S3Folder(PREFIX, archive.objects))
    assert [run.job for run in runs if run.run_id == "jr_2"] == ["curate"]


def test_a_role_that_signs_a_changed_past_again_is_found_without_versions(archive):
    archive.fixture.clock.advance(days=90)
    now = archive.fixture.clock.now().isoformat()
    archive.put(archive.document("jr_2"), archive.edited(archive.document("jr_2"), caller="another"))
    previous = archive.parsed(3)
    for sequence in (4, 5, 6):
        entry = archive.parsed(sequence)
        body = archive.body(PREFIX.child(entry.document))
        archive.put(PREFIX.child(entry.document), body)
        changed = replace(entry, previous=entry_digest(previous), sha256=digest(body), time=now)
        previous = archive.sign(changed)
        archive.put(archive.entry(sequence), previous.to_json())
    for in_copy in (False, True):
        found = [finding.found for finding in breaks(archive.verify(in_copy=in_copy, job="curate"))]
        assert any(text.startswith("a run that finished at 2026-01-01") for text in found)


@pytest.mark.parametrize("fact", [None, [1], {"start": "1"}, {}])
def test_a_signed_document_without_the_number_of_its_start_is_found(archive, fact):
    archive.put(archive.document("jr_3"), archive.edited(archive.document("jr_3"), chain=fact))
    body = archive.body(archive.document("jr_3"))
    entry = archive.sign(replace(archive.parsed(6), sha256=digest(body)))
    archive.put(archive.entry(6), entry.to_json())
    assert "chain.start" in {finding.required for finding in breaks(archive.verify(job="curate"))}


def test_a_copy_of_several_locations_is_compared_with_their_common_origin(archive):
    folder = LocalFolder(archive.copied())
    key = verification_key(str(archive.pem), archive.no_kms)
    for origin in ("s3://evidence/", "s3://evidence/runs/"):
        assert breaks(verify_chains(folder, Scope(keys=[key], copy_of=origin))) == []
    assert breaks(verify_chains(folder, Scope(keys=[key], copy_of="s3://evidence/dev/"))) != []


def test_a_signature_in_another_base64_form_is_no_entry(archive):
    entry = archive.parsed(6)
    body = entry.to_json()
    text = entry.signature
    padding = len(text) - len(text.rstrip("="))
    if padding:
        last = text[-padding - 1]
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        other = text[: -padding - 1] + alphabet[alphabet.index(last) + 1] + "=" * padding
        archive.put(archive.entry(6), body.replace(text.encode(), other.encode()))
        assert "canonical Base64" in breaks(archive.verify(job="curate"))[0].found


def test_a_refusal_because_of_the_signing_key_is_undecided_and_not_broken(archive):
    fixture = archive.fixture
    fixture.change_key(fixture.signing_key, state="Disabled")
    with pytest.raises(RefusedError, match="GS-EVD-002"):
        archive.run("jr_4")
    fixture.change_key(fixture.signing_key, state="Enabled")
    archive.run("jr_5")
    (report,) = archive.verify(job="curate")
    assert {one.verdict for one in report.findings} == {Verdict.UNKNOWN}


def test_a_run_that_could_not_write_its_first_entry_is_undecided(archive):
    denied = ServiceError("denied", code="AccessDenied", operation="ListObjectsV2")
    archive.objects.fail_next("ListObjectsV2", denied)
    with pytest.raises(VerificationError, match="GS-EVD-001"):
        archive.run("jr_4")
    (report,) = archive.verify(job="curate")
    stopping = {one.verdict for one in report.findings} - {Verdict.PASS}
    assert stopping == {Verdict.UNKNOWN}


def test_a_key_of_one_job_does_not_verify_another(archive):
    key = verification_key(f"other={archive.pem}", archive.no_kms)
    curate, other = archive.verify(keys=[key])
    assert "no --key is for this job" in curate.findings[0].found
    assert {one.verdict for one in curate.findings} == {Verdict.UNKNOWN}
    assert {one.verdict for one in other.findings} == {Verdict.PASS}


@pytest.mark.parametrize("name", ["alias/evidence", "curate=alias/evidence", "ARN"])
def test_a_key_is_read_from_kms_by_its_alias(archive, name):
    service = archive.fixture.key_service
    alias = str(archive.fixture.signing_key).rpartition(":")[0] + ":alias/evidence"
    service._aliases |= dict.fromkeys((alias, "alias/evidence"), str(archive.fixture.signing_key))
    key = verification_key(name.replace("ARN", alias), lambda: service)
    assert key.name == str(archive.fixture.signing_key)
    assert not breaks(archive.verify(keys=[key], job="curate"))


def test_another_arn_is_no_key(archive):
    with pytest.raises(UsageError, match="not the ARN of a KMS key"):
        verification_key("arn:aws:s3:::evidence", archive.no_kms_is_called)


def test_a_key_is_read_from_kms_by_its_arn(archive):
    key = verification_key(str(archive.fixture.signing_key), lambda: archive.fixture.key_service)
    assert not breaks(archive.verify(keys=[key]))


def test_hmac_keys_verify_through_kms(run_fixture, tmp_path):
    run_fixture.keys = [
        KmsKey(run_fixture.signing_key, "Enabled", "CUSTOMER", "GENERATE_VERIFY_MAC", "HMAC_256")
        if key.arn == run_fixture.signing_key
        else key
        for key in run_fixture.keys
    ]
    archive = Archive(run_fixture, tmp_path)
    assert archive.parsed(1).algorithm == "HMAC_SHA_256"
    key = verification_key(str(run_fixture.signing_key), lambda: run_fixture.key_service)
    assert not breaks(archive.verify(keys=[key]))
    edit_an_entry(archive)
    assert breaks(archive.verify(keys=[key], in_copy=True))


def test_one_run_is_verified_with_its_chain(archive):
    (report,) = archive.verify(run="jr_2")
    assert (report.entries, report.documents) == (6, 2)
    replace_document(archive)
    assert not breaks(archive.verify(run="jr_1", in_copy=True)), "another run's document is not read"
    assert breaks(archive.verify(run="jr_2", in_copy=True))


def test_documents_of_versions_without_a_chain_are_unknown(archive):
    for key in [key for key in archive.objects.keys("evidence") if "/_chain/" in key]:
        archive.objects.delete(S3Uri("evidence", key))
    reports = archive.verify()
    assert {each.owner for each in reports} == {""}
    assert {one.verdict for each in reports for one in each.findings} == {Verdict.UNKNOWN}


def test_a_run_that_was_killed_is_named(archive):
    archive.objects.delete(archive.document("jr_3"))
    archive.objects.delete(archive.entry(6))
    report, _ = archive.verify()
    assert report.not_ended == ("jr_3",)


def test_versions_that_may_not_be_listed_are_unknown(archive):
    denied = ServiceError("AccessDenied", code="AccessDenied", operation="ListObjectVersions")
    archive.objects.fail_next("ListObjectVersions", denied)
    reports = archive.verify()
    assert not breaks(reports)
    assert any("s3:ListBucketVersions" in one.fix for each in reports for one in each.findings)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("--key", "key.pem"), 0, "verified"),
        (("jr_2", "--key", "key.pem"), 0, "verified"),
        (("--job", "curate", "--key", "curate=key.pem"), 0, "--head curate=6:"),
        ((), 4, "signatures were not verified"),
        (("--key", "rsa.pem"), 3, "algorithm ECDSA_SHA_256; the keys have RSASSA_PSS_SHA_256"),
        (("--key", "key.pem", "--head", f"curate=2:{'0' * 64}"), 3, "rolled back or replaced"),
    ],
)
def test_the_command_prints_the_result_and_ends_with_its_code(archive, monkeypatch, words, code, text):
    folder = archive.copied()
    monkeypatch.chdir(archive.tmp_path)
    public = rsa.generate_private_key(65537, 2048).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (archive.tmp_path / "rsa.pem").write_bytes(pem)
    done = CliRunner().invoke(app, ["evidence", "verify", "--in", str(folder), *words])
    assert (done.exit_code, done.exception if done.exit_code == 1 else None) == (code, None)
    assert text in " ".join(done.stdout.split())
    listed = CliRunner().invoke(app, ["evidence", "verify", "--in", str(folder), *words, "--json"])
    assert listed.exit_code == code
    assert {each["result"] for each in json.loads(listed.stdout)} >= {"verified"} or code


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--key", "nowhere.pem"), "get-public-key"),
        (("--key", "text.txt"), "a public key for ECDSA"),
        (("--head", "6"), r"\[JOB=\]SEQUENCE:SHA256"),
        (("--job", "missing"), "none of job missing"),
        (("jr_77",), "none of run jr_77"),
        (("--copy-of", "here"), "not an S3 location"),
    ],
)
def test_wrong_options_are_named(archive, monkeypatch, words, text):
    folder = archive.copied()
    monkeypatch.chdir(archive.tmp_path)
    (archive.tmp_path / "text.txt").write_text("text")
    done = CliRunner().invoke(app, ["evidence", "verify", "--in", str(folder), *words])
    assert isinstance(done.exception, UsageError), done.output
    assert text.replace("\\", "") in str(done.exception)


def test_names_of_entries_sort_the_newest_first():
    names = [entry_name(number) for number in (1, 2, 9, 10, 99, 1000, 10**12 - 1)]
    assert sorted(names, reverse=True) == names
    assert [sequence_of(name) for name in names] == [1, 2, 9, 10, 99, 1000, 10**12 - 1]
    assert sequence_of("999999999998-2.json") is None
    location = chain_location(PREFIX, "curate", "123456789012", "eu-west-1")
    assert str(location) == f"s3://evidence/runs/job=curate/_chain/{OWNER}"


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body + b"\n",
        lambda body: body.replace(b'"sequence":1', b'"sequence":"1"'),
        lambda body: body.replace(b'"sequence":1', b'"sequence":true'),
        lambda body: b'{"schema":"glue-secure/chain/1"}\n',
        lambda body: b"[]",
        lambda body: b"\xff",
        lambda body: body.replace(b'{"', b'{"job":"x","', 1),
    ],
)
def test_only_the_canonical_form_of_an_entry_is_read(archive, change):
    body = archive.body(archive.entry(1))
    assert ChainEntry.parse(body).sequence == 1
    with pytest.raises(ValueError, match=r".+"):
        ChainEntry.parse(change(body))


def verify(archive, *words):
    key = ("--key", str(archive.pem))
    return CliRunner().invoke(app, ["evidence", "verify", "--in", str(archive.copied()), *key, *words])


def test_every_object_that_differs_is_printed_and_no_head_of_a_broken_chain(archive):
    for number in (1, 2, 3):
        uri = archive.document(f"jr_{number}")
        archive.put(uri, archive.edited(uri, caller="another"))
    done = verify(archive)
    assert done.exit_code == 3
    for number in (1, 2, 3):
        (line,) = [each for each in done.stdout.splitlines() if f"run=jr_{number}/" in each]
        assert "GS-EVD-003" in line or "SHA-256" in line
    assert "--head curate=" not in done.stdout
    assert "newest entry of job curate: not to be noted, because" in done.stdout
    assert "--head other=2:" in done.stdout
    result = json.loads(verify(archive, "--json", "--job", "curate").stdout)
    assert result[0]["head"] == ""


def test_more_than_20_objects_that_differ_are_counted(archive):
    for number in range(4, 27):
        body = archive.edited(archive.document("jr_1"), run_id=f"jr_{number}")
        archive.put(archive.document(f"jr_{number}"), body)
    out = verify(archive).stdout
    assert out.count("  also broken: ") == 20
    assert "  and 2 more, which --json lists" in out


def test_the_result_of_one_run_says_so(archive):
    assert "one run, jr_2: 2 documents compared" in verify(archive, "jr_2").stdout
    assert "one run" not in verify(archive).stdout


@pytest.mark.parametrize("is_versioned", [False, True])
def test_a_bucket_without_versions_is_named(archive, is_versioned, capsys):
    if is_versioned:
        archive.objects.versioned.add("evidence")
    reports = archive.verify()
    assert [report.unversioned for report in reports] == ([0, 0] if is_versioned else [6, 2])
    print_reports(reports, "")
    assert ("8 objects of the chains were stored without versioning" in capsys.readouterr().out) is not (
        is_versioned
    )


def test_versions_that_were_not_read_are_named(archive):
    assert "versions were not read" in verify(archive).stdout
    assert {report.unversioned for report in archive.verify(copy_of="s3://evidence/runs/")} == {None}
