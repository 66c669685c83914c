import os
import ssl
from pathlib import Path
from typing import Any

import psycopg
import pytest

from glue_secure.core.errors import GlueSecureError
from glue_secure.embedded import fault_injection
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.pki import KeyPair
from glue_secure.embedded.postgres import present_certificate, served_certificate


def connect(account: EmbeddedAccount, **changes: Any) -> psycopg.Connection[Any]:
    server = account.postgres
    options = {
        "host": server.host,
        "port": server.port,
        "dbname": server.database,
        "user": server.user,
        "password": server.password,
        "sslmode": "verify-full",
        "sslrootcert": str(account.ca_pem),
        "connect_timeout": 10,
    }
    return psycopg.connect(**{**options, **changes})


def test_a_verified_connection_is_tls(account: EmbeddedAccount) -> None:
    with connect(account) as connection:
        row = connection.execute(
            "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        ).fetchone()
    assert row is not None
    assert row[0] is True
    assert row[1] in ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sslmode": "disable"}, "no pg_hba.conf entry|no encryption"),
        ({"host": "127.0.0.2"}, "refused"),
        ({"password": "guess"}, "password authentication failed"),
        ({"sslrootcert": "/etc/ssl/certs/ca-certificates.crt"}, "certificate"),
    ],
)
def test_the_server_refuses_connections_without_tls_password_or_authority(
    account: EmbeddedAccount, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(psycopg.OperationalError, match=message):
        connect(account, **changes)


def test_a_certificate_for_another_name_is_presented_during_the_block_only(account: EmbeddedAccount) -> None:
    with fault_injection.database_certificate(account, "db.example.org"):
        with pytest.raises(psycopg.OperationalError, match="does not match host name"):
            connect(account)
        connect(account, sslmode="verify-ca").close()
    connect(account).close()


def test_the_server_does_not_load_a_certificate_that_does_not_match_its_key(account: EmbeddedAccount) -> None:
    valid = account.server_pair
    mismatched = KeyPair(account.ca_pem, valid.key)
    with pytest.raises(GlueSecureError, match="still presents the previous one"):
        present_certificate(account.postgres, mismatched, seconds=0.5)
    present_certificate(account.postgres, valid)
    served = served_certificate(account.postgres.host, account.postgres.port)
    assert served == ssl.PEM_cert_to_DER_cert(valid.certificate.read_text())


def test_no_password_is_in_the_logs(account: EmbeddedAccount) -> None:
    for log in account.state.glob("*.log"):
        assert account.postgres.password not in log.read_text()
        assert account.secret_access_key not in log.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes to another user")
def test_the_database_does_not_run_as_root(account: EmbeddedAccount) -> None:
    status = Path(f"/proc/{account.postgres.process.pid}/status").read_text()
    assert "\nUid:\t0\t" not in status
