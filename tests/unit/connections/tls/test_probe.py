"""The probe against real TLS servers on loopback, with good and bad certificates."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from glue_secure.connections.tls.certificates import NAMES_NOT_SHOWN, load_authorities
from glue_secure.connections.tls.probe import probe
from glue_secure.connections.tls.system_roots import system_roots
from glue_secure.core.errors import RefusedError, VerificationError

NOW = datetime.now(timezone.utc)
NAME = "connection ops"


def probe_server(server, *authorities, host="localhost", timeout=5.0):
    pem = b"".join(authority.pem for authority in authorities)
    loaded = load_authorities(pem, resource=NAME) if authorities else None
    return probe(host, server.port, loaded, now=NOW, resource=NAME, timeout=timeout)


def refused(control, server, *authorities, error=RefusedError, **changes):
    with pytest.raises(error) as caught:
        probe_server(server, *authorities, **changes)
    assert caught.value.control == control, str(caught.value)
    assert not any(server.received), "nothing is sent after the handshake"
    return caught.value


def test_a_probe_returns_the_facts_of_the_certificate(make, serve):
    ca = make.authority()
    server = serve(make.issue(by=ca, names=("localhost", "127.0.0.1"), which=1))
    facts = probe_server(server, ca)
    assert facts.protocol in ("TLSv1.2", "TLSv1.3") and facts.cipher
    assert (facts.subject, facts.issuer) == ("CN=database", "CN=Test CA")
    assert facts.names == ("localhost", "127.0.0.1")
    assert facts.anchor_pem.encode() == ca.pem
    assert len(facts.fingerprint) == 64 and facts.not_after > NOW
    assert not any(server.received)


def with_names(make, ca, general_names):
    """Issue a certificate for localhost with another encoded GeneralName."""
    encoded = b"\x82\x09localhost" + general_names
    names = x509.UnrecognizedExtension(
        x509.SubjectAlternativeName.oid, b"\x30" + bytes([len(encoded)]) + encoded
    )
    return make.issue(by=ca, which=1, extensions=(names,))


def test_a_name_of_a_type_that_is_not_shown_is_accepted(make, serve):
    ca = make.authority()
    x400_address = b"\xa3\x02\x30\x00"
    facts = probe_server(serve(with_names(make, ca, x400_address)), ca)
    assert facts.names == (NAMES_NOT_SHOWN,)


def test_a_malformed_name_cannot_be_verified(make, serve):
    ca = make.authority()
    address_of_5_bytes = b"\x87\x05\x0a\x00\x00\x00\x01"
    server = serve(with_names(make, ca, address_of_5_bytes))
    error = refused("GS-TLS-003", server, ca, error=VerificationError)
    assert "cannot be parsed" in error.found and "4 or 16 bytes" in error.required


def test_tls_1_2_is_accepted(make, serve):
    ca = make.authority()
    server = serve(make.issue(by=ca, names=("localhost",), which=1), version=ssl.TLSVersion.TLSv1_2)
    assert probe_server(server, ca).protocol == "TLSv1.2"


def test_rsa_of_2048_bits_is_accepted(make, serve):
    ca = make.authority(kind="RSA2048")
    server = serve(make.issue(by=ca, names=("localhost",), kind="RSA2048", which=1))
    assert probe_server(server, ca).subject == "CN=database"


def test_a_private_ca_without_key_identifiers_is_accepted(make, serve):
    ca = make.authority(key_identifiers=False)
    server = serve(make.issue(by=ca, names=("localhost",), which=1, key_identifiers=False))
    assert probe_server(server, ca).anchor_pem.encode() == ca.pem


def test_an_ip_address_is_compared_with_the_addresses_of_the_certificate(make, serve):
    ca = make.authority()
    server = serve(make.issue(by=ca, names=("127.0.0.1",), which=1))
    assert probe_server(server, ca, host="127.0.0.1").names == ("127.0.0.1",)
    assert refused("GS-TLS-002", server, ca).required == "localhost"


def test_an_ip_address_that_is_not_on_the_certificate_is_refused(make, serve):
    ca = make.authority()
    server = serve(make.issue(by=ca, names=("localhost",), which=1))
    error = refused("GS-TLS-002", server, ca, host="127.0.0.1")
    assert "localhost" in error.found and error.required == "127.0.0.1"


def test_a_wrong_name_is_refused_and_both_names_are_shown(make, serve):
    ca = make.authority()
    server = serve(make.issue(by=ca, names=("db.example.com", "db2.example.com"), which=1))
    error = refused("GS-TLS-002", server, ca)
    assert "db.example.com, db2.example.com" in error.found and error.required == "localhost"


@pytest.mark.parametrize("san", ["*", "*.localhost", "localhost.evil.example"])
def test_a_similar_name_is_refused(make, serve, san):
    ca = make.authority()
    refused("GS-TLS-002", serve(make.issue(by=ca, names=(san,), which=1)), ca)


def test_a_common_name_is_not_compared(make, serve):
    ca = make.authority()
    error = refused("GS-TLS-002", serve(make.issue("localhost", by=ca, which=1)), ca)
    assert "no subjectAltName" in error.found


def test_an_expired_certificate_is_refused_with_its_dates(make, serve):
    ca = make.authority()
    end = NOW - timedelta(days=2)
    server = serve(make.issue(by=ca, names=("localhost",), which=1, start=NOW - timedelta(days=9), end=end))
    error = refused("GS-TLS-003", server, ca)
    assert "expired" in error.found and f"{end:%Y-%m-%d}" in error.found
    assert "CN=database, issued by CN=Test CA" in error.found


def test_a_certificate_not_yet_valid_is_refused(make, serve):
    ca = make.authority()
    server = serve(make.issue(by=ca, names=("localhost",), which=1, start=NOW + timedelta(days=2)))
    assert "not yet valid" in refused("GS-TLS-003", server, ca).found


def test_dates_are_also_compared_with_the_given_time(make, serve):
    ca = make.authority(end=NOW + timedelta(days=900))
    server = serve(make.issue(by=ca, names=("localhost",), which=1))
    loaded = load_authorities(ca.pem, resource=NAME)
    with pytest.raises(RefusedError) as caught:
        probe("localhost", server.port, loaded, now=NOW + timedelta(days=60), resource=NAME)
    assert caught.value.control == "GS-TLS-003" and "expired" in caught.value.found


def test_a_self_signed_certificate_is_refused(make, serve):
    server = serve(make.issue(names=("localhost",), which=1))
    assert "self-signed" in refused("GS-TLS-003", server, make.authority()).found


def test_an_unknown_authority_with_a_known_name_is_refused(make, serve):
    impostor = make.authority(which=7)
    server = serve(make.issue(by=impostor, names=("localhost",), which=1))
    assert refused("GS-TLS-003", server, make.authority()).required.endswith("CN=Test CA")


def test_an_authority_that_the_server_sends_is_not_trusted(make, serve):
    foreign = make.authority("Foreign CA", which=7)
    issued = make.issue(by=foreign, names=("localhost",), which=1)
    issued.chain = [foreign.certificate]
    error = refused("GS-TLS-003", serve(issued), make.authority())
    assert "not the trusted one" in error.found


def test_a_chain_through_a_leaf_certificate_is_refused(make, serve):
    ca = make.authority()
    leaf = make.issue("leaf", by=ca, names=("other.example",), which=5)
    issued = make.issue(by=leaf, names=("localhost",), which=1)
    refused("GS-TLS-003", serve(issued), ca)


def test_a_weak_key_of_the_server_is_refused(make, serve):
    ca = make.authority()
    refused("GS-TLS-004", serve(make.issue(by=ca, names=("localhost",), kind="RSA1024")), ca)


@pytest.mark.parametrize("curve", ["P-224", "secp256k1"])
def test_a_curve_other_than_p_256_384_and_521_is_refused(make, serve, curve):
    ca = make.authority()
    error = refused("GS-TLS-009", serve(make.issue(by=ca, names=("localhost",), kind=curve)), ca)
    assert "cipher or curve" in error.found and "issue it with P-256" in error.fix


def test_a_certificate_for_clients_only_is_refused(make, serve):
    ca = make.authority()
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    error = refused(
        "GS-TLS-003", serve(make.issue(by=ca, names=("localhost",), which=1, extensions=(usage,))), ca
    )
    assert "serverAuth" in error.found and "extendedKeyUsage = serverAuth" in error.fix


def test_a_chain_longer_than_a_ca_allows_is_refused(make, serve):
    ca = make.authority(path_length=0)
    between = make.authority("Intermediate", by=ca, which=3)
    error = refused("GS-TLS-003", serve(make.issue(by=between, names=("localhost",), which=1)), ca)
    assert "pathLenConstraint" in error.found and "pathLenConstraint" in error.fix


def test_an_intermediate_that_the_server_does_not_send_is_named(make, serve):
    ca = make.authority()
    issued = make.issue(by=make.authority("Intermediate", by=ca, which=3), names=("localhost",), which=1)
    issued.chain = []
    error = refused("GS-TLS-003", serve(issued), ca)
    assert "an intermediate that the server does not send" in error.found
    assert "CN=Intermediate" in error.fix and "append" in error.fix


def test_a_weak_intermediate_is_refused(make, serve):
    ca = make.authority()
    between = make.authority("Intermediate", by=ca, kind="RSA1024")
    refused("GS-TLS-004", serve(make.issue(by=between, names=("localhost",), which=1)), ca)


def test_sha_1_is_refused(make, serve):
    ca = make.authority(kind="RSA2048")
    server = serve(make.issue(by=ca, names=("localhost",), kind="RSA2048", which=1, sha1=True))
    assert "weak" in refused("GS-TLS-004", server, ca).found


def test_an_ed25519_key_is_refused(make, serve):
    ca = make.authority()
    server = serve(make.issue(by=ca, names=("localhost",), kind="Ed25519"))
    assert "Ed25519" in refused("GS-TLS-004", server, ca).found


def test_a_server_without_tls_is_refused(serve, make):
    assert "no TLS" in refused("GS-TLS-009", serve(answer=b"N"), make.authority()).found


@pytest.mark.parametrize("answer", [b"E", b"H", b"\x00", b"\x15", b"s"])
def test_a_server_that_is_not_postgresql_is_refused(serve, make, answer):
    assert "PostgreSQL" in refused("GS-TLS-009", serve(answer=answer), make.authority()).found


@pytest.mark.parametrize("answer", [b"Sthen plain text", b"SSSSSSSSSS"])
def test_injected_plain_text_breaks_the_handshake(serve, make, answer):
    ca = make.authority()
    server = serve(make.issue(by=ca, names=("localhost",), which=1), answer=answer)
    refused("GS-TLS-009", server, ca)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_1_1_is_refused(serve, make):
    ca = make.authority(kind="RSA2048")
    issued = make.issue(by=ca, names=("localhost",), kind="RSA2048", which=1)
    refused("GS-TLS-009", serve(issued, version=ssl.TLSVersion.TLSv1_1), ca)


def test_a_required_client_certificate_is_refused(serve, make):
    ca = make.authority()
    issued = make.issue(by=ca, names=("localhost",), which=1)
    server = serve(issued, version=ssl.TLSVersion.TLSv1_2, client_ca=ca.pem)
    error = refused("GS-TLS-009", server, ca)
    assert "client certificate" in error.found and "REQUIRE SSL" in error.fix


@pytest.mark.parametrize("how", [{"silent": True}, {"reset": True}, {"answer": b""}])
def test_no_answer_cannot_be_verified(serve, make, how):
    refused("GS-TLS-009", serve(**how), make.authority(), error=VerificationError, timeout=0.5)


def test_a_closed_port_cannot_be_verified(make):
    ca = load_authorities(make.authority().pem, resource=NAME)
    with pytest.raises(VerificationError) as caught:
        probe("127.0.0.1", 1, ca, now=NOW, resource=NAME, timeout=1)
    assert caught.value.control == "GS-TLS-009"


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("index", [0, -1])
def test_the_anchor_is_found_among_many_of_one_name(make, serve, count, index):
    authorities = [make.authority("One Name", which=20 + n, key_identifiers=False) for n in range(count)]
    signer = authorities[index]
    server = serve(make.issue(by=signer, names=("localhost",), which=1, key_identifiers=False))
    assert probe_server(server, *authorities).anchor_pem.encode() == signer.pem


def test_the_root_is_the_anchor_if_the_server_sends_intermediates(make, serve):
    root = make.authority("Root")
    between = make.authority("Intermediate", by=root, which=3)
    server = serve(make.issue(by=between, names=("localhost",), which=1))
    facts = probe_server(server, root, make.authority("Other", which=9))
    assert facts.anchor_pem.encode() == root.pem


def test_the_anchor_of_a_bundle_verifies_the_chain_by_itself(make, serve):
    root = make.authority("Root")
    between = make.authority("Intermediate", by=root, which=3)
    issued = make.issue(by=between, names=("localhost",), which=1)
    issued.chain = []
    server = serve(issued)
    facts = probe_server(server, root, between)
    assert facts.anchor_pem.encode() == between.pem
    alone = load_authorities(facts.anchor_pem.encode(), resource=NAME)
    assert probe("localhost", server.port, alone, now=NOW, resource=NAME).anchor_pem == facts.anchor_pem
    refused("GS-TLS-003", server, root)


def test_an_expired_authority_is_not_trusted_with_a_valid_one(make, serve):
    old = make.authority("Old", which=3, start=NOW - timedelta(days=9), end=NOW - timedelta(days=2))
    server = serve(make.issue(by=old, names=("localhost",), which=1))
    refused("GS-TLS-003", server, old, make.authority())
    assert "authority is expired" in refused("GS-TLS-003", server, old).found


@pytest.fixture
def use_roots(monkeypatch, tmp_path):
    """Return a function that makes a file and a directory the system's roots."""

    def use(file="none", directory="none"):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / file))
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / directory))

    return use


