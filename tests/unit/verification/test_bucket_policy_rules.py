"""Which bucket rules are a proof, and which are not."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest

from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import BucketRules
from glue_secure.governance.policies import PolicyScope, data_bucket
from glue_secure.verification.bucket_policy_proof import SAMPLE_LEAST, proof_of, sample_of

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")
LOCATION = S3Uri("curated", "flights/")
ALGORITHM = "s3:x-amz-server-side-encryption"
NAMED = "s3:x-amz-server-side-encryption-aws-kms-key-id"
CUSTOMER = "s3:x-amz-server-side-encryption-customer-algorithm"


def rules(document, **changes):
    text = document if isinstance(document, str) else json.dumps(document)
    return replace(BucketRules("curated", "aws:kms", str(KEY), text), **changes)


def proves(document, location=LOCATION, **changes):
    return proof_of(rules(document, **changes), location, KEY) is not None


@pytest.fixture
def policy():
    """Return the bucket policy of the templates."""
    return data_bucket(PolicyScope("eu-west-1", "123456789012"), "curated", str(KEY)).to_json()


def deny(**conditions):
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::curated/*",
        "Condition": conditions,
    }


def by_hand(*, if_exists=""):
    """Return the two statements of AWS's documentation, and one that denies customer keys."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            deny(**{f"StringNotEquals{if_exists}": {ALGORITHM: "aws:kms"}}),
            deny(**{f"ArnNotEquals{if_exists}": {NAMED: str(KEY)}}),
            deny(Null={CUSTOMER: "false"}),
        ],
    }


def test_the_templates_bucket_policy_is_a_proof(policy):
    assert proves(policy)
    assert proves(policy, S3Uri("curated", ""))


@pytest.mark.parametrize("if_exists", ["", "IfExists"])
def test_the_statements_of_awss_documentation_are_a_proof(if_exists):
    assert proves(by_hand(if_exists=if_exists))


def test_a_bucket_that_denies_every_write_is_a_proof():
    document = deny()
    del document["Condition"]
    assert proves({"Statement": document})


@pytest.mark.parametrize(
    "sid", ["DenyOtherAlgorithm", "DenyOtherKey", "DenyUnnamedKey", "DenyCustomerProvidedKey"]
)
def test_every_statement_of_the_template_is_necessary(policy, sid):
    policy["Statement"] = [statement for statement in policy["Statement"] if statement["Sid"] != sid]
    assert not proves(policy)


def test_a_tls_condition_alone_is_no_proof(policy):
    policy["Statement"] = policy["Statement"][:1]
    assert not proves(policy)


@pytest.mark.parametrize(
    "default",
    [
        {"algorithm": "AES256", "key": ""},
        {"algorithm": "", "key": ""},
        {"key": ""},
        {"algorithm": "aws:kms:dsse"},
        {"key": KEY.key_id},
        {"key": "alias/data"},
        {"key": str(KEY).replace("1111-1111-1111", "2222-2222-2222")},
        {"key": str(KEY).replace("eu-west-1", "eu-west-2")},
        {"bucket": "other"},
    ],
)
def test_the_default_encryption_must_name_the_key_itself(policy, default):
    assert not proves(policy, **default)


WEAKER = [
    {"Effect": "Allow"},
    {"Principal": {"AWS": "arn:aws:iam::123456789012:role/job"}},
    {"Principal": {"Service": "*"}},
    {"Principal": {"AWS": "*", "Service": "glue.amazonaws.com"}},
    {"Action": "s3:GetObject"},
    {"Action": []},
    {"Action": "s3:PutObjectAcl"},
    {"Resource": "arn:aws:s3:::curated"},
    {"Resource": "arn:aws:s3:::curated/other/*"},
    {"Resource": "arn:aws:s3:::curated/flights/x*"},
    {"Resource": "arn:aws:s3:::curated/flights/*.parquet"},
    {"Resource": "arn:aws:s3:::curated/fl?ghts/*"},
    {"Resource": "arn:aws:s3:::curated/${aws:username}/*"},
    {"Resource": "arn:aws-cn:s3:::curated/*"},
    {"Resource": []},
    {"Resource": 1},
    {"NotResource": "arn:aws:s3:::curated/open/*"},
    {"NotAction": "s3:GetObject"},
    {"NotPrincipal": {"AWS": "arn:aws:iam::123456789012:root"}},
    {"Condition": {"StringNotEquals": {ALGORITHM: ["aws:kms", "AES256"]}}},
    {"Condition": {"StringNotLike": {ALGORITHM: "aws:*"}}},
    {"Condition": {"StringNotEqualsIgnoreCase": {ALGORITHM: "aws:kms"}}},
    {"Condition": {"ForAllValues:StringNotEquals": {ALGORITHM: "aws:kms"}}},
    {"Condition": {"ForAnyValue:StringNotEquals": {ALGORITHM: "aws:kms"}}},
    {"Condition": {"ArnNotEquals": {ALGORITHM: "aws:kms"}}},
    {"Condition": {"StringEquals": {ALGORITHM: "AES256"}}},
    {"Condition": {"StringNotEquals": {ALGORITHM: "aws:kms", "aws:PrincipalTag/team": "data"}}},
    {"Condition": {"StringNotEquals": {ALGORITHM: "aws:kms", ALGORITHM.upper(): "AES256"}}},
    {"Condition": {"StringNotEquals": {ALGORITHM: "aws:kms"}, "Bool": {"aws:ViaAWSService": "false"}}},
    {"Condition": {"StringNotEquals": {ALGORITHM: "aws:kms"}, "Null": {ALGORITHM: "true"}}},
    {"Condition": {"StringNotEquals": {ALGORITHM: []}}},
    {"Condition": {"StringNotEquals": {ALGORITHM: "${aws:PrincipalTag/algorithm}"}}},
    {"Condition": {"StringNotEquals": [ALGORITHM, "aws:kms"]}},
    {"Condition": []},
]


