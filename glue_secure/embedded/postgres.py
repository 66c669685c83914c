"""A PostgreSQL that speaks TLS only, on loopback, and dies with the process that started it."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import ssl
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from glue_secure.core.errors import GlueSecureError
from glue_secure.embedded.folders import write_private
from glue_secure.embedded.pki import KeyPair
from glue_secure.embedded.processes import ProcessIdentity

DATABASE = "operations"
SUPERUSER = "glue_secure"

_SETTINGS = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
hba_file = '{folder}/pg_hba.conf'
ident_file = '{folder}/pg_ident.conf'
ssl = on
ssl_cert_file = '{folder}/server.pem'
ssl_key_file = '{folder}/server.key'
ssl_min_protocol_version = 'TLSv1.2'
password_encryption = 'scram-sha-256'
max_connections = 50
shared_buffers = 32MB
fsync = off
synchronous_commit = off
full_page_writes = off
timezone = 'UTC'
log_timezone = 'UTC'
# A statement that fails may hold a password: it does not go to the log.
log_min_error_statement = panic
"""

# TLS and a SCRAM password, or nothing: there is no other line, and no line for a Unix socket.
_HOST_BASED_AUTHENTICATION = "hostssl all all 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server.

    Attributes:
        port: on 127.0.0.1; its certificate is for ``localhost``.
        password: of the superuser ``user``.
        home: the folder with the server's files.
        process: the postmaster.
    """

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    home: Path
    process: ProcessIdentity


def create_home(state: Path) -> Path:
    """Make the folder for a server's files.

    PostgreSQL refuses to run as root. Root's server runs as an unprivileged user, and needs a
    folder which that user reaches: the state folder often lies in a home that is closed to others.
    """
    user = server_user()
    places = (state, Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"))  # noqa: S108
    for place in places:
        if user == os.geteuid() or (place.is_dir() and _reachable(place, user)):
            home = Path(tempfile.mkdtemp(prefix="glue-secure-postgres-", dir=place))
            home.chmod(0o755)
            return home
    raise GlueSecureError(
        "PostgreSQL has no folder to run in\n"
        f"  found:    user {user} cannot reach any of {', '.join(map(str, places))}\n"
        "  required: PostgreSQL refuses root, so its unprivileged user needs a folder it can reach\n"
        "  fix:      set TMPDIR to a folder that every user can reach"
    )


def server_user() -> int:
    """The user a server runs as: this one, or ``nobody`` when this one is root."""
    if os.geteuid() != 0:
        return os.geteuid()
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return 65534


def _reachable(place: Path, user: int) -> bool:
    for folder in (place, *place.resolve().parents):
        facts = folder.stat()
        needed = stat.S_IXUSR if facts.st_uid == user else stat.S_IXOTH
        if not facts.st_mode & needed:
            return False
    return True


class Postgres:
    """The server seen from the process that runs it. Call ``start`` from that process's main thread.

    Args:
        home: from ``create_home``.
        log: file that the server's messages are appended to.
        environment: of the server's process, beside what it needs.
    """

    def __init__(self, home: Path, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.home, self._log, self._environment = home, log, dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, jar: Path, pair: KeyPair, *, seconds: float = 60.0) -> PostgresServer:
        """Unpack, initialise and start a server, and wait until it answers over TLS.

        Args:
            jar: the zonky jar.
            pair: what the server presents.
            seconds: how long to wait for the first answer.
        """
        password = secrets.token_urlsafe(24)
        unpack(jar, self.home / "server")
        self._initialise(password)
        for _ in range(3):
            port = free_port()
            self._configure(port, pair)
            self._process = self._spawn(
                signal.SIGQUIT,
                *("server/bin/postgres", "-D", "data", "-c", "config_file=conf/postgresql.conf"),
            )
            if self._answers(port, seconds):
                identity = ProcessIdentity.of(self._process.pid)
                return PostgresServer("localhost", port, DATABASE, SUPERUSER, password, self.home, identity)
            # Somebody took the port between our look and the server's bind: another one, then.
        raise GlueSecureError("PostgreSQL did not start:\n" + last_lines(self._log))

    def wait(self) -> int:
        """Wait for the server's end."""
        return self._process.wait() if self._process else 0

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)  # "fast shutdown": sessions are ended
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait(10)
        shutil.rmtree(self.home, ignore_errors=True)

    def _initialise(self, password: str) -> None:
        user = server_user()
        for name in ("data", "conf"):
            (self.home / name).mkdir(mode=0o700 if name == "data" else 0o755)
        if user != os.geteuid():
            os.chown(self.home / "data", user, -1)
        words = self.home / "conf" / "password"
        write_private(words, password + "\n", owner=user)
        process = self._spawn(
            signal.SIGKILL,
            *("server/bin/initdb", "-D", "data", "-U", SUPERUSER, "--pwfile=conf/password"),
            *("-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"),
        )
        code = process.wait()
        words.unlink()
        if code != 0:
            raise GlueSecureError("PostgreSQL's initdb failed:\n" + last_lines(self._log))

    def _configure(self, port: int, pair: KeyPair) -> None:
        conf = self.home / "conf"
        quoted = str(conf).replace("'", "''")
        write_private(conf / "postgresql.conf", _SETTINGS.format(port=port, folder=quoted), 0o644)
        write_private(conf / "pg_hba.conf", _HOST_BASED_AUTHENTICATION, 0o644)
        write_private(conf / "pg_ident.conf", "", 0o644)
        _place(conf, pair)

    def _spawn(self, death_signal: signal.Signals, *command: str) -> subprocess.Popen[bytes]:
        launch = Path(__file__).with_name("drop_privileges.py")
        program = str(self.home / command[0])
        wrapped = [
            *(sys.executable, "-I", "-S", str(launch)),
            *(str(os.getpid()), str(server_user()), str(int(death_signal))),
            *(program, *command[1:]),
        ]
        # With TZ given, initdb does not try every time zone there is.
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", **self._environment}
        with self._log.open("ab") as log:
            return subprocess.Popen(
                wrapped, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=self.home
            )

    def _answers(self, port: int, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self._process is not None and self._process.poll() is None:
            try:
                served_certificate("localhost", port)
            except OSError:
                if time.monotonic() > until:
                    raise GlueSecureError(
                        f"PostgreSQL did not answer within {seconds:.0f} s:\n" + last_lines(self._log)
                    ) from None
                time.sleep(0.05)
            else:
                return True
        return False


def unpack(jar: Path, target: Path) -> None:
    """Unpack the server's files from the zonky jar, a zip that holds one ``.txz``."""
    with zipfile.ZipFile(jar) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".txz"))
        with archive.open(name) as stream, tarfile.open(fileobj=stream, mode="r|xz") as members:
            for member in members:
                # Static libraries are a third of the archive, and nothing here links.
                if not member.name.endswith(".a"):
                    if hasattr(tarfile, "data_filter"):
                        members.extract(member, target, filter="data")
                    else:
                        members.extract(member, target)
    target.chmod(0o755)


