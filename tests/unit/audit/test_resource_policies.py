"""Which statements of a resource policy allow every principal."""

from __future__ import annotations

import json

import pytest

from glue_secure.audit.resource_policies import UnreadablePolicyError, public_statements

ORGANISATION = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}


def statement(principal="*", effect="Allow", **more):
    return {"Sid": "s", "Effect": effect, "Principal": principal, "Action": "kms:*", "Resource": "*", **more}


@pytest.mark.parametrize(
    "public",
    [
        statement(),
        statement({"AWS": "*"}),
        statement({"AWS": ["arn:aws:iam::123456789012:root", "*"]}),
        statement(Condition={"Bool": {"aws:SecureTransport": "true"}}),
        statement(Condition={"StringLike": {"aws:PrincipalArn": "*"}}),
        statement(Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/etl"}}),
        statement(Condition={"StringEquals": {"aws:PrincipalOrgID": ["o-1", "*"]}}),
        *(
            statement(Condition={operator: {key: value}})
            for operator, key, value in (
                ("StringLike", "aws:PrincipalOrgID", "o-*"),
                ("StringLike", "aws:SourceVpc", "vpc-*"),
                ("StringLike", "aws:SourceVpce", "vpce-?*"),
                ("StringLike", "aws:PrincipalAccount", "1*"),
                ("StringLike", "aws:userid", "*:glue-job"),
                ("StringLike", "aws:PrincipalOrgPaths", "*/r-1/*"),
                ("StringLike", "aws:PrincipalArn", "arn:aws:iam::1234*:role/etl"),
                ("StringLike", "aws:SourceArn", "arn:aws:glue:*:123456789012:job/etl"),
                ("ArnLike", "aws:PrincipalArn", "arn:aws:*"),
                ("ArnLike", "aws:SourceArn", "arn:aws:*:eu-west-1:123456789012:job/etl"),
                ("ArnLike", "aws:SourceArn", "arn:aws:s3:::*"),
                ("ArnLike", "aws:SourceArn", "arn:aws:s3:::data*"),
            )
        ),
        # A request without the key meets these.
        statement(Condition={"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}),
        statement(Condition={"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-1/*"}}),
        statement(Condition={"StringNotEquals": {"aws:PrincipalAccount": "123456789012"}}),
        # A user agent is chosen by the caller.
        statement(Condition={"StringEquals": {"aws:UserAgent": "glue"}}),
        {"Sid": "s", "Effect": "Allow", "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:root"}},
    ],
)
def test_a_statement_for_everyone_is_public(public):
    assert public_statements(json.dumps({"Statement": public})) == ["s"]
    assert public_statements(json.dumps({"Statement": [statement(effect="Deny"), public]})) == ["s"]


@pytest.mark.parametrize(
    "private",
    [
        statement({"AWS": "arn:aws:iam::123456789012:root"}),
        statement({"Service": "logs.eu-west-1.amazonaws.com"}),
        statement(effect="Deny"),
        statement(Condition=ORGANISATION),
        # AWS managed keys: everyone in the account, by a service.
        statement(
            {"AWS": "*"},
            Condition={
                "StringEquals": {"kms:CallerAccount": "123456789012", "kms:ViaService": "s3.amazonaws.com"}
            },
        ),
        statement(Condition={"ArnLike": {"AWS:PrincipalArn": "arn:aws:iam::123456789012:role/*"}}),
        statement(Condition={"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/r-1/*"}}),
        statement(Condition={"StringLike": {"aws:userid": "AROAEXAMPLE:*"}}),
        statement(Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}}),
        statement(Condition={"StringLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/*"}}),
        statement(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:glue:*:123456789012:*"}}),
        statement(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:s3:::data"}}),
    ],
)
def test_a_statement_for_named_principals_is_not_public(private):
    assert public_statements(json.dumps({"Statement": [private]})) == []


def test_a_statement_without_an_id_has_a_number():
    nameless = statement()
    del nameless["Sid"]
    assert public_statements(json.dumps({"Statement": [statement(effect="Deny"), nameless]})) == [
        "statement 2"
    ]


@pytest.mark.parametrize("text", ["", "[", "{}", "[]", '{"Statement": "Allow"}', '{"Statement": [1]}'])
def test_a_text_that_is_no_policy_is_not_read_as_private(text):
    with pytest.raises(UnreadablePolicyError):
        public_statements(text)
