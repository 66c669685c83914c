"""Runs with a policy file, in memory: integrity, evidence, keys, tables and connectors."""

import hashlib
import zipfile
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from run_fixture import KEY, OTHER_KEY, run_fixture, server

from glue_secure.aws.s3 import S3ObjectStore
from glue_secure.connections.connectors.table import connector
from glue_secure.core.catalog import CatalogTable
from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.core.target_encryption import Algorithm, Encryption, EncryptionRule
from glue_secure.io.housekeeping import ObjectSelection
from glue_secure.verification import remediation

__all__ = ["run_fixture", "server"]

FILE = S3Uri("config", "policy.toml")
ZONES = f"""\
schema = 1
name = "zones"
[[targets]]
name = "zone-b"
prefix = "s3://curated/"
encryption = "SSE-KMS"
keys = ["{OTHER_KEY}"]
[[targets]]
name = "zone-c"
prefix = "s3://state/open/"
encryption = "SSE-S3"
reason = "open data"
"""


def put(run_fixture, text, uri=FILE, **encryption):
    encryption = encryption or {"algorithm": "aws:kms", "key": str(KEY)}
    run_fixture.objects.put(uri, text.encode(), **encryption)
    return {"glue_secure_policy": str(uri)}


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_objects_are_verified_by_the_rule_of_their_zone_and_the_evidence_names_it(run_fixture):
    run = run_fixture.start(**put(run_fixture, ZONES))
    run.writer.write_s3(["a"], "s3://curated/out/", format="parquet")
    run.commit()
    evidence = run_fixture.evidence()
    (write,) = evidence["writes"]
    assert write["objects"][0]["key"] == str(OTHER_KEY)
    assert evidence["policy"] == {
        "files": [
            {
                "location": str(FILE),
                "level": "organisation",
                "name": "zones",
                "sha256": digest(ZONES),
                "version": "",
                "integrity": f"aws:kms {KEY}, a customer managed key of the account",
            }
        ],
        "used": {"zone-b": 1},
        "missing_tables": [],
        "exceptions": [],
    }
    passes = {(f["control"], f["resource"]) for f in evidence["controls"] if f["verdict"] == "PASS"}
    assert ("GS-POL-001", str(FILE)) in passes
    assert ("GS-KMS-002", f"{OTHER_KEY} (target zone-b)") in passes


def test_without_a_policy_file_the_evidence_has_none(run_fixture):
    run = run_fixture.start()
    run.writer.write_s3(["a"], "s3://curated/out/", format="parquet")
    run.commit()
    assert run_fixture.evidence()["policy"] is None


def test_gs_s3_004_the_runs_key_is_wrong_in_a_zone_with_another(run_fixture):
    run = run_fixture.start(**put(run_fixture, ZONES))
    run_fixture.engine.key = str(KEY)
    with pytest.raises(RefusedError, match="by entry zone-b"):
        run.writer.write_s3(["a"], "s3://curated/out/", format="parquet")


@pytest.mark.parametrize(
    "encryption",
    [
        {"algorithm": "AES256", "key": ""},
        {"algorithm": "", "key": ""},
        {"algorithm": "aws:kms", "key": ""},
        {"algorithm": "aws:kms", "key": str(KEY).replace("123456789012", "999999999999")},
    ],
    ids=str,
)
def test_gs_pol_001_a_file_without_digest_and_own_key_stops_the_run(run_fixture, encryption):
    arguments = put(run_fixture, ZONES, **encryption)
    with pytest.raises((RefusedError, VerificationError), match="GS-POL-001"):
        run_fixture.start(**arguments)
    # The digest in the arguments is the other way to show that the file is the reviewed one.
    run_fixture.start(**arguments, glue_secure_policy_sha256=digest(ZONES))


def test_gs_pol_001_a_key_that_aws_manages_does_not_protect_the_file(run_fixture):
    run_fixture.change_key(OTHER_KEY, manager="AWS")
    with pytest.raises(RefusedError, match="GS-POL-001"):
        run_fixture.start(**put(run_fixture, "schema = 1", algorithm="aws:kms", key=str(OTHER_KEY)))