def present_certificate(server: PostgresServer, pair: KeyPair, *, seconds: float = 10.0) -> None:
    """Make a running server present another certificate, and wait until it does.

    Any process of the user that started the account may call it. Sessions that are open keep
    the certificate they began with.

    Raises:
        GlueSecureError: the server does not run, or did not take the certificate.
    """
    expected = ssl.PEM_cert_to_DER_cert(pair.certificate.read_text(encoding="ascii"))
    if not server.process.alive:
        raise GlueSecureError("the embedded account's PostgreSQL does not run")
    _place(server.home / "conf", pair)
    os.kill(server.process.pid, signal.SIGHUP)
    until = time.monotonic() + seconds
    while served_certificate(server.host, server.port) != expected:
        if time.monotonic() > until:
            raise GlueSecureError(
                "PostgreSQL goes on with the certificate it had; its log says why "
                "(a key that does not belong to the certificate, for instance)"
            )
        time.sleep(0.02)


def served_certificate(host: str, port: int) -> bytes:
    """The certificate a server presents, in DER, unverified: it is compared, never trusted.

    Raises:
        OSError: nothing answers there, or it does not speak TLS.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((host, port), timeout=5) as plain:
        # SSLRequest: https://www.postgresql.org/docs/17/protocol-message-formats.html
        plain.sendall(struct.pack("!ii", 8, 80877103))
        if plain.recv(1) != b"S":
            raise ConnectionError(f"{host}:{port} does not offer TLS")
        with context.wrap_socket(plain) as session:
            return session.getpeercert(binary_form=True) or b""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, indented; empty where there is none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in lines[-count:])


def _place(conf: Path, pair: KeyPair) -> None:
    user = server_user()
    write_private(conf / "server.key", pair.key.read_bytes(), 0o600, owner=user)
    write_private(conf / "server.pem", pair.certificate.read_bytes(), 0o644)
