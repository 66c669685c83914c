"""Every wrong combination of zone and encryption is refused, by the guard, the settings and the read-back.

Zone A is the default (the run's key), zone B has key 2 with an S3 Bucket Key, zone C is declared SSE-S3, zone
D is DSSE-KMS under key 2, and zone E is a prefix of zone A's bucket under key 2.
"""

import itertools

import pytest

from glue_secure.core.driver_s3 import guarded_parameters
from glue_secure.core.errors import RefusedError
from glue_secure.core.findings import Verdict
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import BucketRules, ObjectEncryption
from glue_secure.core.policy import check_object
from glue_secure.core.request_guard import RequestPolicy
from glue_secure.core.spark_conf import check_client, check_settings, plan_settings
from glue_secure.core.target_encryption import EncryptionRules
from glue_secure.policyfile.levels import combine
from glue_secure.policyfile.model import rules_of
from glue_secure.policyfile.reader import parse_policy
from glue_secure.verification.bucket_policy_proof import BucketPolicyProver

RUN = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")
KEY_2 = "arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-2222-2222-222222222222"
KEY_3 = "arn:aws:kms:eu-west-1:210987654321:key/33333333-3333-3333-3333-333333333333"
TEXT = f"""\
schema = 1
[[targets]]
name = "B"
prefix = "s3://zone-b/"
encryption = "SSE-KMS"
keys = ["{KEY_2}"]
bucket_key = true
[[targets]]
name = "C"
prefix = "s3://zone-c/"
encryption = "SSE-S3"
reason = "open data"
[[targets]]
name = "D"
prefix = "s3://zone-d/"
encryption = "DSSE-KMS"
keys = ["{KEY_2}"]
[[targets]]
name = "E"
prefix = "s3://zone-a/e/"
encryption = "SSE-KMS"
keys = ["{KEY_2}", "{KEY_3}"]
shared_key = true
reason = "another account writes here, too"
"""
RULES = rules_of(combine([parse_policy(TEXT, "policy.toml")]), RUN)
ENDPOINT = "https://s3.eu-west-1.amazonaws.com"
PLAN = plan_settings(RUN, s3_endpoint=ENDPOINT, rules=RULES)
PLACES = {"A": "zone-a/x", "B": "zone-b/x", "C": "zone-c/x", "D": "zone-d/x", "E": "zone-a/e/x"}
ENCRYPTIONS = [("", ""), ("AES256", "")]
ENCRYPTIONS += list(itertools.product(["aws:kms", "aws:kms:dsse"], ["", str(RUN), KEY_2, KEY_3]))
# What may be stored in each zone; every other of the 50 combinations is wrong.
RIGHT = {
    ("A", "aws:kms", str(RUN)),
    ("B", "aws:kms", KEY_2),
    ("C", "AES256", ""),
    ("C", "aws:kms", str(RUN)),
    ("C", "aws:kms:dsse", str(RUN)),
    ("D", "aws:kms:dsse", KEY_2),
    ("E", "aws:kms", KEY_2),
    ("E", "aws:kms", KEY_3),
}
COMBINATIONS = [
    pytest.param(zone, algorithm, key, id=f"{zone} {algorithm or 'none'} {key[-4:] or '-'}")
    for zone in PLACES
    for algorithm, key in ENCRYPTIONS
]


def uri(zone):
    bucket, _, key = PLACES[zone].partition("/")
    return S3Uri(bucket, key)


@pytest.mark.parametrize(("zone", "algorithm", "key"), COMBINATIONS)
def test_the_read_back_passes_only_what_the_zone_accepts(zone, algorithm, key):
    finding = check_object(ObjectEncryption(uri(zone), algorithm, key, True, 1), RULES)
    is_right = (zone, algorithm, key) in RIGHT
    assert finding.verdict is (Verdict.PASS if is_right else Verdict.FAIL)
    if zone != "A":
        assert f"by entry {zone}" in (finding.found if is_right else finding.required)


@pytest.mark.parametrize(("zone", "algorithm", "key"), [c for c in COMBINATIONS if c.values[1]])
def test_the_guard_of_botocore_passes_only_what_the_zone_accepts(zone, algorithm, key):
    place = uri(zone)
    parameters = {"Bucket": place.bucket, "Key": place.key, "ServerSideEncryption": algorithm}
    if key:
        parameters["SSEKMSKeyId"] = key
    completed = {one for one in RIGHT if one[:2] == (zone, algorithm)}
    if not completed or (key and (zone, algorithm, key) not in RIGHT):
        with pytest.raises(RefusedError, match="GS-S3-005"):
            guarded_parameters("PutObject", parameters, RULES)
        return
    stored = {**parameters, **guarded_parameters("PutObject", parameters, RULES)}
    assert (zone, stored["ServerSideEncryption"], stored.get("SSEKMSKeyId", "")) in RIGHT


