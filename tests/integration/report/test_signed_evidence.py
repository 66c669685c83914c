"""Signed evidence in the embedded account: keys of its KMS, versions of its S3, a copy, and an auditor."""

import json
import os
import shutil
import sys

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from run_fixture import new_run_fixture
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.arguments import JobIdentity
from glue_secure.core.chain import entry_name
from glue_secure.core.identifiers import RunId, S3Uri
from glue_secure.embedded.account_setup import provision
from glue_secure.embedded.clients import clients
from glue_secure.embedded.seed import ensure_job
from glue_secure.run import composition
from glue_secure.run.start import open_run

BUCKET = "signed-evidence"
LOCATION = f"s3://{BUCKET}/evidence/"
RUNS = ("jr_a1", "jr_a2", "jr_a3")


class Account:
    def __init__(self, account, folder):
        self.account, self.folder = account, folder
        self.clients = clients(account)
        self.s3 = self.clients("s3")
        self.provisioned = provision(account)
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self.pem = folder / "key.pem"
        self.pem.write_bytes(self.public_key(self.provisioned.signing_key))
        for job in ("signed-a", "signed-b"):
            ensure_job(account, job)
        for run_id in RUNS:
            self.run("signed-a", run_id)
        self.run("signed-b", "jr_b1")

    def public_key(self, arn):
        key = load_der_public_key(self.clients("kms").get_public_key(KeyId=arn)["PublicKey"])
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def run(self, job, run_id, **arguments):
        values = {"glue-secure-evidence-uri": LOCATION, **arguments}
        identity = JobIdentity(job, RunId(run_id), False, None)
        parsed = composition.arguments(["job.py"]).with_overrides(values)
        engine = new_run_fixture().engine
        services = composition.services()
        engine.settings["fs.s3a.endpoint"] = services.environment.s3_endpoint
        open_run(identity, parsed, services=services, engine=engine).commit()

    def copied(self, name):
        folder = self.folder / name
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
            for entry in page.get("Contents", ()):
                path = folder / entry["Key"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self.s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read())
        return folder

    def put(self, key, body, kms_key=None):
        self.s3.put_object(
            Bucket=BUCKET,
            Key=key,
            Body=body,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=kms_key or self.provisioned.data_key,
        )

    def body(self, key):
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def restore(self, key):
        """Delete the newest version of an object."""
        versions = self.s3.list_object_versions(Bucket=BUCKET, Prefix=key)
        newest = [each for kind in ("Versions", "DeleteMarkers") for each in versions.get(kind, ())]
        (one,) = (each for each in newest if each["IsLatest"])
        self.s3.delete_object(Bucket=BUCKET, Key=key, VersionId=one["VersionId"])


