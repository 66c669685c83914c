"""The TLS state of the session, as the database reports it (GS-TLS-010)."""

from __future__ import annotations

import pytest

from glue_secure.connections.tls.session import SessionTls, check_session
from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.findings import enforce


def check(row):
    return enforce([check_session(SessionTls.from_row(row), resource="connection ops", source="pg_stat_ssl")])


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("encrypted", [True, 1])
def test_an_encrypted_session_passes_with_its_protocol_and_cipher(version, encrypted):
    row = {"ssl": encrypted, "version": version, "cipher": "TLS_AES_256_GCM_SHA384", "bits": 256}
    assert SessionTls.from_row(row) == SessionTls(True, version, "TLS_AES_256_GCM_SHA384")
    (finding,) = check(row)
    assert finding.control == "GS-TLS-010"
    assert finding.found == f"pg_stat_ssl reports {version} TLS_AES_256_GCM_SHA384"


@pytest.mark.parametrize(
    "row",
    [
        {"ssl": False, "version": None, "cipher": None, "bits": None},
        {"ssl": 0, "version": "", "cipher": "", "bits": 0},
        {"ssl": True, "version": "TLSv1.1", "cipher": "x", "bits": 128},
        {"ssl": True, "version": None, "cipher": "x", "bits": 128},
        {"ssl": "t", "version": "TLSv1.3", "cipher": "x", "bits": 128},
    ],
)
def test_a_session_without_tls_1_2_or_1_3_is_refused(row):
    with pytest.raises(RefusedError, match="GS-TLS-010"):
        check(row)


@pytest.mark.parametrize("row", [None, {}, {"ssl": None}])
def test_a_server_that_does_not_report_the_session_cannot_be_verified(row):
    with pytest.raises(VerificationError, match="GS-TLS-010"):
        check(row)
