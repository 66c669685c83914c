"""The reader of ``glue_secure.toml``. What it does not know it refuses, with the key's full name."""

from __future__ import annotations

import difflib
import ipaddress
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from glue_secure.core.arguments import DECISIVE
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri, job_name
from glue_secure.core.redaction import is_secret_name, redact_text
from glue_secure.project.model import ARTIFACTS, EVIDENCE, Bucket, Connection, Job, Project, Vpc
from glue_secure.project.versions import GLUE_VERSIONS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE_NAME = "glue_secure.toml"
WORKER_TYPES = ("G.1X", "G.2X", "G.4X", "G.8X", "G.12X", "G.16X", "R.1X", "R.2X", "R.4X", "R.8X")
# What a template makes of it: names of keys, roles and stacks, and parts of ARNs.
_NAME = re.compile(r"[a-z][a-z0-9-]{1,30}[a-z0-9]\Z")
_JOB = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,30}\Z")
_CONNECTION = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}\Z")
_ALIAS = re.compile(r"[a-z][a-z0-9_]{0,30}\Z")
_SECRET = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}\Z")
_TABLE = re.compile(r"[A-Za-z0-9_-]{1,255}\.[A-Za-z0-9_-]{1,255}\Z")
_ARGUMENT = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}\Z")
_SERVER = re.compile(r"jdbc:[a-z0-9:]+//(?:[^/:;?@\s]+):(?P<port>\d{1,5})[/;]\S*\Z")
# Set by the project for every job, so that a file cannot say otherwise.
_FIXED = ("additional-python-modules", "python-modules-installer-option", "enable-continuous-cloudwatch-log",
          "TempDir", "job-language", "extra-py-files", "extra-jars", "scriptLocation")  # fmt: skip