@pytest.mark.parametrize("operation", ["PutObject", "CopyObject", "CreateMultipartUpload"])
@pytest.mark.parametrize("zone", PLACES)
def test_a_call_without_encryption_gets_the_zones(operation, zone):
    place = uri(zone)
    added = guarded_parameters(operation, {"Bucket": place.bucket, "Key": place.key}, RULES)
    rule = RULES.rule(place)
    assert added["ServerSideEncryption"] == rule.written.algorithm.header
    assert added.get("SSEKMSKeyId", "") == rule.written.key
    assert added.get("BucketKeyEnabled") == (True if zone == "B" else None)


@pytest.mark.parametrize(
    ("bucket", "name", "value"),
    [
        ("zone-b", "fs.s3a.bucket.zone-b.encryption.key", str(RUN)),
        ("zone-b", "fs.s3a.bucket.zone-b.encryption.key", ""),
        ("zone-b", "fs.s3a.bucket.zone-b.encryption.key", None),
        ("zone-b", "fs.s3a.bucket.zone-b.encryption.algorithm", "AES256"),
        ("zone-b", "fs.s3a.bucket.zone-b.encryption.algorithm", None),
        ("zone-b", "fs.s3a.bucket.zone-b.server-side-encryption.key", str(RUN)),
        ("zone-b", "fs.s3a.bucket.zone-b.server-side-encryption-algorithm", "AES256"),
        ("zone-b", "fs.s3.bucket.zone-b.serverSideEncryption.kms.keyId", str(RUN)),
        ("zone-b", "fs.s3.bucket.zone-b.enableServerSideEncryption", "false"),
        ("zone-b", "fs.s3.bucket.zone-b.cse.enabled", "true"),
        ("zone-b", "fs.s3a.bucket.zone-b.endpoint", "https://example.com"),
        ("zone-b", "fs.s3.bucket.zone-b.endpoint", "https://example.com"),
        ("zone-c", "fs.s3a.bucket.zone-c.encryption.key", KEY_2),
        ("zone-c", "fs.s3a.bucket.zone-c.encryption.algorithm", ""),
        ("zone-d", "fs.s3a.bucket.zone-d.encryption.key", str(RUN)),
        ("zone-a", "fs.s3a.bucket.zone-a.encryption.key", KEY_2),
        ("zone-a", "fs.s3a.bucket.zone-a.encryption.algorithm", "AES256"),
        ("zone-a", "fs.s3.bucket.zone-a.serverSideEncryption.kms.keyId", KEY_2),
        ("zone-a", "fs.s3.bucket.zone-a.enableServerSideEncryption", "false"),
        ("zone-a", "fs.s3.bucket.zone-a.serverSideEncryptionAlgorithm", "AES256"),
        ("other", "fs.s3a.bucket.other.encryption.key", KEY_2),
        ("other", "fs.s3.bucket.other.serverSideEncryption.kms.keyId", KEY_2),
        ("", "fs.s3a.encryption.key", KEY_2),
        ("", "fs.s3.serverSideEncryption.kms.keyId", KEY_2),
    ],
)
def test_a_setting_that_contradicts_the_plan_is_found(bucket, name, value):
    settings = {**PLAN.settings, "fs.s3a.endpoint": ENDPOINT}
    assert all(finding.verdict is Verdict.PASS for finding in check_settings(PLAN, settings))
    changed = (
        {**settings, name: value} if value is not None else {n: v for n, v in settings.items() if n != name}
    )
    failed = [finding for finding in check_settings(PLAN, changed) if finding.verdict is Verdict.FAIL]
    assert [finding.resource.rpartition(" ")[2] for finding in failed] == [name]


@pytest.mark.parametrize("value", ["false", "False", ""])
def test_client_side_encryption_may_be_turned_off_for_a_bucket(value):
    settings = {**PLAN.settings, "fs.s3.bucket.zone-b.cse.enabled": value}
    assert all(finding.verdict is Verdict.PASS for finding in check_settings(PLAN, settings))


@pytest.mark.parametrize("name", ["fs.s3.bucket.x.serverSideEncryption.kms.keyId", "fs.s3.bucket.x.endpoint"])
def test_names_of_emrfs_for_a_bucket_are_judged_without_a_policy_file_too(name):
    plan = plan_settings(RUN, s3_endpoint=ENDPOINT)
    settings = {**plan.settings, name: KEY_2 if "kms" in name else "https://example.com"}
    assert [f.resource for f in check_settings(plan, settings) if f.verdict is Verdict.FAIL]
    settings[name] = str(RUN) if "kms" in name else ENDPOINT
    assert not [f for f in check_settings(plan, settings) if f.verdict is Verdict.FAIL]


