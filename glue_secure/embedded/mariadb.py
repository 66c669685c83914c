"""A MariaDB server on loopback that accepts TLS only, for tests of MySQL and MariaDB connections.

It uses the system's MariaDB (Debian: ``mariadb-server-core``), because the package registries that this
project uses have none. The server ends with the process that started it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from glue_secure.core.errors import GlueSecureError
from glue_secure.embedded.folders import write_private
from glue_secure.embedded.pki import KeyPair
from glue_secure.embedded.postgres import create_home, free_port, last_lines, server_user

DATABASE = "operations"
USER = "glue_secure"
_SHARE = Path("/usr/share/mysql")
_TABLES = ("mysql_system_tables.sql", "mysql_performance_tables.sql")
_SERVERS = ("mariadbd", "/usr/sbin/mariadbd")

_SETTINGS = """\
[mariadbd]
datadir = {home}/data
tmpdir = {home}/temporary
lc-messages-dir = {share}
bind-address = 127.0.0.1
port = {port}
socket = {home}/data/socket
pid-file = {home}/data/pid
ssl-cert = {home}/conf/server.pem
ssl-key = {home}/conf/server.key
tls-version = TLSv1.2,TLSv1.3
require-secure-transport = ON
skip-name-resolve
skip-log-bin
innodb-buffer-pool-size = 32M
innodb-log-file-size = 16M
innodb-flush-log-at-trx-commit = 0
"""


def server_program() -> str | None:
    """Return the path of the system's MariaDB server; None if it is not installed."""
    program = next((path for path in map(shutil.which, _SERVERS) if path), None)
    return program if program and all((_SHARE / name).is_file() for name in _TABLES) else None


@dataclass(slots=True)
class MariaDb:
    """A server that runs during a ``with`` block.

    Attributes:
        state: parent of the server's folder; a temporary folder if the server's user cannot access it.
        pair: certificate and key of the server; the certificate should be for ``localhost``.
        environment: additional environment variables of the server's process.
        host: ``localhost``.
        database: name of the database.
        user: name of a user with all privileges, which it can grant.
        password: password of this user.
        port: TCP port on 127.0.0.1.
    """

    state: Path
    pair: KeyPair
    environment: Mapping[str, str] = field(default_factory=dict)
    host: str = "localhost"
    database: str = DATABASE
    user: str = USER
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    port: int = 0
    _home: Path | None = None
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> MariaDb:
        """Create the system tables, and start the server."""
        self._home = create_home(self.state)
        try:
            self._initialise(self._home)
            self._start(self._home, self.pair)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server, and remove its folder."""
        self._stop()
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)

    def present(self, pair: KeyPair, *options: str) -> None:
        """Restart the server at the same port with another certificate.

        Args:
            pair: the certificate and its key.
            options: additional options of the server, such as ``--skip-ssl``.
        """
        if self._home is None:
            raise GlueSecureError("MariaDB is not running")
        self._stop()
        self._start(self._home, pair, *options)

    def _initialise(self, home: Path) -> None:
        # A starting server removes the temporary tables of every other server with the same tmpdir.
        for name in ("data", "temporary"):
            (home / name).mkdir(mode=0o700)
            os.chown(home / name, server_user(), -1)
        (home / "conf").mkdir(mode=0o755)
        self.port = free_port()
        write_private(
            home / "conf" / "my.cnf", _SETTINGS.format(home=home, share=_SHARE, port=self.port), 0o644
        )
        script = home / "conf" / "bootstrap.sql"
        text = "create database if not exists mysql;\nuse mysql;\n"
        text += "".join((_SHARE / name).read_text(encoding="utf-8") for name in _TABLES)
        text += (
            f"flush privileges;\ncreate database {DATABASE} character set utf8mb4;\n"
            f"create user {USER}@'%' identified by '{self.password}' require ssl;\n"
            f"grant all on *.* to {USER}@'%' with grant option;\n"
        )
        write_private(script, text)
        with script.open("rb") as statements:
            code = self._spawn(home, statements, "--bootstrap", "--skip-ssl").wait()
        script.unlink()
        if code != 0:
            raise GlueSecureError("MariaDB did not create its system tables:\n" + last_lines(home / "log"))

    def _start(self, home: Path, pair: KeyPair, *options: str) -> None:
        user = server_user()
        write_private(home / "conf" / "server.key", pair.key.read_bytes(), 0o600, owner=user)
        write_private(home / "conf" / "server.pem", pair.certificate.read_bytes(), 0o644)
        self._process = self._spawn(home, None, *options)
        until = time.monotonic() + 60
        while True:
            try:
                with socket.create_connection((self.host, self.port), timeout=5) as plain:
                    responds = plain.recv(5)[4:] == b"\x0a"  # the protocol's version
            except OSError:
                responds = False
            if not responds:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise GlueSecureError("MariaDB did not start:\n" + last_lines(home / "log")) from None
                time.sleep(0.05)
            else:
                return

    def _spawn(self, home: Path, statements: IO[bytes] | None, *options: str) -> subprocess.Popen[bytes]:
        program = server_program()
        if program is None:
            raise GlueSecureError("MariaDB is not installed on this machine")
        launch = Path(__file__).with_name("drop_privileges.py")
        command = [sys.executable, "-I", "-S", str(launch), str(os.getpid()), str(server_user())]
        command += [str(int(signal.SIGKILL)), program, f"--defaults-file={home}/conf/my.cnf", *options]
        with (home / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL if statements is None else statements,
                stdout=log,
                stderr=log,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", **self.environment},
                cwd=home,
            )

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
