"""The accounts and Regions of an audit: the caller's own, and others by assumed roles."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber

from glue_secure.audit.accounts import audited_accounts
from glue_secure.aws.session import AwsSession
from glue_secure.core.errors import UsageError, VerificationError

OWN, OTHER = "123456789012", "210987654321"


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    inner = boto3.session.Session("AKIDEXAMPLE", "secret", region_name="eu-west-1")
    return AwsSession(session=inner, retries="adaptive")


@pytest.fixture
def stub(session):
    """Return a function that adds a response, or an error, of a service to the caller's session."""
    stubbers = {}

    def add(service, method, response=None, error=""):
        if service not in stubbers:
            stubbers[service] = Stubber(session.client(service))
            stubbers[service].activate()
        if error:
            stubbers[service].add_client_error(method, error)
        else:
            stubbers[service].add_response(method, response)

    return add


def places(accounts):
    return [(one.account, one.region, one.partition) for one in accounts]


def identity(stub):
    stub("sts", "get_caller_identity", {"Account": OWN, "Arn": f"arn:aws:iam::{OWN}:user/a", "UserId": "a"})


def test_the_callers_account_is_audited_in_each_region(session, stub):
    identity(stub)
    found = list(audited_accounts(session, regions=("eu-west-1",)))
    assert places(found) == [(OWN, "eu-west-1", "aws")]
    assert found[0].session is session


def test_another_region_has_the_same_credentials_and_adaptive_retries(session, stub):
    identity(stub)
    (account,) = audited_accounts(session)
    client = account.client_of("kms", "eu-central-1")
    assert client.meta.region_name == "eu-central-1"
    assert client.meta.config.retries["mode"] == "adaptive"
    assert client._get_credentials().access_key == "AKIDEXAMPLE"
    assert account.client_of("kms", "eu-central-1") is client
    assert account.client_of("kms", "eu-west-1") is session.client("kms")


def test_a_role_names_its_account_and_gives_its_credentials(session, stub):
    role = f"arn:aws:iam::{OTHER}:role/audit"
    (account,) = audited_accounts(session, roles=(role,), regions=("eu-west-3",))
    assert places([account]) == [(OTHER, "eu-west-3", "aws")]
    stub(
        "sts",
        "assume_role",
        {
            "Credentials": {
                "AccessKeyId": "ASIDEXAMPLEROLE1",
                "SecretAccessKey": "s",
                "SessionToken": "t",
                "Expiration": "2036-01-01T00:00:00Z",
            }
        },
    )
    client = account.client_of("glue", "eu-west-3")
    assert client._get_credentials().get_frozen_credentials().access_key == "ASIDEXAMPLEROLE1"


def test_every_active_account_of_the_organisation_is_audited(session, stub):
    identity(stub)
    stub(
        "organizations",
        "list_accounts",
        {"Accounts": [{"Id": OWN, "Status": "ACTIVE"}, {"Id": OTHER, "Status": "ACTIVE"}], "NextToken": "2"},
    )
    stub("organizations", "list_accounts", {"Accounts": [{"Id": "3" * 12, "Status": "SUSPENDED"}]})
    found = audited_accounts(session, organization_role="GlueAudit")
    assert places(found) == [(OWN, "eu-west-1", "aws"), (OTHER, "eu-west-1", "aws")]


def test_an_organisation_that_cannot_be_listed_stops_the_audit(session, stub):
    identity(stub)
    stub("organizations", "list_accounts", error="AccessDeniedException")
    with pytest.raises(VerificationError, match="organizations:ListAccounts"):
        list(audited_accounts(session, organization_role="GlueAudit"))


def test_an_account_that_cannot_be_determined_stops_the_audit(session, stub):
    stub("sts", "get_caller_identity", error="ExpiredToken")
    with pytest.raises(VerificationError, match="ExpiredToken"):
        list(audited_accounts(session))


@pytest.mark.parametrize("role", ["audit", f"arn:aws:iam::{OTHER}:user/audit"])
def test_a_role_that_is_no_role_is_rejected(session, role):
    with pytest.raises(UsageError, match="arn:PARTITION:iam::ACCOUNT:role/NAME"):
        list(audited_accounts(session, roles=(role,)))