@pytest.mark.parametrize("change", WEAKER, ids=lambda change: json.dumps(change)[:60])
def test_a_statement_with_other_members_is_ignored(change):
    document = by_hand()
    assert proves(document)
    document["Statement"][0] |= change
    assert not proves(document)


@pytest.mark.parametrize(
    "value",
    ["arn:aws:kms:*:123456789012:key/*", "arn:aws:kms:eu-west-1:123456789012:key/2", "alias/data", "*"],
)
def test_the_policy_must_name_the_key_itself(value):
    for operator in ("ArnNotEquals", "StringNotEquals"):
        document = by_hand()
        document["Statement"][1] = deny(**{operator: {NAMED: value}})
        assert not proves(document)


def test_further_statements_do_not_invalidate_a_proof(policy):
    """More deny statements can only deny more, and an allow never overrides a deny."""
    policy["Statement"] += [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Allow", "NotPrincipal": "*", "NotAction": "x", "Surprise": {}},
        "no statement",
        deny(StringLike={ALGORITHM: "*"}),
    ]
    assert proves(policy)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '"*"', "[" * 100_000, '{"Statement": 1}', '{"Statement": null}', '{"Other": []}'],
)
def test_text_that_is_not_a_policy_is_no_proof(text):
    assert not proves(text)


def test_a_duplicate_member_invalidates_the_document(policy):
    text = json.dumps(policy)
    assert proves(text)
    assert not proves(text.replace('"Effect": "Deny"', '"Effect": "Allow", "Effect": "Deny"', 1))


@pytest.mark.parametrize("name", ["curated--euw1-az1--x-s3", "curated-s3alias", "curated--ol-s3"])
def test_directory_buckets_and_access_points_are_not_proved(name):
    document = data_bucket(PolicyScope("eu-west-1", "123456789012"), name, str(KEY)).to_json()
    assert not proves(document, S3Uri(name, "flights/"), bucket=name)


def test_a_policy_for_a_prefix_is_a_proof_below_that_prefix(policy):
    text = json.dumps(policy).replace("curated/*", "curated/fl*")
    assert proves(text)
    assert not proves(text, S3Uri("curated", "other/"))
    assert not proves(text, S3Uri("curated", ""))


def test_too_many_values_are_no_proof():
    document = by_hand()
    document["Statement"].append(deny(StringEquals={NAMED: [f"key-{n}" for n in range(100)]}))
    assert not proves(document)


def test_the_digest_covers_everything_that_was_evaluated(policy):
    first = proof_of(rules(policy), LOCATION, KEY)
    more = copy.deepcopy(policy)
    more["Statement"][0]["Sid"] = "Another"
    assert len(first) == 64
    assert first == proof_of(rules(policy), S3Uri("curated", "other/"), KEY)
    assert first != proof_of(rules(more), LOCATION, KEY)


@pytest.mark.parametrize(("count", "size"), [(50, 50), (1_000, SAMPLE_LEAST), (10_001, 101), (25_000, 250)])
def test_a_sample_is_one_percent_but_at_least_a_hundred(count, size):
    uris = [S3Uri("curated", f"part-{n}") for n in range(count)]
    sample = sample_of(uris, "jr_1")
    assert len(set(sample)) == len(sample) == size
    assert sample == sample_of(reversed(uris), "jr_1")
    assert set(sample) <= set(uris)
    assert count == size or set(sample) != set(sample_of(uris, "jr_2"))