def read(path: Path) -> Project:
    """Read a project's file.

    Raises:
        UsageError: it cannot be read, is no TOML, or says something that cannot be meant; the message has
            the line or the key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else type(error).__name__
        raise UsageError(
            str(path), found=reason, required="a project's file", fix="write one: docs/templates.md"
        ) from error
    return read_text(text, name=path.name)


def read_text(text: str, *, name: str = FILE_NAME) -> Project:
    """Read the text of such a file. Raises as :func:`read` does."""
    try:
        top = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The library's message ends with the line and the column.
        raise UsageError(name, found=redact_text(str(error)), required="TOML") from error
    return _project(_Table(name, "", top))


class _Table:
    """One table of the file; every key is asked for by name, and what is left over is refused."""

    def __init__(self, file: str, path: str, values: Mapping[str, Any]) -> None:
        self._file, self._path, self._values = file, path, values
        self._asked: list[str] = []

    def text(self, key: str, pattern: re.Pattern[str] | None = None, default: str | None = None) -> str:
        value = self._get(key, str, "a text", default)
        if key in self._values and pattern is not None and not pattern.match(value):
            self.fail(key, repr(value), f"a text like {pattern.pattern.removesuffix(chr(92) + 'Z')}")
        return str(value)

    def parsed(self, key: str, parser: Callable[[str], object], default: str | None = None) -> str:
        """A text that another parser of the project accepts, as it stands."""
        value = self.text(key, None, default)
        if key in self._values:
            try:
                parser(value)
            except UsageError as error:
                self.fail(key, error.found, error.required)
        return value

    def number(self, key: str, least: int, most: int, default: int) -> int:
        value = self._get(key, int, "a whole number", default)
        if not least <= value <= most:
            self.fail(key, str(value), f"{least} to {most}")
        return int(value)

    def flag(self, key: str, default: bool) -> bool:
        return bool(self._get(key, bool, "true or false", default))

    def choice(self, key: str, choices: Collection[str], default: str) -> str:
        value = self.text(key, None, default)
        if value not in choices:
            self.fail(key, repr(value), ", ".join(choices))
        return value

    def texts(self, key: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
        values = self._get(key, list, "a list of texts", [])
        for value in values:
            if not isinstance(value, str) or not pattern.match(value):
                self.fail(key, repr(value), f"texts like {pattern.pattern.removesuffix(chr(92) + 'Z')}")
        if len(set(values)) != len(values):
            self.fail(key, "an entry twice", "each entry once")
        return tuple(values)

    def names(self, key: str, known: Iterable[str], what: str) -> tuple[str, ...]:
        values = self.texts(key, re.compile(r".+\Z"))
        known = tuple(known)
        for value in values:
            if value not in known:
                self.fail(key, repr(value), f"{what} of this file: {', '.join(known) or 'there are none'}")
        return values

    def table(self, key: str) -> _Table | None:
        if key not in self._values:
            self._asked.append(key)
            return None
        return self._below(key, self._get(key, dict, "a table", None))

    def tables(self, key: str, pattern: re.Pattern[str]) -> list[tuple[str, _Table]]:
        """The tables below ``key``, each with its name."""
        return [
            (name, _Table(self._file, f"{self._name(key)}.{name}", self._is(key, name, value)))
            for name, value in self._named(key, pattern)
        ]

    def entries(self, key: str, pattern: re.Pattern[str]) -> dict[str, str]:
        """Name and text of each entry below ``key``."""
        found = {}
        for name, value in self._named(key, pattern):
            if not isinstance(value, str):
                self.fail(f"{key}.{name}", _kind(value), "a text")
            found[name] = value
        return found

    def either(self, key: str, pattern: re.Pattern[str]) -> list[tuple[str, str | _Table]]:
        """The entries below ``key``, each a text or a table."""
        return [
            (
                name,
                value
                if isinstance(value, str)
                else _Table(self._file, f"{self._name(key)}.{name}", self._is(key, name, value)),
            )
            for name, value in self._named(key, pattern)
        ]

    def done(self) -> None:
        """Refuse what was not asked for."""
        for key in self._values:
            if key not in self._asked:
                near = difflib.get_close_matches(key, self._asked, 1)
                self.fail(key, "a key that is not known", f"{near[0]}?" if near else ", ".join(self._asked))

    def fail(self, key: str, found: str, required: str) -> NoReturn:
        raise UsageError(f"{self._file}: {self._name(key)}", found=found, required=required)

    def _get(self, key: str, kind: type, what: str, default: Any) -> Any:
        self._asked.append(key)
        if key not in self._values:
            if default is None:
                self.fail(key, "not there", what)
            return default
        value = self._values[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fail(key, _kind(value), what)
        return value

    def _named(self, key: str, pattern: re.Pattern[str]) -> list[tuple[str, Any]]:
        values = self._get(key, dict, "a table", {})
        for name in values:
            if not pattern.match(name):
                self.fail(
                    f"{key}.{name}", "its name", f"a name like {pattern.pattern.removesuffix(chr(92) + 'Z')}"
                )
        return list(values.items())

    def _is(self, key: str, name: str, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            self.fail(f"{key}.{name}", _kind(value), "a table")
        return value

    def _below(self, key: str, values: Mapping[str, Any]) -> _Table:
        return _Table(self._file, self._name(key), values)

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key


def _kind(value: object) -> str:
    """What a value is, without showing it: it may be a secret in the wrong place."""
    kinds = {
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return kinds.get(type(value), type(value).__name__)


def _project(top: _Table) -> Project:
    head = top.table("project")
    if head is None:
        top.fail("project", "not there", "a table [project] with a name")
    name = head.text("name", _NAME)
    catalog = head.flag("catalog_settings", True)
    head.done()
    buckets = _buckets(top)
    connections = {
        one: _connection(one, table, name) for one, table in top.tables("connections", _CONNECTION)
    }
    jobs = {one: _job(one, table, buckets, connections) for one, table in top.tables("jobs", _JOB)}
    if not jobs:
        top.fail("jobs", "none", "at least one table [jobs.NAME]")
    vpc = _vpc(top.table("vpc"))
    top.done()
    return Project(name, buckets, connections, jobs, vpc, catalog)


def _buckets(top: _Table) -> dict[str, Bucket]:
    found = {}
    for alias, entry in top.either("buckets", _ALIAS):
        if isinstance(entry, str):
            found[alias] = Bucket(alias, entry)
        else:
            found[alias] = Bucket(
                alias,
                entry.text("name"),
                entry.flag("existing", False),
                entry.parsed("key", KmsKeyArn.parse, ""),
            )
            entry.done()
            if found[alias].key and not found[alias].existing:
                top.fail(
                    f"buckets.{alias}.key", "a key for a bucket that is made", "existing = true beside it"
                )
        try:
            S3Uri.parse(f"s3://{found[alias].name}/")
        except UsageError:
            top.fail(f"buckets.{alias}", repr(found[alias].name), "the name of a bucket")
    for needed in (ARTIFACTS, EVIDENCE):
        if needed not in found:
            top.fail(f"buckets.{needed}", "not there", "the name of a bucket")
    named: dict[str, str] = {}
    for alias, bucket in found.items():
        if bucket.name in named:
            top.fail(f"buckets.{alias}", f"the bucket of {named[bucket.name]}", "a bucket of its own")
        named[bucket.name] = alias
    return found


def _connection(name: str, table: _Table, project: str) -> Connection:
    url = table.text("url")
    match = _SERVER.match(url)
    if match is None or redact_text(url) != url or "@" in url:
        # Not shown: what is wrong with it may be a password.
        table.fail("url", "a text of another form", "jdbc:ENGINE://HOST:PORT/DATABASE, without credentials")
    connection = Connection(
        name,
        url,
        int(match["port"]),
        table.text("secret", _SECRET, f"{project}/{name}"),
        table.parsed("certificate", S3Uri.parse, ""),
    )
    table.done()
    return connection


def _job(
    name: str, table: _Table, buckets: Mapping[str, Bucket], connections: Mapping[str, Connection]
) -> Job:
    job_name(name)
    script = table.text("script")
    if not script.endswith(".py") or Path(script).is_absolute() or ".." in Path(script).parts:
        table.fail("script", repr(script), "the path of a Python file, relative to the project")
    arguments = table.entries("arguments", _ARGUMENT)
    alike = {one.replace("_", "-") for one in (*DECISIVE, *_FIXED)}
    for argument in arguments:
        if argument.replace("_", "-") in alike or argument.startswith("glue-secure-"):
            table.fail(f"arguments.{argument}", "an argument that is set for every job", "another name")
        if is_secret_name(argument):
            table.fail(f"arguments.{argument}", "a secret's name", "the name of a secret in a connection")
    zipped = [one.name for one in GLUE_VERSIONS if one.takes_zip_of_wheels]
    job = Job(
        name,
        script,
        table.names("reads", buckets, "a bucket"),
        table.names("writes", buckets, "a bucket"),
        table.names("connections", connections, "a connection"),
        table.texts("reads_tables", _TABLE),
        table.texts("writes_tables", _TABLE),
        table.choice("glue", zipped, "5.1"),
        table.choice("worker_type", WORKER_TYPES, "G.1X"),
        table.number("workers", 2, 299, 2),
        table.number("timeout", 1, 10080, 60),
        table.flag("bookmark", True),
        arguments,
    )
    for forbidden in {ARTIFACTS, EVIDENCE} & set(job.writes):
        table.fail("writes", repr(forbidden), "another bucket: code and evidence lie there")
    table.done()
    return job


def _vpc(table: _Table | None) -> Vpc | None:
    if table is None:
        return None
    cidr = table.text("cidr")
    existing = table.text("id", re.compile(r"vpc-[0-9a-f]{8,17}\Z"), "")
    if existing:
        subnets = table.texts("subnets", re.compile(r"subnet-[0-9a-f]{8,17}\Z"))
        routes = table.texts("route_tables", re.compile(r"rtb-[0-9a-f]{8,17}\Z"))
        for key, ids in (("subnets", subnets), ("route_tables", routes)):
            if not ids:
                table.fail(key, "none", "at least one, in the VPC that is named by id")
        zones = 0
    else:
        subnets, routes, zones = (), (), table.number("zones", 1, 3, 2)
    databases = table.text("databases", None, cidr)
    for key, text in (("cidr", cidr), ("databases", databases)):
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            table.fail(key, repr(text), "an IPv4 network, like 10.20.0.0/16")
        if network.version != 4 or not 8 <= network.prefixlen <= 24:
            table.fail(key, repr(text), "an IPv4 network of /8 to /24")
    if not existing and ipaddress.ip_network(cidr).prefixlen < 16:
        table.fail("cidr", repr(cidr), "/16 to /24, as a VPC has it")
    table.done()
    return Vpc(cidr, zones, existing, subnets, routes, databases)
