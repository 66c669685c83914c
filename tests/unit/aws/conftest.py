"""Clients with botocore's Stubber: an unexpected request fails the test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from glue_secure.core.identifiers import KmsKeyArn

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")


@pytest.fixture
def key() -> KmsKeyArn:
    return KEY


@pytest.fixture(scope="session")
def client_of() -> Callable[[str], Any]:
    """A client of each service, created once, because reading the service's model is slow."""
    session = boto3.session.Session(
        aws_access_key_id="testing", aws_secret_access_key="testing", region_name="eu-west-1"
    )
    return cache(session.client)


@pytest.fixture
def stubbed(client_of: Callable[[str], Any]) -> Iterator[Callable[[str], tuple[Any, Stubber]]]:
    """A client of a service and its stubber; every expected request must have been made."""
    stubbers = []

    def make(service: str) -> tuple[Any, Stubber]:
        stubber = Stubber(client_of(service))
        stubber.activate()
        stubbers.append(stubber)
        return client_of(service), stubber

    yield make
    for stubber in stubbers:
        stubber.deactivate()
        stubber.assert_no_pending_responses()


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> pytest.MonkeyPatch:
    """An environment without endpoint, profile and region."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    return monkeypatch