@pytest.fixture(scope="module")
def archive(glue_account, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        # In the processes of pytest-xdist, the main module is no file.
        patch.setattr(sys.modules["__main__"], "__file__", __file__, raising=False)
        yield Account(glue_account, tmp_path_factory.mktemp("signed"))


def verify(*words):
    done = CliRunner().invoke(app, ["evidence", "verify", *map(str, words), "--json"])
    assert done.exit_code in (0, 3, 4), done.output
    return done.exit_code, json.loads(done.stdout)


def document(run_id, name="evidence.json"):
    return f"evidence/job=signed-a/run={run_id}/{name}"


def entry(archive, sequence):
    owner = f"{archive.account.account_id}-{archive.account.region}"
    return f"evidence/job=signed-a/_chain/{owner}/{entry_name(sequence)}"


def test_runs_of_the_embedded_account_are_signed_and_verified(archive):
    code, reports = verify("--in", LOCATION, "--key", archive.pem)
    assert code == 0, reports
    assert [(each["job"], each["entries"], each["signed"]) for each in reports] == [
        ("signed-a", 6, 6),
        ("signed-b", 2, 2),
    ]
    assert verify("--in", LOCATION, "--key", archive.provisioned.signing_key)[0] == 0
    assert verify("--in", LOCATION)[0] == 4, "signatures are not verified without a key"
    assert verify("jr_b1", "--in", LOCATION, "--key", archive.pem)[0] == 0


def replaced(archive):
    archive.put(document("jr_a2"), archive.body(document("jr_a2")).replace(b"succeeded", b"succeedeD"))
    return [document("jr_a2")], "SHA-256"


def removed(archive):
    archive.s3.delete_object(Bucket=BUCKET, Key=document("jr_a2"))
    return [document("jr_a2")], "a delete marker"


def encrypted_again(archive):
    key = archive.provisioned.catalog_key
    archive.put(document("jr_a2"), archive.body(document("jr_a2")), key)
    return [document("jr_a2")], f"encrypted with aws:kms {key}"


def stored_again(archive):
    archive.put(document("jr_a2"), archive.body(document("jr_a2")))
    return [document("jr_a2")], "2 versions"


def truncated(archive):
    keys = [document("jr_a3"), entry(archive, 6)]
    for key in keys:
        archive.s3.delete_object(Bucket=BUCKET, Key=key)
    return keys, "a delete marker"


def replayed(archive):
    archive.put(document("jr_a3"), archive.body(document("jr_a1")))
    return [document("jr_a3")], "SHA-256"


@pytest.mark.parametrize("tamper", [replaced, removed, encrypted_again, stored_again, truncated, replayed])
def test_tampering_in_the_bucket_is_found(archive, tamper):
    keys, found = tamper(archive)
    try:
        code, (report,) = verify("--in", LOCATION, "--job", "signed-a", "--key", archive.pem)
        assert code == 3
        assert report["result"] == "broken"
        (first,) = (each for each in report["findings"][:1])
        assert first["resource"] == f"s3://{BUCKET}/{keys[-1]}"
        assert found in first["found"]
    finally:
        for key in keys:
            archive.restore(key)


def test_an_auditor_answers_the_questions_with_a_copy_the_public_key_and_the_page(archive, monkeypatch):
    folder = archive.copied("audit")
    for name in [name for name in os.environ if name.startswith(("AWS_", "GLUE_SECURE_"))]:
        monkeypatch.delenv(name)
    code, reports = verify("--in", folder, "--key", archive.pem)
    assert code == 0
    assert not any(each["not_ended"] for each in reports)
    shown = CliRunner().invoke(app, ["evidence", "show", "jr_a1", "--in", str(folder), "--json"])
    assert shown.exit_code == 0, shown.output
    facts = json.loads(shown.stdout)
    assert facts["caller"].startswith("arn:aws:")
    assert len(facts["script"]["sha256"]) == 64
    assert {"glue-secure", "python", "boto3", "botocore", "cryptography"} <= set(facts["versions"])
    by_service = {each["service"]: each for each in facts["endpoints"]}
    assert {"s3", "kms", "glue"} <= set(by_service)
    assert by_service["s3"]["protocol"].startswith("TLSv1.")
    assert len(by_service["s3"]["fingerprint"]) == 64
    assert by_service["s3"]["issuer"]
    assert set(facts["control_titles"]) == {each["control"] for each in facts["controls"]}
    assert facts["keys"]["evidence-signing"] == archive.provisioned.signing_key
    assert facts["chain"]["algorithm"] == "ECDSA_SHA_256"
    assert facts["policy"] is None


def test_a_chain_in_a_copy_that_was_rolled_back_is_found_by_the_noted_entry(archive):
    folder = archive.copied("rolled-back")
    _, (report, _) = verify("--in", folder, "--key", archive.pem)
    for path in (document("jr_a3"), document("jr_a3", "_started.json"), entry(archive, 6), entry(archive, 5)):
        (folder / path).unlink()
    shutil.rmtree(folder / "evidence/job=signed-a/run=jr_a3")
    assert verify("--in", folder, "--key", archive.pem)[0] == 0, "the older state was right, too"
    code, (report, _) = verify("--in", folder, "--key", archive.pem, "--head", f"signed-a={report['head']}")
    assert code == 3
    assert report["findings"][-1]["found"] == "no entry 6; the newest is 4"


@pytest.mark.parametrize(
    ("usage", "spec", "algorithm"),
    [
        ("SIGN_VERIFY", "RSA_2048", "RSASSA_PSS_SHA_256"),
        ("SIGN_VERIFY", "ECC_NIST_P384", "ECDSA_SHA_384"),
        ("GENERATE_VERIFY_MAC", "HMAC_256", "HMAC_SHA_256"),
    ],
)
def test_evidence_is_signed_and_verified_with_other_kinds_of_keys(archive, usage, spec, algorithm):
    kms = archive.clients("kms")
    arn = kms.create_key(KeyUsage=usage, KeySpec=spec, MultiRegion=False)["KeyMetadata"]["Arn"]
    location = f"s3://{BUCKET}/{spec}/"
    archive.run(
        "signed-a",
        "jr_k1",
        **{"glue-secure-evidence-uri": location, "glue-secure-evidence-signing-key": arn},
    )
    code, (report,) = verify("--in", location, "--key", arn)
    assert (code, report["signed"], report["signing_keys"]) == (0, 2, [arn])
    head = archive.body(f"{spec}/job=signed-a/_chain/{report['owner']}/{entry_name(2)}")
    assert json.loads(head)["algorithm"] == algorithm
    assert verify("--in", location, "--key", archive.pem)[0] == 3


def test_evidence_is_delivered_to_the_bucket_of_another_account(archive):
    """A bucket and key of a log archive account: the embedded account evaluates no policies."""
    location = f"s3://{BUCKET}/delivered/"
    key = archive.provisioned.logs_key
    archive.run(
        "signed-a", "jr_d1", **{"glue-secure-evidence-uri": location, "glue-secure-evidence-key": key}
    )
    uri = S3Uri.parse(location).child("job=signed-a/run=jr_d1/evidence.json")
    head = archive.s3.head_object(Bucket=BUCKET, Key=uri.key)
    assert head["SSEKMSKeyId"] == key
    assert verify("--in", location, "--key", archive.pem)[0] == 0