def test_gs_pol_001_another_digest_stops_the_run_before_anything_else(run_fixture):
    arguments = put(run_fixture, ZONES)
    run_fixture.configure(job_bookmarks=None)  # would fail GS-SEC-005
    with pytest.raises(RefusedError, match="GS-POL-001") as caught:
        run_fixture.start(**arguments, glue_secure_policy_sha256="0" * 64)
    assert digest(ZONES) in caught.value.fix
    assert run_fixture.evidence()["error"]["control"] == "GS-POL-001"


def test_gs_pol_001_a_file_that_cannot_be_read_stops_the_run(run_fixture):
    arguments = put(run_fixture, ZONES)
    run_fixture.objects.fail_next(
        "GetObject", ServiceError("denied", code="AccessDenied", operation="GetObject")
    )
    with pytest.raises(VerificationError, match="GS-POL-001"):
        run_fixture.start(**arguments)
    with pytest.raises(VerificationError, match="GS-POL-001"):
        run_fixture.start(glue_secure_policy="s3://config/missing.toml")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"glue_secure_policy": "policy.toml"}, "package:PACKAGE/FILE"),
        ({"glue_secure_policy": "s3://config/"}, "one object"),
        ({"glue_secure_policy": "package:no.such.package/policy.toml"}, "ModuleNotFoundError"),
        ({"glue_secure_policy": "package:hashlib/policy.toml"}, "package:hashlib"),
        ({"glue_secure_policy": f"{FILE},{FILE}"}, "at most one"),
        ({"glue_secure_policy": str(FILE), "glue_secure_policy_sha256": "abc"}, "64 hexadecimal"),
        (
            {"glue_secure_policy": str(FILE), "glue_secure_policy_sha256": f"{'0' * 64},{'0' * 64}"},
            "for each",
        ),
        ({"glue_secure_policy_sha256": "0" * 64}, "for each"),
    ],
)
def test_an_invalid_argument_is_rejected(run_fixture, arguments, expected):
    put(run_fixture, ZONES)
    with pytest.raises(UsageError, match=expected):
        run_fixture.start(**arguments)


def test_an_invalid_file_is_rejected_with_its_line(run_fixture):
    with pytest.raises(UsageError, match=r"s3://config/policy.toml:2"):
        run_fixture.start(**put(run_fixture, "schema = 1\nlevle = 1"))


def test_a_packaged_file_needs_no_s3(run_fixture, tmp_path, monkeypatch):
    (tmp_path / "acme_policy").mkdir()
    (tmp_path / "acme_policy" / "__init__.py").write_text("")
    (tmp_path / "acme_policy" / "policy.json").write_text('{"schema": 1, "name": "acme"}')
    monkeypatch.syspath_prepend(str(tmp_path))
    run = run_fixture.start(glue_secure_policy="package:acme_policy/policy.json")
    assert run.preflight.policy.policy.name == "acme"


def test_levels_are_combined_in_any_order(run_fixture):
    target = '[[targets]]\nname = "j"\nprefix = "s3://curated/j/"\nencryption = "SSE-S3"\nreason = "r"\n'
    put(run_fixture, ZONES)
    put(run_fixture, f'schema = 1\nlevel = "job"\n{target}', S3Uri("config", "job.toml"))
    with pytest.raises(UsageError, match="level job"):
        run_fixture.start(glue_secure_policy=f"s3://config/job.toml,{FILE}")