CLIENTS = [("", ""), ("AES256", ""), *itertools.product(["SSE-KMS", "DSSE-KMS"], [str(RUN), KEY_2, KEY_3])]


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize(("algorithm", "key"), CLIENTS)
@pytest.mark.parametrize("zone", PLACES)
def test_a_client_with_another_encryption_is_found(zone, algorithm, key, guarded):
    header = {"AES256": "AES256", "SSE-KMS": "aws:kms", "DSSE-KMS": "aws:kms:dsse"}.get(algorithm, "")
    planned = {"A": ("SSE-KMS", str(RUN)), "E": ("SSE-KMS", str(RUN)), "D": ("SSE-KMS", KEY_2)}
    is_right = (zone, header, key) in RIGHT or (guarded and (algorithm, key) == planned.get(zone))
    finding = check_client(PLAN, uri(zone), algorithm, key, is_guarded=guarded)
    assert finding.verdict is (Verdict.PASS if is_right else Verdict.FAIL)


def test_hadoop_that_can_write_dsse_is_set_to_it():
    for version, algorithm in (("3.3.4", "SSE-KMS"), ("3.4.0", "DSSE-KMS"), ("3.4.1-amzn-1", "DSSE-KMS")):
        plan = plan_settings(RUN, s3_endpoint=ENDPOINT, rules=RULES.for_hadoop(version))
        assert plan.settings["fs.s3a.bucket.zone-d.encryption.algorithm"] == algorithm


def test_the_policy_of_the_jvm_has_each_rule():
    rules = {
        rule["location"]: rule
        for rule in RequestPolicy("jr_1", RULES, (), ENDPOINT, S3Uri("e", "r")).message(
            scheme="s3a", settings={}
        )["rules"]
    }
    assert set(rules) == {"", "zone-b/", "zone-c/", "zone-d/", "zone-a/e/"}
    assert rules[""]["replaced"] == []
    assert rules["zone-c/"]["key"] == "" and rules["zone-b/"]["bucket_key"] == "true"
    # The run's own settings: the key of all buckets, and of the bucket's client.
    assert [one["key"] for one in rules["zone-a/e/"]["replaced"]] == [str(RUN)]
    assert {(one["algorithm"], one["key"]) for one in rules["zone-d/"]["replaced"]} == {
        ("aws:kms", str(RUN)),
        ("aws:kms", KEY_2),
    }


def test_the_rules_of_another_process_are_the_same():
    assert EncryptionRules.from_mapping(RULES.as_mapping()) == RULES


@pytest.mark.parametrize(
    ("location", "key", "is_provable"),
    [
        (S3Uri("zone-a", "x/"), str(RUN), True),
        (S3Uri("zone-a", ""), str(RUN), False),  # zone E is below
        (S3Uri("zone-a", "e/"), KEY_2, True),
        (S3Uri("zone-a", "e/"), KEY_3, True),
        (S3Uri("zone-a", "e/"), str(RUN), False),
        (S3Uri("zone-b", ""), KEY_2, False),  # the bucket key is not proved
        (S3Uri("zone-d", ""), KEY_2, False),  # nor is DSSE-KMS
        (S3Uri("zone-c", ""), str(RUN), True),
        (S3Uri("zone-c", ""), KEY_2, False),
    ],
)
def test_a_bucket_policy_proves_a_zone_with_its_own_key_only(location, key, is_provable):
    prover = BucketPolicyProver(rules=RULES, objects=None, recorder=None, seed="x")
    found = prover._provable_key(location, BucketRules(location.bucket, "aws:kms", key, ""))
    assert (found is not None) is is_provable


ALIAS = S3Uri("reports-aqfqprnstn7aefdfbarligizwgyfouse1a-s3alias", "x")


def test_the_alias_of_an_access_point_is_refused_because_it_hides_the_bucket_of_a_target():
    parameters = {"Bucket": ALIAS.bucket, "Key": ALIAS.key}
    with pytest.raises(RefusedError, match="an access point"):
        guarded_parameters("PutObject", parameters, RULES)
    assert check_client(PLAN, ALIAS, "SSE-KMS", str(RUN), is_guarded=True).verdict is Verdict.FAIL
    stored = ObjectEncryption(ALIAS, "aws:kms", str(RUN), True, 1)
    assert check_object(stored, RULES).verdict is Verdict.FAIL
    # It hides nothing without targets, nor if a target names it.
    own = parse_policy(f"{TEXT}{TARGET.format(ALIAS.bucket)}", "policy.toml")
    for rules in (EncryptionRules.of_key(RUN), rules_of(combine([own]), RUN)):
        assert guarded_parameters("PutObject", parameters, rules)["SSEKMSKeyId"] == str(RUN)
        assert check_object(stored, rules).verdict is Verdict.PASS


TARGET = """\
[[targets]]
name = "alias"
prefix = "s3://{}/"
encryption = "SSE-KMS"
"""
