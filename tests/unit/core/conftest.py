"""Shared values: a valid configuration, a valid key, an identity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from glue_secure.core.arguments import JobIdentity
from glue_secure.core.findings import Finding, Verdict
from glue_secure.core.identifiers import KmsKeyArn, RunId
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.security_configuration import EncryptionSetting, SecurityConfiguration

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")
OTHER_KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-2222-2222-222222222222")


@pytest.fixture
def key_arn() -> KmsKeyArn:
    return KEY


@pytest.fixture
def other_key_arn() -> KmsKeyArn:
    return OTHER_KEY


@pytest.fixture
def make_key() -> Callable[..., KmsKey]:
    good = KmsKey(KEY, "Enabled", "CUSTOMER", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
    return lambda **changes: replace(good, **changes)


@pytest.fixture
def make_configuration() -> Callable[..., SecurityConfiguration]:
    kms = EncryptionSetting("SSE-KMS", str(KEY))
    good = SecurityConfiguration("strict", (kms,), kms, EncryptionSetting("CSE-KMS", str(KEY)), kms)
    return lambda **changes: replace(good, **changes)


@pytest.fixture
def make_identity() -> Callable[..., JobIdentity]:
    good = JobIdentity("curate", RunId("jr_1"), True, None)
    return lambda **changes: replace(good, **changes)


@pytest.fixture
def verdicts() -> Callable[[Any], dict[str, Verdict]]:
    """Return the worst verdict of each control."""

    def worst(findings: list[Finding]) -> dict[str, Verdict]:
        found: dict[str, Verdict] = {}
        for finding in findings:
            if found.get(finding.control) is not Verdict.FAIL:
                found[finding.control] = finding.verdict
        return found

    return worst
