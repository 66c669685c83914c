"""A strict reader of JDBC URLs: what it passes, the driver reads in the same way, or it is refused.

What pgjdbc 42.7.3's ``Driver.parseURL`` does, as measured, and why each is refused here:
option names are case-sensitive and are not percent-decoded, values are; the last of two equal
options wins; ``PGHOST``, ``host`` or ``service`` among the options replace the host that the URL
shows; commas make several hosts; ``u:p@h`` is one host name; a missing host is ``localhost``; a
missing database is the user's name; ``%2c`` stays in the host; a plus sign is a space; and an option
without a value is the empty string, which for ``ssl`` means true.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import quote, unquote_to_bytes

from glue_secure.connections.engines.registry import POSTGRESQL, DriverOption, Engine, Rule
from glue_secure.connections.hosts import normal_host
from glue_secure.core.errors import RefusedError
from glue_secure.core.redaction import redact_text

_FORM = "jdbc:postgresql://HOST:PORT/DATABASE"
_CHARACTERS = re.compile(r"[A-Za-z0-9:/?&=%._~$,()\[\]!*'-]+")
_DATABASE = re.compile(r"[\w$.-]{1,63}")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_LONGEST = 2048


@dataclass(frozen=True, slots=True)
class JdbcUrl:
    """A JDBC URL that has been read and judged: no credentials, nothing weaker than full verification.

    Attributes:
        engine: whose URL it is.
        host: a name in lower case, an IPv4 address, or an IPv6 address without brackets in Java's
            spelling (eight groups, no ``::``), which is what pgjdbc compares with the certificate.
        port: 1 to 65535.
        database: decoded.
        options: name and decoded value, in the URL's order; names as the driver spells them.
    """

    engine: Engine
    host: str
    port: int
    database: str
    options: tuple[tuple[str, str], ...] = ()

    @property
    def bare(self) -> str:
        """The URL without options."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.engine.bare_form.format(host=host, port=self.port, database=quote(self.database, safe=""))

    @property
    def for_spark(self) -> str:
        """The URL without options as Spark is given it: its dialect hangs on the scheme."""
        form = self.engine.spark_form
        return form.format(host=self.host, port=self.port, database=self.database) if form else self.bare

    def __str__(self) -> str:
        options = self.engine.separator.join(
            f"{name}={quote(value, safe='')}" for name, value in self.options
        )
        mark = "?" if self.engine.separator == "&" else self.engine.separator
        return f"{self.bare}{mark}{options}" if options else self.bare


def parse_url(text: str, *, resource: str = "JDBC URL") -> JdbcUrl:
    """Read a JDBC URL of PostgreSQL and judge its options; ``url_forms.read_url`` takes any engine's.

    Args:
        text: the URL.
        resource: what a refusal is about, usually the connection's name.

    Raises:
        RefusedError: GS-TLS-001 (weaker than full verification), GS-TLS-005 (an option that is not
            allowed), GS-TLS-007 (could be read in two ways), GS-TLS-008 (credentials),
            GS-TLS-011 (engine).
    """
    engine = _engine(text, resource)
    if "@" in text:
        # Wherever it stands, some reader takes what precedes it for USER:PASSWORD.
        _refuse(
            "GS-TLS-008",
            resource,
            found="an '@' in the URL, behind what may be a user and a password (not shown)",
            required="a URL without credentials; the secret is named by SECRET_ID",
            fix="remove all up to the @, put user and password into Secrets Manager, change the password",
        )
    problem = _unreadable(text)
    if problem:
        _odd(resource, text, problem)
    server, question, query = text[len(engine.url_prefix) :].partition("?")
    if not server.startswith("//") or server.count("/") != 3:
        _odd(resource, text, "not exactly one host and one database")
    address, _, database = server[2:].partition("/")
    host, port = _address(address, engine, resource, text)
    name = _decode(database)
    if name is None or not _DATABASE.fullmatch(name):
        _odd(resource, text, "a missing or odd database name")
    options = _options(query, engine, resource, text) if question else ()
    return JdbcUrl(engine, host, port, name, options)


def judge_url_option(
    option: DriverOption | None, name: str, value: str, resource: str, *, wanted: str = "sslmode=verify-full"
) -> None:
    """Refuse an option of a URL that is weak, secret, an address, unknown or odd; pass the rest."""
    if option is None:
        _refuse(
            "GS-TLS-005",
            resource,
            found=f"option {_shown_name(name)} in the URL, which this project does not know",
            required="only options whose effect is known",
            fix="remove it from the URL, or check its spelling: the driver ignores names it does not know",
        )
    if option.rule is Rule.CREDENTIAL:
        _refuse(
            "GS-TLS-008",
            resource,
            found=f"option {option.name} in the URL (value not shown)",
            required="a URL without credentials; the secret is named by SECRET_ID",
            fix=f"remove {option.name} from the URL, put it into Secrets Manager, change the password",
        )
    if option.rule is Rule.ADDRESS:
        _refuse(
            "GS-TLS-007",
            resource,
            found=f"option {option.name} in the URL, which replaces the server that the URL shows",
            required=_FORM,
            fix=f"remove {option.name} and write the server before the '?'",
        )
    if option.rule is Rule.TLS and not option.accepts(value):
        _refuse(
            "GS-TLS-001",
            resource,
            found=f"{option.name}={_shown_value(value)} in the URL: {option.why}",
            required=f"{wanted}, or no TLS option at all: full verification is then set here",
            fix=f"remove {option.name} from the URL; an authority of your own goes into CUSTOM_JDBC_CERT",
        )
    if option.rule is Rule.REFUSED:
        _refuse(
            "GS-TLS-005",
            resource,
            found=f"option {option.name} in the URL: {option.why}",
            required="only options that cannot change how the connection is made",
            fix=f"remove {option.name} from the URL",
        )
    if name != option.name:
        _refuse(
            "GS-TLS-007",
            resource,
            found=f"option {_shown_name(name)} in the URL, which the driver reads as {option.name} only",
            required=option.name,
            fix="write the option's name as the driver spells it",
        )
    if not option.accepts(value):
        _refuse(
            "GS-TLS-007",
            resource,
            found=f"option {option.name} in the URL with a value of another form",
            required=f"a value that matches {option.values}",
            fix=f"correct {option.name} in the URL, or remove it",
        )


