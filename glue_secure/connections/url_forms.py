"""A strict reader of the JDBC URLs of every engine, one form each, from the table of engines.

Each driver has many forms (lists of hosts, ``address=(...)``, ``replication:``, DESCRIPTION, named
instances, percent-encoding); each form left out is one that somebody could read differently. What is
passed here, the drivers themselves read alike: a test asks them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NoReturn

from glue_secure.connections.engines.engine import Engine, Rule
from glue_secure.connections.engines.registry import ENGINES, POSTGRESQL
from glue_secure.connections.hosts import normal_host
from glue_secure.connections.options import CallerOptions, validate_options
from glue_secure.connections.url import JdbcUrl, judge_url_option, parse_url
from glue_secure.core.errors import RefusedError

_CHARACTERS = re.compile(r"[A-Za-z0-9:/?&=._;,@~$-]+")
_NAME = re.compile(r"[A-Za-z0-9_.]+")
_DATABASE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_$.-]{0,62}")
_LONGEST = 2048


@dataclass(frozen=True, slots=True)
class Judged:
    """A URL and a call's options for any engine, judged; the server has not been looked at.

    Attributes:
        url: whose ``bare`` form is what the driver is given.
        properties: what the driver is given beside it: harmless options, and over them those that
            force full verification; user, password and trust anchor are still to come.
        caller: the call's options.
    """

    url: JdbcUrl
    properties: tuple[tuple[str, str], ...]
    caller: CallerOptions


def judge(url: str, options: dict[str, object], *, connection: str) -> Judged:
    """Judge a URL of any engine with a call's options: what would be asked of the driver.

    It is no leave to connect: a run goes by ``plan_connection``, which judges the Glue connection too.

    Raises:
        RefusedError: as :func:`read_url`, and for the options GS-TLS-005, -008 and -011.
        UsageError: an option twice, or of the wrong form.
    """
    read = read_url(url, resource=f"connection {connection}")
    caller = validate_options(read.engine, connection, options)
    names = {option.name for option in read.engine.options if option.rule is Rule.HARMLESS}
    given = {name: value for name, value in read.options if name in names}
    given.update(caller.driver)
    given.update(read.engine.forced)
    if caller.database:
        read = with_database(read, caller.database, resource=f"connection {connection}")
    return Judged(read, tuple(sorted(given.items())), caller)


def read_url(text: str, *, resource: str = "JDBC URL") -> JdbcUrl:
    """Read a JDBC URL of any engine and judge its options.

    Raises:
        RefusedError: GS-TLS-001 (weaker than full verification, plain TCP), -005 (an option that is not
            allowed), -007 (could be read in two ways), -008 (credentials), -011 (engine).
    """
    engine = next((one for one in ENGINES if text.startswith(one.url_prefix)), None)
    if engine is None:
        near = next((one for one in ENGINES if text.strip().lower().startswith(one.url_prefix)), None)
        if near is not None:
            _odd(near, resource, "a prefix that is not the driver's own (letter case or white space)")
        _refuse(
            "GS-TLS-011",
            resource,
            found="not the URL of a known engine",
            required=", ".join(one.url_prefix for one in ENGINES),
            fix="use a connection to a known engine",
        )
    if engine is POSTGRESQL:
        return parse_url(text, resource=resource)
    _no_credentials(engine, text, resource)
    if engine.plain_form and re.fullmatch(engine.plain_form, text, re.DOTALL):
        _refuse(
            "GS-TLS-001",
            resource,
            found="a URL that means a connection without TLS",
            required=_form(engine),
            fix="use the server's TLS port, and write tcps",
        )
    bad = sorted(set(_CHARACTERS.sub("", text)))
    if bad or len(text) > _LONGEST:
        _odd(engine, resource, f"the character {bad[0]!r}" if bad else f"more than {_LONGEST} characters")
    match = re.fullmatch(engine.url_form, text)
    if match is None:
        _odd(engine, resource, "a URL of another form")
    host, port = _address(match["address"], engine, resource)
    options = _options(match["options"], engine, resource)
    databases = [match["database"]] if match["database"] else []
    databases += [value for name, value in options if name in engine.database_options]
    if len(databases) != 1 or not _DATABASE.fullmatch(databases[0]):
        _odd(engine, resource, "a missing, doubled or odd database name")
    rest = tuple(pair for pair in options if pair[0] not in engine.database_options)
    for name, value in rest:
        judge_url_option(engine.option(name), name, value, resource, wanted=engine.wanted)
    return JdbcUrl(engine, host, port, databases[0], rest)


def with_database(url: JdbcUrl, database: str, *, resource: str) -> JdbcUrl:
    """The same server and options with another database, held to the form of the URL's own."""
    bare = read_url(replace(url, database=database, options=()).bare, resource=resource)
    return replace(bare, options=url.options)


def _no_credentials(engine: Engine, text: str, resource: str) -> None:
    # Oracle's one '@' stands before the server, and user/password would stand before it.
    before, at, after = text[len(engine.url_prefix) :].partition("@")
    allowed = ("@" in engine.url_form) and at and before in ("thin:", "thin://", "oci:", "oci8:")
    if at and (not allowed or "@" in after):
        _refuse(
            "GS-TLS-008",
            resource,
            found="an '@' in the URL, behind what may be a user and a password (not shown)",
            required="a URL without credentials; the secret is named by SECRET_ID",
            fix="remove all up to the @, put user and password into Secrets Manager, change the password",
        )


def _address(text: str, engine: Engine, resource: str) -> tuple[str, int]:
    if "," in text:
        _odd(engine, resource, "several hosts; the one that answers would decide what was verified")
    match = re.fullmatch(r"([A-Za-z0-9._-]+)(?::([1-9][0-9]{0,4}))?", text)
    host = normal_host(match[1]) if match else None
    if match is None or host is None or int(match[2] or 1) > 65535:
        _odd(engine, resource, "a host part that is not HOST or HOST:PORT")
    return host, int(match[2]) if match[2] else engine.default_port


def _options(text: str | None, engine: Engine, resource: str) -> tuple[tuple[str, str], ...]:
    found: dict[str, tuple[str, str]] = {}
    for token in text.split(engine.separator) if text is not None else ():
        name, equals, value = token.partition("=")
        if not equals or not _NAME.fullmatch(name) or not value or re.search(r"[=?&;@]", value):
            _odd(engine, resource, "an option that is not NAME=VALUE")
        if name.lower() in found:
            _odd(engine, resource, "an option twice; drivers differ on which one wins")
        found[name.lower()] = (name, value)
    return tuple(found.values())


def _form(engine: Engine) -> str:
    return engine.bare_form.format(host="HOST", port="PORT", database="DATABASE")


def _odd(engine: Engine, resource: str, problem: str) -> NoReturn:
    _refuse(
        "GS-TLS-007",
        resource,
        found=f"{problem}, in a URL of {engine.name} (not shown)",
        required=_form(engine),
        fix="correct the connection's JDBC URL",
    )


def _refuse(control: str, resource: str, *, found: str, required: str, fix: str) -> NoReturn:
    raise RefusedError(control, resource=resource, found=found, required=required, fix=fix)
