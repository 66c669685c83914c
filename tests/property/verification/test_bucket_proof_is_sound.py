"""Under a proved bucket policy, every upload that is not denied is encrypted under the run's key."""

from __future__ import annotations

import json

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import BucketRules
from glue_secure.core.policy_documents import (
    Policy,
    PolicyCondition,
    PolicyDecision,
    Principal,
    Request,
    Statement,
    evaluate,
)
from glue_secure.verification.bucket_policy_proof import proof_of

KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
OTHER = KEY.replace("1111-1111-1111", "2222-2222-2222")
ALGORITHM = "s3:x-amz-server-side-encryption"
NAMED = "s3:x-amz-server-side-encryption-aws-kms-key-id"
CUSTOMER = "s3:x-amz-server-side-encryption-customer-algorithm"
ALGORITHMS = ["aws:kms", "AES256", "aws:kms:dsse", "aws:KMS", ""]
NAMES = [KEY, OTHER, "alias/data", "*", ""]

some = lambda values: st.lists(st.sampled_from(values), min_size=1, max_size=2).map(tuple)  # noqa: E731
nulls = st.builds(
    lambda key, value: PolicyCondition("Null", key, (value,)),
    st.sampled_from([ALGORITHM, NAMED, CUSTOMER]),
    st.sampled_from(["true", "false"]),
)
operators = st.sampled_from(
    ["StringEquals", "StringNotEquals", "StringNotEqualsIfExists", "StringNotLike", "StringEqualsIfExists"]
)
compared = st.one_of(
    st.builds(PolicyCondition, operators, st.just(ALGORITHM), some(ALGORITHMS)),
    st.builds(PolicyCondition, operators, st.just(NAMED), some(NAMES)),
    st.builds(
        PolicyCondition,
        st.sampled_from(["ArnNotEquals", "ArnEquals", "ArnNotLike"]),
        st.just(NAMED),
        some(NAMES),
    ),
    st.builds(PolicyCondition, st.just("StringEquals"), st.just("aws:PrincipalArn"), some(["me", "you"])),
)
# The conditions that a proof needs; most generated policies deny under all of them.
NEEDED = (
    (PolicyCondition("StringNotEquals", ALGORITHM, ("aws:kms",)),),
    (
        PolicyCondition("Null", ALGORITHM, ("false",)),
        PolicyCondition("StringNotEquals", ALGORITHM, ("aws:kms",)),
    ),
    (PolicyCondition("ArnNotEquals", NAMED, (KEY,)),),
    (PolicyCondition("Null", NAMED, ("false",)), PolicyCondition("StringNotEquals", NAMED, (KEY,))),
    (PolicyCondition("StringEquals", ALGORITHM, ("aws:kms",)), PolicyCondition("Null", NAMED, ("true",))),
    (PolicyCondition("Null", CUSTOMER, ("false",)),),
)
conditions = st.one_of(
    st.sampled_from(NEEDED),
    st.lists(
        st.one_of(nulls, compared),
        min_size=1,
        max_size=3,
        unique_by=lambda condition: (condition.operator, condition.key),
    ).map(tuple),
)
statements = st.builds(
    Statement,
    st.just("S"),
    st.sampled_from(["Deny"] * 6 + ["Allow"]),
    st.sampled_from(
        [("s3:PutObject",)] * 4 + [("s3:*",), ("s3:GetObject",), ("s3:putobject", "s3:GetObject")]
    ),
    st.sampled_from(
        [("arn:aws:s3:::curated/*",)] * 4 + [("arn:aws:s3:::curated/a*",), ("arn:aws:s3:::curated/b/*",)]
    ),
    st.sampled_from([Principal("*")] * 6 + [Principal("AWS", ("arn:aws:iam::123456789012:root",))]),
    conditions,
)


def denials(chosen):
    return [
        Statement("N", "Deny", ("s3:PutObject",), ("arn:aws:s3:::curated/*",), Principal("*"), conditions)
        for conditions in chosen
    ]


needed = st.one_of(
    st.just(NEEDED), st.sampled_from(range(len(NEEDED))).map(lambda at: NEEDED[:at] + NEEDED[at + 1 :])
).map(denials)
policies = st.builds(lambda first, more: [*first, *more], needed, st.lists(statements, max_size=4))
absent = st.none()
headers = st.fixed_dictionaries(
    {
        ALGORITHM: st.one_of(absent, st.sampled_from(ALGORITHMS), st.text(max_size=8)),
        NAMED: st.one_of(absent, st.sampled_from(NAMES), st.text(max_size=8)),
        CUSTOMER: st.one_of(absent, absent, st.sampled_from(["AES256", "x"])),
    }
)
ALLOW = Policy((Statement("Role", "Allow", ("s3:*",)),))


def encryption_key(headers):
    """Return the key that S3 encrypts an upload with these headers under, without the prover's code."""
    algorithm, named, customer = headers[ALGORITHM], headers[NAMED], headers[CUSTOMER]
    if customer is not None:
        return "a customer-provided key"
    if algorithm is None:
        return KEY if named is None else named  # S3 rejects a key without an algorithm; the test is stricter
    if algorithm != "aws:kms":
        return algorithm or "no algorithm"
    return named if named is not None else "aws/s3"


def proved(document):
    text = json.dumps(document.to_json())
    return proof_of(
        BucketRules("curated", "aws:kms", KEY, text), S3Uri("curated", "a/"), KmsKeyArn.parse(KEY)
    )


@settings(max_examples=3 * settings.default.max_examples)
@given(policies, st.lists(headers, min_size=1, max_size=12), st.sampled_from(["a/x", "a"]))
def test_uploads_that_a_proved_policy_does_not_deny_are_under_the_key(chosen, uploads, name):
    document = Policy(tuple(chosen))
    assume(proved(document) is not None)
    for upload in uploads:
        request = Request(
            "s3:PutObject",
            f"arn:aws:s3:::curated/{name}",
            "arn:aws:sts::999999999999:assumed-role/any/session",
            {header: (value,) for header, value in upload.items() if value is not None},
        )
        if evaluate([document, ALLOW], request) is not PolicyDecision.DENIED:
            assert encryption_key(upload) == KEY


@given(st.permutations(NEEDED), st.lists(statements, max_size=3))
def test_a_policy_with_all_needed_denials_is_proved_whatever_else_it_contains(order, more):
    assert proved(Policy((*more, *denials(order)))) is not None
