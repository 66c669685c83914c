"""Checks of certificates."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509

from glue_secure.connections.tls.certificates import (
    check_leaf,
    check_system_anchor,
    describe,
    load_authorities,
    to_pem,
    trusted_authorities,
)
from glue_secure.core.errors import RefusedError
from glue_secure.core.findings import Finding, enforce

NOW = datetime.now(timezone.utc)
PAST = {"start": NOW - timedelta(days=9), "end": NOW - timedelta(days=2)}


def refused(control, call, *arguments, error=RefusedError, **options):
    with pytest.raises(error) as caught:
        findings = call(*arguments, resource="connection ops", **options)
        enforce([findings] if isinstance(findings, Finding) else findings)
    assert caught.value.control == control, str(caught.value)
    return caught.value


def trust(certificate, **options):
    """Check one certificate authority, and return its findings."""
    return trusted_authorities((certificate,), **options)[1]


def test_every_certificate_of_a_file_is_loaded_once(make):
    first, second = make.authority("One"), make.authority("Two", which=2)
    loaded = load_authorities(b"# RDS\n" + first.pem + second.pem + first.pem, resource="c")
    assert loaded == (first.certificate, second.certificate)
    assert to_pem(loaded[0]).encode() == first.pem


def test_windows_line_ends_are_accepted(make):
    pem = make.authority().pem
    assert len(load_authorities(pem.replace(b"\n", b"\r\n"), resource="c")) == 1


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b" \n",
        b"hello",
        b"\x30\x82\x01\x00",
        b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\n",
        b"-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n",
        b"-----BEGIN TRUSTED CERTIFICATE-----\nMIIB\n-----END TRUSTED CERTIFICATE-----\n",
        b"x" * (1024 * 1024 + 1),
    ],
)
def test_a_file_without_certificates_is_refused(pem):
    refused("GS-TLS-012", load_authorities, pem)


def test_a_truncated_second_certificate_is_refused(make):
    pem = make.authority().pem
    refused("GS-TLS-012", load_authorities, pem + pem[:200])


@pytest.mark.parametrize(
    "label", ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"]
)
def test_a_private_key_in_the_file_is_refused_and_not_shown(make, label):
    text = f"-----BEGIN {label}-----\nc2VjcmV0\n-----END {label}-----\n".encode()
    error = refused("GS-TLS-012", load_authorities, make.authority().pem + text)
    assert "private key" in error.found and "c2Vj" not in str(error)


def test_an_empty_list_of_authorities_is_refused():
    refused("GS-TLS-012", trusted_authorities, (), now=NOW)


@pytest.mark.parametrize("kind", ["P-256", "P-384", "RSA2048"])
def test_a_strong_authority_in_date_passes(make, kind):
    findings = enforce(trust(make.authority(kind=kind).certificate, now=NOW, resource="c"))
    assert [finding.control for finding in findings] == ["GS-TLS-003", "GS-TLS-004"]


def test_an_expired_authority_is_refused(make):
    error = refused("GS-TLS-003", trust, make.authority(**PAST).certificate, now=NOW)
    assert "expired" in error.found


def test_an_authority_not_yet_valid_is_refused(make):
    future = make.authority(start=NOW + timedelta(days=1)).certificate
    assert "not yet valid" in refused("GS-TLS-003", trust, future, now=NOW).found


def test_dates_are_compared_with_the_given_time(make):
    ca = make.authority().certificate
    refused("GS-TLS-003", trust, ca, now=NOW + timedelta(days=31))
    trust(ca, now=NOW + timedelta(days=29), resource="c")


@pytest.mark.parametrize("ca", [False, None])
def test_a_certificate_that_is_not_a_ca_is_refused(make, ca):
    certificate = make.issue("server", ca=ca, names=("db",)).certificate
    assert "not a certificate authority" in refused("GS-TLS-003", trust, certificate, now=NOW).found


def _usage(**allowed):
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
    names += ("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    flags = dict.fromkeys(names, False)
    return x509.KeyUsage(**{**flags, **allowed})


def test_a_ca_that_may_not_sign_certificates_is_refused(make):
    certificate = make.authority(key_usage=_usage(crl_sign=True)).certificate
    assert "keyUsage" in refused("GS-TLS-003", trust, certificate, now=NOW).found
    trust(make.authority(key_usage=_usage(key_cert_sign=True)).certificate, now=NOW, resource="c")


@pytest.mark.parametrize("kind", ["RSA1024", "P-224", "Ed25519"])
def test_a_weak_or_unknown_key_is_refused(make, kind):
    refused("GS-TLS-004", trust, make.authority(kind=kind).certificate, now=NOW)
    leaf = make.issue(by=make.authority(), kind=kind, names=("db",)).certificate
    refused("GS-TLS-004", check_leaf, leaf, now=NOW)


def test_sha_1_is_refused_except_for_a_root_of_the_system(make):
    weak = make.authority(kind="RSA2048", sha1=True).certificate
    assert "sha1" in refused("GS-TLS-004", trust, weak, now=NOW).found
    enforce(check_system_anchor(weak, now=NOW, resource="c"))
    refused("GS-TLS-004", check_system_anchor, make.authority(kind="RSA1024").certificate, now=NOW)
    refused("GS-TLS-003", check_system_anchor, make.authority(**PAST).certificate, now=NOW)


def test_an_expired_authority_beside_a_valid_one_is_left_out(make):
    old, good = make.authority("Old", which=2, **PAST).certificate, make.authority().certificate
    assert trusted_authorities((old, good), now=NOW, resource="c")[0] == (good,)
    refused("GS-TLS-004", trusted_authorities, (good, make.authority(kind="RSA1024").certificate), now=NOW)


def test_describe_returns_names_and_dates(make):
    ca = make.authority()
    facts = describe(make.issue(by=ca, names=("db.example.com", "192.0.2.1", "2001:db8::1")).certificate)
    assert (facts.subject, facts.issuer) == ("CN=database", "CN=Test CA")
    assert facts.names == ("db.example.com", "192.0.2.1", "2001:db8::1")
    assert facts.dates == f"{NOW - timedelta(days=1):%Y-%m-%d} to {NOW + timedelta(days=30):%Y-%m-%d}"


def test_control_characters_of_a_certificate_are_replaced(make):
    facts = describe(make.issue("a\nGS-TLS-003 passed\x1b[2J").certificate)
    assert "\n" not in facts.subject and "\x1b" not in facts.subject
