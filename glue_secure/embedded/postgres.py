"""A PostgreSQL server on loopback that accepts TLS only, and ends with the process that started it."""

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
_UNPRIVILEGED = "nobody"

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
# Do not log failed statements, because they may contain a password.
log_min_error_statement = panic
"""

# The only entry: TCP with TLS and a SCRAM password. Unix sockets are not allowed.
_HOST_BASED_AUTHENTICATION = "hostssl all all 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server.

    Attributes:
        host: ``localhost``, the name in the server's certificate.
        port: TCP port on 127.0.0.1.
        database: name of the database.
        user: name of the superuser.
        password: password of the superuser.
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
    """Create the folder for a server's files, in the state folder if the server's user can access it.

    PostgreSQL does not run as root, so a server started by root runs as an unprivileged user. That user often
    cannot access the state folder, because it is inside root's home.
    """
    user = server_user()
    parents = (state, Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"))  # noqa: S108
    for parent in parents:
        if user == os.geteuid() or (parent.is_dir() and _accessible(parent, user)):
            home = Path(tempfile.mkdtemp(prefix="glue-secure-postgres-", dir=parent))
            home.chmod(0o755)
            return home
    raise GlueSecureError(
        "there is no folder that PostgreSQL's user can access\n"
        f"  found:    user {user} cannot access any of {', '.join(map(str, parents))}\n"
        "  required: a folder for PostgreSQL, which does not run as root but as an unprivileged user\n"
        "  fix:      set TMPDIR to a folder that every user can access"
    )


def server_user() -> int:
    """Return the id of the user that servers run as: this user, or the unprivileged user if this is root."""
    if os.geteuid() != 0:
        return os.geteuid()
    try:
        return pwd.getpwnam(_UNPRIVILEGED).pw_uid
    except KeyError:
        return 65534


def _accessible(location: Path, user: int) -> bool:
    for folder in (location, *location.resolve().parents):
        status = folder.stat()
        permission = stat.S_IXUSR if status.st_uid == user else stat.S_IXOTH
        if not status.st_mode & permission:
            return False
    return True


class Postgres:
    """Starts and stops a server. Call ``start`` from the main thread.

    Args:
        home: the folder returned by ``create_home``.
        log: file to which the server's messages are appended.
        environment: additional environment variables of the server's process.
    """

    def __init__(self, home: Path, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.home, self._log, self._environment = home, log, dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, jar: Path, pair: KeyPair, *, seconds: float = 60.0) -> PostgresServer:
        """Unpack, initialise and start a server, and wait until it responds over TLS.

        Args:
            jar: the zonky JAR with the server's files.
            pair: certificate and key of the server.
            seconds: time limit for the first response.

        Raises:
            GlueSecureError: the server did not start, or did not respond in time.
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
            if self._responds(port, seconds):
                identity = ProcessIdentity.of(self._process.pid)
                return PostgresServer("localhost", port, DATABASE, SUPERUSER, password, self.home, identity)
            # Another process took the port after free_port() and before the server's bind(): try another.
        raise GlueSecureError("PostgreSQL did not start:\n" + last_lines(self._log))

    def wait(self) -> int:
        """Wait until the server ends, and return its exit code."""
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
        password_file = self.home / "conf" / "password"
        write_private(password_file, password + "\n", owner=user)
        process = self._spawn(
            signal.SIGKILL,
            *("server/bin/initdb", "-D", "data", "-U", SUPERUSER, "--pwfile=conf/password"),
            *("-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"),
        )
        code = process.wait()
        password_file.unlink()
        if code != 0:
            raise GlueSecureError("PostgreSQL's initdb failed:\n" + last_lines(self._log))

    def _configure(self, port: int, pair: KeyPair) -> None:
        conf = self.home / "conf"
        quoted = str(conf).replace("'", "''")
        write_private(conf / "postgresql.conf", _SETTINGS.format(port=port, folder=quoted), 0o644)
        write_private(conf / "pg_hba.conf", _HOST_BASED_AUTHENTICATION, 0o644)
        write_private(conf / "pg_ident.conf", "", 0o644)
        _install_certificate(conf, pair)

    def _spawn(self, death_signal: signal.Signals, *command: str) -> subprocess.Popen[bytes]:
        launch = Path(__file__).with_name("drop_privileges.py")
        program = str(self.home / command[0])
        wrapped = [
            *(sys.executable, "-I", "-S", str(launch)),
            *(str(os.getpid()), str(server_user()), str(int(death_signal))),
            *(program, *command[1:]),
        ]
        # Without TZ, initdb tries every time zone to find the system's.
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", **self._environment}
        with self._log.open("ab") as log:
            return subprocess.Popen(
                wrapped, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=self.home
            )

    def _responds(self, port: int, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self._process is not None and self._process.poll() is None:
            try:
                served_certificate("localhost", port)
            except OSError:
                if time.monotonic() > until:
                    raise GlueSecureError(
                        f"PostgreSQL did not respond within {seconds:.0f} s:\n" + last_lines(self._log)
                    ) from None
                time.sleep(0.05)
            else:
                return True
        return False


def unpack(jar: Path, target: Path) -> None:
    """Unpack the server's files from the zonky JAR, a ZIP file that contains one ``.txz``."""
    with zipfile.ZipFile(jar) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".txz"))
        with archive.open(name) as stream, tarfile.open(fileobj=stream, mode="r|xz") as members:
            for member in members:
                # Static libraries are a third of the archive, and are not needed to run the server.
                if not member.name.endswith(".a"):
                    if hasattr(tarfile, "data_filter"):
                        members.extract(member, target, filter="data")
                    else:
                        members.extract(member, target)
    target.chmod(0o755)


def present_certificate(server: PostgresServer, pair: KeyPair, *, seconds: float = 10.0) -> None:
    """Let a running server present another certificate, and wait until it does.

    Any process of the user that started the account can call this. Open sessions are not affected.

    Raises:
        GlueSecureError: the server does not run, or did not load the certificate.
    """
    expected = ssl.PEM_cert_to_DER_cert(pair.certificate.read_text(encoding="ascii"))
    if not server.process.alive:
        raise GlueSecureError("the embedded account's PostgreSQL does not run")
    _install_certificate(server.home / "conf", pair)
    os.kill(server.process.pid, signal.SIGHUP)
    until = time.monotonic() + seconds
    while served_certificate(server.host, server.port) != expected:
        if time.monotonic() > until:
            raise GlueSecureError(
                "PostgreSQL did not load the certificate and still presents the previous one; see its log "
                "for the reason (for example, the key does not match the certificate)"
            )
        time.sleep(0.02)


def served_certificate(host: str, port: int) -> bytes:
    """Return the certificate that a server presents, in DER. It is not verified; use it for comparison only.

    Raises:
        OSError: the server does not respond, or does not offer TLS.
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
    """Return a TCP port of 127.0.0.1 that is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def last_lines(log: Path, count: int = 15) -> str:
    """Return the last lines of a log, indented; ``""`` if the log does not exist."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in lines[-count:])


def _install_certificate(conf: Path, pair: KeyPair) -> None:
    user = server_user()
    write_private(conf / "server.key", pair.key.read_bytes(), 0o600, owner=user)
    write_private(conf / "server.pem", pair.certificate.read_bytes(), 0o644)