def test_without_an_authority_the_systems_roots_are_trusted(make, serve, use_roots, tmp_path):
    ca = make.authority()
    server = serve(make.issue(by=ca, names=("localhost",), which=1))
    (tmp_path / "good.pem").write_bytes(ca.pem)
    use_roots("good.pem")
    facts = probe_server(server)
    assert facts.anchor_pem.encode() == ca.pem
    assert "the system's root CN=Test CA" in str(facts.findings)
    (tmp_path / "other.pem").write_bytes(make.authority("Public", which=4).pem)
    use_roots("other.pem")
    refused("GS-TLS-003", server)


def test_the_systems_roots_are_read_from_file_and_directory(make, use_roots, tmp_path):
    first, second = make.authority("One"), make.authority("Two", which=2)
    broken = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    (tmp_path / "all.pem").write_bytes(broken + first.pem)
    (tmp_path / "0123abcd.0").write_bytes(second.pem)
    (tmp_path / "0123abcd.1").write_bytes(first.pem)
    (tmp_path / "ffffffff.0").write_bytes(b"broken")
    (tmp_path / "notes.txt").write_bytes(make.authority("Three", which=3).pem)
    use_roots("all.pem", "")
    roots = system_roots()
    assert sorted(root.subject.rfc4514_string() for root in roots) == ["CN=One", "CN=Two"]


def test_a_system_without_roots_cannot_verify(use_roots):
    use_roots()
    with pytest.raises(VerificationError, match="GS-TLS-012"):
        probe("localhost", 1, None, now=NOW, resource=NAME)