def _engine(text: str, resource: str) -> Engine:
    if not text.startswith(POSTGRESQL.url_prefix):
        _foreign(text, resource)
    return POSTGRESQL


def _foreign(text: str, resource: str) -> NoReturn:
    if text.lower().strip().startswith(POSTGRESQL.url_prefix):
        _odd(resource, text, "a prefix that is not the driver's own (letter case or white space)")
    _refuse(
        "GS-TLS-011",
        resource,
        found="not the URL of a known engine",
        required=POSTGRESQL.url_prefix,
        fix="use a connection to a known engine",
    )


def _unreadable(text: str) -> str:
    """What is wrong with the characters, ``""`` where nothing is."""
    if len(text) > _LONGEST:
        return f"more than {_LONGEST} characters"
    if not text.isascii():
        return "a character outside ASCII (percent-encode it as UTF-8)"
    bad = sorted(set(_CHARACTERS.sub("", text)))
    if bad:
        return f"the character {bad[0]!r}, which is read in different ways"
    for match in _ESCAPE.finditer(text):
        if match[1] is None:
            return "a '%' without two hexadecimal digits"
        if int(match[1], 16) in _UNRESERVED:
            return "a percent-encoded character that needs no encoding, which hides what is written"
    return ""


def _address(text: str, engine: Engine, resource: str, url: str) -> tuple[str, int]:
    if "," in text:
        _odd(resource, url, "several hosts; the one that answers would decide what was verified")
    match = re.fullmatch(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?", text)
    if match is None:
        _odd(resource, url, "a host part that is not HOST or HOST:PORT")
    port = match[2]
    if port is not None and (port.startswith("0") or int(port) > 65535):
        _odd(resource, url, "a port that is not a number from 1 to 65535 without leading zeros")
    host = normal_host(match[1])
    if host is None:
        _odd(resource, url, "a missing or odd host name")
    return host, int(port) if port is not None else engine.default_port


def _options(query: str, engine: Engine, resource: str, url: str) -> tuple[tuple[str, str], ...]:
    seen: dict[str, tuple[str, str]] = {}
    if not query:
        _odd(resource, url, "a '?' with nothing after it")
    for token in query.split("&"):
        name, equals, encoded = token.partition("=")
        value = _decode(encoded)
        if not name or not equals:
            _odd(resource, url, "an option without a name or without a value")
        if not re.fullmatch(r"[A-Za-z0-9]+", name):
            _odd(resource, url, "an option name with something but letters and digits in it")
        if value is None or "=" in encoded or "?" in encoded:
            _odd(resource, url, "an option value with a bare '=' or '?', or that is not UTF-8")
        if name.lower() in seen:
            _odd(resource, url, f"option {_shown_name(name)} twice; the last one would win")
        seen[name.lower()] = (name, value)
    for name, value in seen.values():
        judge_url_option(engine.option(name), name, value, resource)
    return tuple(seen.values())


def _decode(text: str) -> str | None:
    try:
        value = unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return value if value.isprintable() else None


def _odd(resource: str, url: str, problem: str) -> NoReturn:
    _refuse(
        "GS-TLS-007",
        resource,
        found=f"{problem}, in {_shown_url(url)}",
        required=_FORM,
        fix="correct the connection's JDBC URL",
    )


def _shown_url(url: str) -> str:
    """The URL's shape for a message: no option values, no text that could be a password."""
    server, question, query = url.partition("?")
    prefix, _, rest = server.partition("//")
    hosts, _, database = rest.partition("/")
    # A host with something else than a number after its colon may be USER:PASSWORD without the '@'.
    plain = re.fullmatch(r"[A-Za-z]{1,10}:[A-Za-z]{1,20}:", prefix) and all(
        re.fullmatch(r"[A-Za-z0-9._%-]{0,99}(:[0-9]{0,9})?", host) for host in hosts.split(",")
    )
    if not plain or not re.fullmatch(r"[\w$.%-]{0,99}", database):
        server = "a URL that is not shown"
    names = [_shown_name(token.partition("=")[0]) for token in query.split("&")] if question else []
    return redact_text(server + ("?" + "&".join(f"{name}=..." for name in names[:10]) if names else ""))


def _shown_name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_.%-]{1,40}", name) else "..."


def _shown_value(value: str) -> str:
    """Modes and class names are words; anything else might be a secret or a path."""
    return value if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,80}|[01]?", value) else "(not shown)"


def _refuse(control: str, resource: str, *, found: str, required: str, fix: str) -> NoReturn:
    raise RefusedError(control, resource=resource, found=found, required=required, fix=fix)