def test_a_key_of_another_account_needs_a_reason(run_fixture):
    foreign = KmsKeyArn.parse(str(OTHER_KEY).replace("123456789012", "210987654321"))
    run_fixture.keys.append(
        run_fixture.keys[0].__class__(foreign, "Enabled", "CUSTOMER", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
    )
    text = ZONES.replace(str(OTHER_KEY), str(foreign))
    run = run_fixture.start("jr_1", **put(run_fixture, text))
    with pytest.raises(RefusedError, match="GS-KMS-005"):
        run.writer.write_s3(["a"], "s3://curated/out/", format="parquet")
    text = text.replace(
        f'keys = ["{foreign}"]', f'keys = ["{foreign}"]\nshared_key = true\nreason = "a shared zone"'
    )
    run = run_fixture.start("jr_2", **put(run_fixture, text))
    run.writer.write_s3(["a"], "s3://curated/out/", format="parquet")


@pytest.mark.parametrize(
    ("bucket_region", "expected"),
    [("eu-central-1", None), ("eu-west-1", RefusedError), (None, VerificationError)],
)
def test_gs_kms_005_a_key_may_be_in_the_region_of_its_bucket(run_fixture, bucket_region, expected):
    key = KmsKeyArn.parse(str(OTHER_KEY).replace("eu-west-1", "eu-central-1"))
    run_fixture.keys.append(KmsKey(key, "Enabled", "CUSTOMER", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"))
    if bucket_region is None:
        denied = ServiceError("HeadBucket: denied", code="AccessDenied", operation="HeadBucket")
        # The first request is for S3's time.
        run_fixture.objects.fail_next("HeadBucket", denied, times=2)
    else:
        run_fixture.objects.regions["curated"] = bucket_region
    run = run_fixture.start(**put(run_fixture, ZONES.replace(str(OTHER_KEY), str(key))))
    with nullcontext() if expected is None else pytest.raises(expected, match="GS-KMS-005"):
        run.writer.write_s3(["a"], "s3://curated/out/", format="parquet")


def test_the_region_of_a_bucket_is_not_requested_for_a_key_of_the_runs_region(run_fixture):
    run = run_fixture.start(**put(run_fixture, ZONES))
    run.writer.write_s3(["a"], "s3://curated/out/", format="parquet")
    # The only request is for S3's time.
    assert run_fixture.objects.calls.count(("HeadBucket", "s3://curated/")) == 1


FOREIGN = KmsKeyArn.parse(str(OTHER_KEY).replace("123456789012", "210987654321"))


def with_foreign_key(run_fixture):
    run_fixture.keys.append(KmsKey(FOREIGN, "Enabled", "CUSTOMER", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"))


def test_each_key_of_another_account_needs_a_reason_and_not_only_the_first(run_fixture):
    with_foreign_key(run_fixture)
    text = ZONES.replace(f'["{OTHER_KEY}"]', f'["{OTHER_KEY}", "{FOREIGN}"]')
    run = run_fixture.start(**put(run_fixture, text))
    run_fixture.engine.key = str(FOREIGN)
    with pytest.raises(RefusedError, match="GS-S3-004"):
        run.writer.write_s3(["a"], "s3://curated/out/", format="parquet")


def test_the_reason_of_one_entry_is_not_that_of_another_with_the_same_key(run_fixture):
    with_foreign_key(run_fixture)
    text = ZONES.replace(str(OTHER_KEY), str(FOREIGN))
    text += f"""
[[targets]]
name = "shared"
prefix = "s3://curated/shared/"
encryption = "SSE-KMS"
keys = ["{FOREIGN}"]
shared_key = true
reason = "a shared zone"
"""
    run = run_fixture.start(**put(run_fixture, text))
    run.writer.write_s3(["a"], "s3://curated/shared/", format="parquet")
    with pytest.raises(RefusedError, match="GS-KMS-005"):
        run.writer.write_s3(["a"], "s3://curated/out/", format="parquet")


def test_a_lower_level_does_not_add_the_reason_for_a_key_of_another_account(run_fixture):
    with_foreign_key(run_fixture)
    organisation = ZONES.replace(str(OTHER_KEY), str(FOREIGN))
    put(run_fixture, organisation)
    job = organisation.replace('name = "zones"', 'name = "job"\nlevel = "job"').replace(
        f'keys = ["{FOREIGN}"]', f'keys = ["{FOREIGN}"]\nshared_key = true\nreason = "mine"'
    )
    put(run_fixture, job, S3Uri("config", "job.toml"))
    run = run_fixture.start(glue_secure_policy=f"{FILE},s3://config/job.toml")
    with pytest.raises(RefusedError, match="GS-KMS-005"):
        run.writer.write_s3(["a"], "s3://curated/out/", format="parquet")


def test_the_key_that_an_object_is_under_is_checked_and_not_only_the_first_of_the_entry(run_fixture):
    third = KmsKeyArn.parse(str(OTHER_KEY).replace("2222", "4444"))
    run_fixture.keys.append(KmsKey(third, "Enabled", "AWS", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"))
    text = ZONES.replace(f'["{OTHER_KEY}"]', f'["{OTHER_KEY}", "{third}"]')
    run = run_fixture.start("jr_1", **put(run_fixture, text))
    run.writer.write_s3(["a"], "s3://curated/out/", format="parquet")
    run_fixture.engine.key = str(third)
    with pytest.raises(RefusedError, match="GS-KMS-003"):
        run.writer.write_s3(["b"], "s3://curated/more/", format="parquet")


def test_objects_of_the_sample_are_counted_once(run_fixture):
    run_fixture.engine.guard = ""
    run = run_fixture.start(**put(run_fixture, ZONES))
    run.writer.write_s3(["a", "b"], "s3://curated/out/", format="parquet")
    run.commit()
    assert run_fixture.evidence()["policy"]["used"] == {"zone-b": 2}


@pytest.mark.parametrize(
    ("change", "control"),
    [
        ({"state": "Disabled"}, "GS-KMS-002"),
        ({"state": "PendingDeletion"}, "GS-KMS-002"),
        ({"manager": "AWS"}, "GS-KMS-003"),
        ({"usage": "SIGN_VERIFY"}, "GS-KMS-004"),
    ],
)
def test_a_key_that_cannot_be_used_stops_the_write_before_an_object_is_stored(run_fixture, change, control):
    run = run_fixture.start(**put(run_fixture, ZONES))
    run_fixture.change_key(OTHER_KEY, **change)
    run = run_fixture.start("jr_2", **put(run_fixture, ZONES))
    with pytest.raises(RefusedError, match=control):
        run.writer.write_s3(["a"], "s3://curated/out/", format="parquet")
    assert run_fixture.objects.keys("curated") == []


def test_a_run_that_does_not_use_a_zone_does_not_need_its_key(run_fixture):
    run_fixture.change_key(OTHER_KEY, state="Disabled")
    run = run_fixture.start(**put(run_fixture, ZONES.replace("s3://curated/", "s3://elsewhere/")))
    run.writer.write_s3(["a"], "s3://curated/out/", format="parquet")
    run.commit()


def test_a_table_stands_for_its_location(run_fixture):
    run_fixture.control_plane.tables["lake", "flights"] = table("s3://curated/flights")
    text = ZONES.replace('prefix = "s3://curated/"', 'table = "lake.flights"')
    text += '[[targets]]\nname = "new"\ntable = "lake.new"\nencryption = "SSE-KMS"\n'
    run = run_fixture.start(**put(run_fixture, text))
    rules = run.preflight.plan.rules
    assert rules.rule(S3Uri("curated", "flights/part-0")).entry == "zone-b"
    assert rules.rule(S3Uri("curated", "flights2/part-0")).entry == ""
    run.commit()
    assert run_fixture.evidence()["policy"]["missing_tables"] == ["lake.new"]


def table(location, name="flights"):
    return CatalogTable.from_api(
        {"DatabaseName": "lake", "Name": name, "StorageDescriptor": {"Location": location}}
    )


TABLE = f"""\
schema = 1
[[targets]]
name = "strict"
prefix = "s3://curated/strict/"
encryption = "SSE-KMS"
keys = ["{OTHER_KEY}"]
[[targets]]
name = "flights"
table = "Lake.Flights"
encryption = "SSE-S3"
reason = "open data"
"""


def test_a_table_is_found_by_the_name_that_the_data_catalog_stores(run_fixture):
    run_fixture.control_plane.tables["lake", "flights"] = table("s3://curated/flights/")
    rules = run_fixture.start(**put(run_fixture, TABLE)).preflight.plan.rules
    assert rules.rule(S3Uri("curated", "flights/part-0")).entry == "flights"


@pytest.mark.parametrize("location", ["s3://curated/strict", "s3://curated/strict/flights/"])
def test_a_table_that_is_moved_into_another_target_does_not_loosen_it(run_fixture, location):
    run_fixture.control_plane.tables["lake", "flights"] = table(location)
    with pytest.raises(UsageError, match=r"target flights: table lake.flights.*\n.*as target strict"):
        run_fixture.start(**put(run_fixture, TABLE))
    dsse = TABLE.replace('encryption = "SSE-S3"', f'encryption = "DSSE-KMS"\nkeys = ["{OTHER_KEY}"]')
    rules = run_fixture.start("jr_2", **put(run_fixture, dsse)).preflight.plan.rules
    assert rules.rule(S3Uri("curated", "strict/flights/part-0")).accepts("aws:kms:dsse", str(OTHER_KEY))


def test_two_tables_at_one_location_must_state_the_same(run_fixture):
    run_fixture.control_plane.tables["lake", "flights"] = table("s3://curated/flights/")
    run_fixture.control_plane.tables["lake", "routes"] = table("s3://curated/flights", "routes")
    text = f'{TABLE}[[targets]]\nname = "routes"\ntable = "lake.routes"\nencryption = "SSE-KMS"\n'
    with pytest.raises(UsageError, match="as target routes"):
        run_fixture.start(**put(run_fixture, text))


@pytest.mark.parametrize("before", [None, "s3://curated/other/"])
@pytest.mark.parametrize("ends", ["commit", "end_without_commit"])
def test_gs_s3_004_a_table_that_appears_or_moves_during_the_run_decides_at_its_end(run_fixture, before, ends):
    if before:
        run_fixture.control_plane.tables["lake", "flights"] = table(before)
    text = TABLE.replace('"SSE-S3"', f'"SSE-KMS"\nkeys = ["{OTHER_KEY}"]')
    run = run_fixture.start(**put(run_fixture, text))
    run.writer.write_s3(["a"], "s3://curated/flights/", format="parquet")
    run_fixture.control_plane.tables["lake", "flights"] = table("s3://curated/flights/")
    with pytest.raises(RefusedError, match="by entry flights"):
        getattr(run, ends)()


def test_a_table_that_appears_during_the_run_may_accept_its_objects(run_fixture):
    run = run_fixture.start(**put(run_fixture, TABLE))
    run.writer.write_s3(["a"], "s3://curated/flights/", format="parquet")
    run_fixture.control_plane.tables["lake", "flights"] = table("s3://curated/flights/")
    run.commit()


@pytest.mark.parametrize(
    ("prefix", "own"),
    [
        ("s3://evidence/", "--glue-secure-evidence-uri"),
        ("s3://evidence/runs/job=curate/", "--glue-secure-evidence-uri"),
        ("s3://state/", "--glue-secure-bookmark-uri"),
    ],
)
def test_a_policy_that_the_runs_own_objects_would_violate_is_rejected(run_fixture, prefix, own):
    text = ZONES.replace("s3://curated/", prefix)
    with pytest.raises(UsageError, match=own) as caught:
        run_fixture.start(**put(run_fixture, text))
    place = caught.value.fix.partition('prefix = "')[2].partition('"')[0]
    assert place in ("s3://evidence/runs/", "s3://state/bookmarks/")
    if place.startswith(prefix):
        text += f'[[targets]]\nname = "own"\nprefix = "{place}"\nencryption = "SSE-KMS"\nkeys = ["run"]\n'
        run_fixture.start("jr_2", **put(run_fixture, text)).commit()


def test_evidence_and_bookmarks_stay_sse_kms_in_a_zone_that_is_declared_sse_s3(run_fixture):
    text = "schema = 1\n"
    for name in ("evidence", "state"):
        text += f'[[targets]]\nname = "{name}"\nprefix = "s3://{name}/"\nencryption = "SSE-S3"\n'
        text += f'keys = ["{OTHER_KEY}"]\nreason = "open data"\n'
    run_fixture.land("a.csv")
    run = run_fixture.start(**put(run_fixture, text))
    run.reader.read_s3("s3://landing/flights/", format="csv", transformation_ctx="flights")
    run.commit()
    stored = [
        S3Uri(bucket, key) for bucket in ("evidence", "state") for key in run_fixture.objects.keys(bucket)
    ]
    assert len(stored) > 2
    assert {run_fixture.objects.encryption(uri).algorithm for uri in stored} == {"aws:kms"}


CONNECTOR = """\
schema = 1
[[connectors]]
class = "com.example.Source"
sha256 = "{}"
owner = "team"
reason = "no other driver"
"""


@pytest.mark.parametrize("is_reviewed", [True, False])
def test_gs_con_002_a_connector_of_the_policy_file_may_be_used_with_its_jar(
    run_fixture, tmp_path, is_reviewed
):
    jar = tmp_path / "source.jar"
    jar.write_bytes(b"code" if is_reviewed else b"other code")
    run_fixture.engine.jar = jar
    run = run_fixture.start(**put(run_fixture, CONNECTOR.format(digest("code"))))
    own, options = connector("custom and marketplace connectors"), {"className": "com.example.Source"}
    if is_reviewed:
        run.stores.check_call(own, options, "a source")
    else:
        with pytest.raises(RefusedError, match="GS-CON-002"):
            run.stores.check_call(own, options, "a source")


IMAGE = f"sha256:{'ab' * 32}"
URL = "https://709825985650.dkr.ecr.us-east-1.amazonaws.com/acme/glue/orders:1.0"


@pytest.mark.parametrize(
    ("properties", "digest_of", "expected"),
    [
        ({"CONNECTOR_URL": URL}, lambda _: IMAGE, None),
        ({"CONNECTOR_URL": URL}, lambda _: IMAGE.replace("ab", "cd"), RefusedError),
        (
            {"CONNECTOR_URL": URL},
            NotFound("none", code="", operation=""),
            VerificationError,
        ),
        ({}, lambda _: IMAGE, VerificationError),
        (None, lambda _: IMAGE, VerificationError),
    ],
    ids=["reviewed", "another", "missing", "no image", "no connection"],
)
def test_gs_con_002_a_connector_of_the_policy_file_may_be_used_with_its_image(
    run_fixture, properties, digest_of, expected
):
    def answer(url):
        assert url == URL
        if isinstance(digest_of, Exception):
            raise digest_of
        return digest_of(url)

    run_fixture.images = SimpleNamespace(digest=answer)
    options = {"className": "com.example.Source"}
    if properties is not None:
        properties = {"CONNECTOR_CLASS_NAME": "com.example.Source", **properties}
        run_fixture.control_plane.connections["orders"] = GlueConnection("orders", "MARKETPLACE", properties)
        options = {"connectionName": "orders"}
    text = CONNECTOR.replace("sha256 =", "image =").format(IMAGE)
    run = run_fixture.start(**put(run_fixture, text))
    with nullcontext() if expected is None else pytest.raises(expected, match="GS-CON-002"):
        run.stores.check_call(connector("custom and marketplace connectors"), options, "a source")


def test_an_entry_with_jar_and_image_needs_both(run_fixture, tmp_path):
    run_fixture.engine.jar = tmp_path / "source.jar"
    run_fixture.engine.jar.write_bytes(b"other code")
    run_fixture.images = SimpleNamespace(digest=lambda _: IMAGE)
    properties = {"CONNECTOR_CLASS_NAME": "com.example.Source", "CONNECTOR_URL": URL}
    run_fixture.control_plane.connections["orders"] = GlueConnection("orders", "MARKETPLACE", properties)
    text = CONNECTOR.format(digest("code")) + f'image = "{IMAGE}"\n'
    run = run_fixture.start(**put(run_fixture, text))
    own = connector("custom and marketplace connectors")
    with pytest.raises(RefusedError, match="GS-CON-002"):
        run.stores.check_call(own, {"connectionName": "orders"}, "a source")
    run_fixture.engine.jar.write_bytes(b"code")
    run = run_fixture.start("jr_2", **put(run_fixture, text))
    run.stores.check_call(own, {"connectionName": "orders"}, "a source")


def test_a_policy_file_with_connectors_limits_the_argument(run_fixture):
    arguments = put(run_fixture, CONNECTOR.format("ab" * 32))
    with pytest.raises(UsageError, match="does not approve"):
        run_fixture.start(**arguments, glue_secure_allowed_connectors="com.example.Other")
    run_fixture.start(**arguments, glue_secure_allowed_connectors="com.example.Source")


ZONE_A, ZONE_B, ZONE_C = S3Uri("config", "a/x"), S3Uri("curated", "b/x"), S3Uri("state", "open/c/x")
BY_RULE = {ZONE_A: ("aws:kms", str(KEY)), ZONE_B: ("aws:kms", str(OTHER_KEY)), ZONE_C: ("AES256", "")}


def test_transitions_and_manifests_are_encrypted_by_the_rules_of_their_prefixes(run_fixture):
    for uri, (algorithm, key) in BY_RULE.items():
        run_fixture.objects.put(uri, algorithm=algorithm, key=key)
    run = run_fixture.start(**put(run_fixture, ZONES))
    selection = ObjectSelection(0, frozenset(), S3Uri("state", "open/manifest/"))
    locations = ["s3://config/a/", "s3://curated/b/", "s3://state/open/c/"]
    run.housekeeping.transition("zones", locations, "STANDARD_IA", selection)
    run.commit()
    manifest = S3Uri("state", "open/manifest/Success.csv")
    for uri, expected in {**BY_RULE, manifest: ("AES256", "")}.items():
        found = run_fixture.objects.encryption(uri)
        assert (found.algorithm, found.key) == expected, uri


def test_remediation_encrypts_each_object_by_its_rule(run_fixture):
    text = ZONES + '[[targets]]\nname = "b"\nprefix = "s3://state/open/b/"\nencryption = "SSE-KMS"\n'
    rules = run_fixture.start(**put(run_fixture, text)).preflight.plan.rules
    inside = S3Uri("state", "open/b/x")
    for uri in (ZONE_C, inside):
        run_fixture.objects.put(uri, algorithm="aws:kms", key=str(OTHER_KEY))
    location = S3Uri("state", "open/")
    plan = remediation.plan(location, rules, objects=run_fixture.objects)
    assert len(plan.repairs) == 2
    assert remediation.apply(plan, objects=run_fixture.objects) == {}
    found = {uri: run_fixture.objects.encryption(uri) for uri in (ZONE_C, inside)}
    assert (found[ZONE_C].algorithm, found[ZONE_C].key) == ("AES256", "")
    assert (found[inside].algorithm, found[inside].key) == ("aws:kms", str(KEY))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (
            EncryptionRule(None, (Encryption(Algorithm.SSE_KMS, str(KEY)),), bucket_key=True),
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": str(KEY), "BucketKeyEnabled": True},
        ),
        (
            EncryptionRule(None, (Encryption(Algorithm.DSSE_KMS, str(KEY)),)),
            {"ServerSideEncryption": "aws:kms:dsse", "SSEKMSKeyId": str(KEY)},
        ),
        (EncryptionRule(None, (Encryption(Algorithm.SSE_S3),)), {"ServerSideEncryption": "AES256"}),
    ],
    ids=["SSE-KMS", "DSSE-KMS", "SSE-S3"],
)
def test_glue_secures_own_requests_name_the_encryption_of_the_rule(rule, expected):
    sent = []
    client = SimpleNamespace(
        put_object=lambda **parameters: sent.append(parameters),
        copy_object=lambda **parameters: sent.append(parameters),
    )
    store = S3ObjectStore(client=client)
    store.write_as(ZONE_B, b"x", rule=rule, content_type="text/csv")
    store.copy_onto_itself(ZONE_B, "STANDARD", rule=rule, etag="1")
    names = ("ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled")
    for parameters in sent:
        assert {name: parameters[name] for name in names if name in parameters} == expected


@pytest.mark.parametrize("is_approved", [True, False])
def test_gs_tls_013_a_drivers_jar_of_the_policy_file_is_accepted(run_fixture, server, tmp_path, is_approved):
    jar = tmp_path / "driver.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("org/postgresql/Driver.class", b"")
    run_fixture.engine.jar = jar
    sha256 = hashlib.sha256(jar.read_bytes()).hexdigest() if is_approved else "0" * 64
    text = CONNECTOR.format(sha256).replace("com.example.Source", "org.postgresql.Driver")
    run = run_fixture.start(**put(run_fixture, text))
    if is_approved:
        run.reader.read_jdbc("ops", "airlines")
    else:
        with pytest.raises(VerificationError, match="GS-TLS-013"):
            run.reader.read_jdbc("ops", "airlines")
