"""The reader of JDBC URLs, for all engines.

Each driver accepts many forms of URL: host lists, ``address=(...)``, named instances, percent-encoding.
glue-secure accepts one form per engine, ``DatabaseEngine.url_form``, and Oracle's DESCRIPTION with one
address. The integration tests compare the result with the drivers' own parsers.

Behaviour of pgjdbc 42.7.3's ``Driver.parseURL``, as measured, for which URLs are rejected: option names are
case-sensitive and are not percent-decoded, values are; the last of two equal options applies; the options
``PGHOST``, ``host`` and ``service`` replace the host of the URL; commas separate hosts; ``u:p@h`` is one
host name; a missing host is ``localhost``; a missing database is the user's name; ``%2c`` stays in the host;
a plus sign is a space; an option without a value is the empty string, which for ``ssl`` means true.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NoReturn
from urllib.parse import quote, unquote_to_bytes

from glue_secure.connections.descriptor import DescriptorError, read_descriptor
from glue_secure.connections.engines.engine import (
    DatabaseEngine,
    DriverOption,
    NameEncoding,
    OptionRule,
)
from glue_secure.connections.engines.registry import ENGINES
from glue_secure.connections.messages import shown_name, shown_value
from glue_secure.core.findings import Finding, enforce, failed, passed, stop
from glue_secure.core.redaction import redact_text

_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*")
_ADDRESS = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_MAX_LENGTH = 2048


# What a URL may consist of. In _DATABASE and in values, characters that separate parts of a URL for some
# reader are left out, also decoded.
_CHARACTERS = {
    NameEncoding.PLAIN: re.compile(r"[\w:/?&=._;,@~$+()\[\]\" -]+"),
    NameEncoding.BRACES: re.compile(r"[\w:/?&=._;,@~$+()\[\]{}!*'# -]+"),
    NameEncoding.PERCENT: re.compile(r"[A-Za-z0-9:/?&=%._~$,;()\[\]!*'-]+"),
}
_OPTION_NAME = re.compile(r"[A-Za-z0-9_.$]+")
_DATABASE = re.compile(r"(?! )[^/\\?&=;#@%\x00-\x1f\x7f]{1,128}(?<! )")
# check_credentials accepts no '@', and braces do not encode it.
_NAME_IN_BRACES = re.compile(r"(?! )[^@\x00-\x1f\x7f]{1,128}(?<! )")
_PLAIN_NAME = re.compile(r"[\w$.-]+")
# One option of SQL Server's URL. The driver trims blanks around names and values, except inside braces.
_TOKEN = re.compile(
    r" *(?P<name>[A-Za-z0-9]+) *= *"
    r"(?:\{(?P<braced>(?:[^}]|\}\})*)\} *|(?P<plain>[^;{}]*))(?:;|$)| *(?:;|$)"
)


@dataclass(frozen=True, slots=True)
class JdbcUrl:
    """A JDBC URL that passed all checks: no credentials, no option that weakens full verification.

    Attributes:
        engine: the database engine.
        host: a name in lower case, an IPv4 address, or an IPv6 address without brackets in Java's spelling
            (eight groups, no ``::``), which is the text that pgjdbc compares with the certificate.
        port: 1 to 65535.
        database: decoded; ``""`` if the URL names none, which for the server means the user's default.
        options: name and decoded value, in the URL's order; names as the driver spells them.
        template: Oracle: the descriptor for the driver, with ``{host}``, ``{port}`` and ``{database}``.
        subject: Oracle: the distinguished name that the server's certificate must have, ``""`` without.
        findings: the passed checks: GS-TLS-001, -005, -007, -008, -011.
    """

    engine: DatabaseEngine
    host: str
    port: int
    database: str
    options: tuple[tuple[str, str], ...] = ()
    template: str = ""
    subject: str = ""
    findings: tuple[Finding, ...] = field(default=(), compare=False, repr=False)

    @property
    def bare(self) -> str:
        """The URL without options."""
        form = self.template or self.engine.bare_form
        if not self.database and self.engine.database_options:
            form = form.partition(self.engine.separator)[0]
        return self._format(form)

    @property
    def for_spark(self) -> str:
        """The URL without options that Spark receives; its scheme selects Spark's SQL dialect."""
        if ":" in self.host and self.engine.address_form:
            database = _encode(self.database, self.engine.encoding)
            return self.engine.address_form.format(host=self.host, port=self.port, database=database)
        return self._format(self.engine.spark_form) if self.engine.spark_form else self.bare

    def __str__(self) -> str:
        options = self.engine.separator.join(
            f"{name}={_encode(value, self.engine.encoding)}" for name, value in self.options
        )
        start = "?" if self.engine.separator == "&" else self.engine.separator
        return f"{self.bare}{start}{options}" if options else self.bare

    def _format(self, form: str) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        database = _encode(self.database, self.engine.encoding)
        return form.format(host=host, port=self.port, database=database)


def read_url(text: str, *, resource: str = "JDBC URL") -> JdbcUrl:
    """Return the parsed URL with the findings of its checks.

    Args:
        text: the URL of any engine.
        resource: the resource of the findings, usually ``connection NAME``.

    Raises:
        RefusedError: GS-TLS-001 (weaker than full verification, plain TCP), -005 (an option that is not
            accepted), -007 (ambiguous form), -008 (credentials), -011 (unknown engine).
    """
    engine, finding = read_engine(text, resource)
    findings = [
        finding,
        *enforce([check_credentials(engine, text, resource)]),
        *enforce([check_plain_tcp(engine, text, resource)]),
    ]
    problem = _character_problem(engine, text)
    if problem:
        _stop_ambiguous(engine, resource, text, problem)
    if engine.descriptors and "(" in text:
        url = _read_descriptor(engine, text, resource)
        findings.append(passed("GS-TLS-007", resource, f"one host, port and database: {url.bare}"))
        findings += enforce(check_url_options(engine, (), resource))
        return replace(url, findings=tuple(findings))
    match = re.fullmatch(engine.url_form, text)
    if match is None:
        _stop_ambiguous(engine, resource, text, "not exactly one host and one database")
    host, port = _host_and_port(match["address"], engine, resource, text)
    options = _parse_options(match, engine, resource, text)
    database = _database(match["database"] or "", options, engine, resource, text)
    if engine.strict is not None and ("encrypt", "strict") in [(n, value.lower()) for n, value in options]:
        engine = engine.strict
    options = tuple(
        (name, value)
        for name, value in options
        if name not in engine.database_options
        and not (name == engine.name_option and names_host(value, host))
    )
    url = JdbcUrl(engine, host, port, database, options)
    findings.append(passed("GS-TLS-007", resource, f"one host, port and database: {url.bare}"))
    findings += enforce(check_url_options(engine, options, resource))
    return replace(url, findings=tuple(findings))


def with_database(url: JdbcUrl, database: str, *, resource: str) -> JdbcUrl:
    """Return the same server and options with another database, which a call names.

    Raises:
        RefusedError: GS-TLS-007, the name of the database would not be accepted in a URL.
    """
    changed = _with_database(replace(url, database=""), database, resource)
    finding = passed(
        "GS-TLS-007", resource, f"one host, port and database, named by the call: {changed.bare}"
    )
    return replace(changed, findings=(*url.findings, finding))


def url_of_parts(engine: DatabaseEngine, host: str, port: str, database: str, *, resource: str) -> JdbcUrl:
    """Return the URL of a connection that names host, port and database instead of a URL.

    Args:
        engine: the database engine.
        host: of :func:`normalize_host`.
        port: digits.
        database: its name, ``""`` for the user's default.
        resource: the resource of the findings.

    Raises:
        RefusedError: GS-TLS-007, as :func:`read_url`.
    """
    url = JdbcUrl(engine, host, int(port), "")
    url = _with_database(url, database, resource) if database else url
    return read_url(url.bare, resource=resource)


def names_host(name: str, host: str) -> bool:
    """Return whether a name to compare with the certificate is the host, or the wildcard of its domain.

    Such a name allows no other server: the host itself is compared with the certificate. An example is
    ``*.database.windows.net``, which Azure's portal shows for ``NAME.database.windows.net``.
    """
    domain = host.partition(".")[2]
    return name.lower() in (host, f"*.{domain}" if "." in domain and not _is_address(host) else host)


def normalize_host(text: str) -> str | None:
    """Return the host in the form of :attr:`JdbcUrl.host`; None if resolvers may differ on it."""
    if text.startswith("[") and text.endswith("]"):
        try:
            address = ipaddress.IPv6Address(text[1:-1])
        except ValueError:
            return None
        # Java converts mapped addresses into IPv4 addresses, and a zone is local to one machine.
        if address.ipv4_mapped is not None or address.scope_id is not None:
            return None
        return ":".join(format(int(group, 16), "x") for group in address.exploded.split(":"))
    host = text.lower()
    if len(host) > 253 or not _HOST.fullmatch(host):
        return None
    if re.fullmatch(r"(?:0x[0-9a-f]*|[0-9]+)", host.rpartition(".")[2]):
        # Some resolvers accept 127.1, 0x7f.1 and 010.0.0.1 as addresses, with different values.
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            return None
    return host


def _is_address(host: str) -> bool:
    return ":" in host or host.rpartition(".")[2].isdigit()


def read_engine(text: str, resource: str) -> tuple[DatabaseEngine, Finding]:
    """Return the engine of a URL, and GS-TLS-011 passed."""
    normalized = text.strip().lower()
    engine = next((engine for engine in ENGINES if normalized.startswith(engine.url_prefix)), None)
    if engine is None:
        stop(
            failed(
                "GS-TLS-011",
                resource,
                found="a URL of an unknown engine",
                required=", ".join(engine.url_prefix for engine in ENGINES),
                fix="use a connection to a supported engine",
            )
        )
    if not text.startswith(engine.url_prefix):
        problem = "a prefix in another letter case, or with white space before it"
        _stop_ambiguous(engine, resource, text, problem)
    return engine, passed("GS-TLS-011", resource, f"a JDBC URL of {engine.name}")


def check_credentials(engine: DatabaseEngine, text: str, resource: str) -> Finding:
    """GS-TLS-008: no user and password before the host."""
    # An '@' ends USER:PASSWORD for some reader, wherever it is. Oracle has one '@' before the server, and
    # user/password would be before that.
    before, at, after = text[len(engine.url_prefix) :].partition("@")
    allowed = "@" in engine.url_form and before in ("thin:", "thin://", "oci:", "oci8:") and "@" not in after
    if at and not allowed:
        return failed(
            "GS-TLS-008",
            resource,
            found="an '@' in the URL, which may follow a user and a password (not shown)",
            required="a URL without credentials; SECRET_ID names the secret",
            fix="remove everything up to the @, store user and password in Secrets Manager, "
            "change the password",
        )
    return passed("GS-TLS-008", resource, "no user or password before the host of the URL")


def check_plain_tcp(engine: DatabaseEngine, text: str, resource: str) -> Finding:
    """GS-TLS-001: the URL does not select a connection without TLS."""
    if engine.plain_tcp_form and re.fullmatch(engine.plain_tcp_form, text, re.DOTALL):
        return failed(
            "GS-TLS-001",
            resource,
            found="a URL that selects a connection without TLS",
            required=_required_form(engine),
            fix="use the server's TLS port and the protocol tcps",
        )
    return passed("GS-TLS-001", resource, "no plain TCP in the URL")


def check_url_options(
    engine: DatabaseEngine, options: tuple[tuple[str, str], ...], resource: str
) -> tuple[Finding, ...]:
    """Check every option of a URL.

    Returns:
        GS-TLS-001 and GS-TLS-005 passed; or one failure: GS-TLS-001 (weakens TLS), -005 (unknown or refused
        option), -007 (address, spelling, form of the value) or -008 (credential).
    """
    for name, value in options:
        failure = _option_failure(engine, engine.option(name), name, value, resource)
        if failure is not None:
            return (failure,)
    names = ", ".join(name for name, _ in options) or "none"
    return (
        passed("GS-TLS-001", resource, f"no option of the URL weakens {engine.verification_option}"),
        passed("GS-TLS-005", resource, f"options of the URL: {names}"),
    )


def _option_failure(
    engine: DatabaseEngine, option: DriverOption | None, name: str, value: str, resource: str
) -> Finding | None:
    """Return why the option is not accepted, None if it is."""
    if option is None:
        return failed(
            "GS-TLS-005",
            resource,
            found=f"option {shown_name(name)} in the URL, which glue-secure does not know",
            required="only options with a known effect",
            fix="remove it from the URL, or check its spelling: the driver ignores unknown names",
        )
    if option.rule is OptionRule.CREDENTIAL:
        return failed(
            "GS-TLS-008",
            resource,
            found=f"option {option.name} in the URL (value not shown)",
            required="a URL without credentials; SECRET_ID names the secret",
            fix=f"remove {option.name} from the URL, store the value in Secrets Manager, change the password",
        )
    if option.rule is OptionRule.ADDRESS:
        return failed(
            "GS-TLS-007",
            resource,
            found=f"option {option.name} in the URL, which replaces the server of the URL",
            required=_required_form(engine),
            fix=f"remove {option.name} and write the server before the options",
        )
    if option.rule is OptionRule.TLS and not option.accepts(value):
        return failed(
            "GS-TLS-001",
            resource,
            found=f"{option.name}={shown_value(value)} in the URL: {option.reason}",
            required=f"{engine.verification_option}, or no TLS option: glue-secure sets full verification",
            fix=f"remove {option.name} from the URL; for a private CA, set CUSTOM_JDBC_CERT",
        )
    if option.rule is OptionRule.REFUSED and not option.accepts(value):
        return failed(
            "GS-TLS-005",
            resource,
            found=f"option {option.name} in the URL: {option.reason}",
            required="only options that do not change how the connection is made",
            fix=f"remove {option.name} from the URL",
        )
    if name != option.name and not engine.any_case:
        return failed(
            "GS-TLS-007",
            resource,
            found=f"option {shown_name(name)} in the URL, which the driver recognizes as {option.name} only",
            required=option.name,
            fix="write the option's name as the driver spells it",
        )
    if not option.accepts(value):
        return failed(
            "GS-TLS-007",
            resource,
            found=f"option {option.name} in the URL with an invalid value",
            required=f"a value that matches {option.values}",
            fix=f"correct {option.name} in the URL, or remove it",
        )
    return None


def _character_problem(engine: DatabaseEngine, text: str) -> str:
    """Return the problem with the URL's characters, ``""`` if there is none."""
    if len(text) > _MAX_LENGTH:
        return f"more than {_MAX_LENGTH} characters"
    if not text.isascii() and engine.encoding is NameEncoding.PERCENT:
        return "a character outside ASCII (percent-encode it as UTF-8)"
    if text != text.strip():
        return "white space before or after it"
    invalid = sorted(set(_CHARACTERS[engine.encoding].sub("", text)))
    if invalid:
        return f"the character {invalid[0]!r}, which parsers interpret differently"
    return ""


def _escape_problem(encoded: str) -> str:
    """Return the problem with the percent-encoding of an option's value, ``""`` if there is none."""
    for match in _ESCAPE.finditer(encoded):
        if match[1] is None:
            return "a '%' without two hexadecimal digits"
        if int(match[1], 16) in _UNRESERVED:
            return "a percent-encoded character that needs no encoding"
    return ""


def _host_and_port(address: str, engine: DatabaseEngine, resource: str, url: str) -> tuple[str, int]:
    if "," in address:
        _stop_ambiguous(
            engine, resource, url, "several hosts: the driver may connect to a host that was not verified"
        )
    match = _ADDRESS.fullmatch(address)
    if match is None:
        _stop_ambiguous(engine, resource, url, "an address that is not HOST or HOST:PORT")
    port = match[2]
    if port is not None and (port.startswith("0") or int(port) > 65535):
        _stop_ambiguous(engine, resource, url, "a port that is not a number from 1 to 65535")
    host = normalize_host(match[1])
    if host is None:
        _stop_ambiguous(engine, resource, url, "a missing or ambiguous host name")
    return host, int(port) if port is not None else engine.default_port


def _read_descriptor(engine: DatabaseEngine, text: str, resource: str) -> JdbcUrl:
    start, _, content = text.partition("@")
    try:
        if start != f"{engine.url_prefix}thin:":
            raise DescriptorError("a descriptor that does not follow jdbc:oracle:thin:@")
        found = read_descriptor(content)
    except DescriptorError as error:
        if not error.weaker:
            _stop_ambiguous(engine, resource, "", str(error))
        stop(
            failed(
                "GS-TLS-001",
                resource,
                found=f"{error}, in the URL",
                required="a DESCRIPTION with one ADDRESS of PROTOCOL=TCPS and SSL_SERVER_DN_MATCH=TRUE",
                fix="correct the descriptor in the connection's JDBC URL; for a private CA, set "
                "CUSTOM_JDBC_CERT",
            )
        )
    host, port = _host_and_port(f"{found.host}:{found.port}", engine, resource, "")
    if not re.fullmatch(r"[A-Za-z][\w$#.-]*", found.database, re.ASCII):
        _stop_ambiguous(engine, resource, "", "an invalid service name or SID")
    template = f"{start}@{found.template}"
    return JdbcUrl(engine, host, port, found.database, template=template, subject=found.subject)


def _parse_options(
    match: re.Match[str], engine: DatabaseEngine, resource: str, url: str
) -> tuple[tuple[str, str], ...]:
    """Return name and decoded value of each option, in the driver's spelling where the driver accepts any."""
    options: dict[str, tuple[str, str]] = {}
    for name, value in _option_pairs(match, engine, resource, url):
        if name.lower() in options:
            _stop_ambiguous(
                engine, resource, url, f"option {shown_name(name)} twice; drivers differ on which applies"
            )
        option = engine.option(name)
        known = option is not None and engine.any_case
        options[name.lower()] = (option.name if option is not None and known else name, value)
    return tuple(options.values())


def _option_pairs(
    match: re.Match[str], engine: DatabaseEngine, resource: str, url: str
) -> Iterator[tuple[str, str]]:
    if engine.encoding is NameEncoding.BRACES:
        yield from _pairs_with_braces(match["options"] or "", engine, resource, url)
        return
    tokens = match["options"].split(engine.separator) if match["options"] is not None else []
    # Redshift's driver reads options after ';' as well, and skips empty ones.
    tokens += [token for token in (match.groupdict().get("semicolons") or "").split(";") if token]
    for token in tokens:
        name, equals, encoded = token.partition("=")
        if not equals or not _OPTION_NAME.fullmatch(name):
            _stop_ambiguous(engine, resource, url, "an option that is not NAME=VALUE")
        if problem := _escape_problem(encoded):
            _stop_ambiguous(engine, resource, url, problem)
        value = _decode(encoded) if engine.encoding is NameEncoding.PERCENT else encoded
        # The decoded value is checked too: a reader that splits after decoding would see two options.
        if value is None or re.search(r"[=?&;@ ]", encoded) or re.search(r"[&;]", value):
            _stop_ambiguous(engine, resource, url, "an option value with one of = ? & ; @, or not UTF-8")
        yield name, value


def _pairs_with_braces(
    text: str, engine: DatabaseEngine, resource: str, url: str
) -> Iterator[tuple[str, str]]:
    """Yield the options of SQL Server's URL. Empty ones are skipped, as the driver does."""
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            _stop_ambiguous(engine, resource, url, "an option that is not NAME=VALUE")
        position = match.end()
        if match["name"] is None:
            continue
        braced = match["braced"]
        value = match["plain"].strip(" ") if braced is None else braced.replace("}}", "}")
        if braced is None and re.search(r"[=?&@#]", value):
            _stop_ambiguous(engine, resource, url, "an option value with one of = ? & @ # outside braces")
        yield match["name"], value


def _database(
    path: str, options: tuple[tuple[str, str], ...], engine: DatabaseEngine, resource: str, url: str
) -> str:
    names = [_decode(path) if engine.encoding is NameEncoding.PERCENT else path] if path else []
    names += [value for name, value in options if name in engine.database_options and value]
    if not names and engine.needs_database:
        _stop_ambiguous(engine, resource, url, "a missing database name")
    if not names:
        return ""
    name = names[0]
    if len(names) > 1 or name is None or not _is_database(name, engine):
        _stop_ambiguous(engine, resource, url, "a duplicate or invalid database name")
    return name


def _is_database(name: str, engine: DatabaseEngine) -> bool:
    allowed = _NAME_IN_BRACES if engine.encoding is NameEncoding.BRACES else _DATABASE
    return name.isprintable() and allowed.fullmatch(name) is not None


def _with_database(url: JdbcUrl, database: str, resource: str) -> JdbcUrl:
    """Return the URL with a database, whose name would mean the same in a URL. Raises RefusedError."""
    if not _is_database(database, url.engine):
        _stop_ambiguous(url.engine, resource, url.bare, "an invalid database name")
    changed = replace(url, database=database)
    if read_url(changed.bare, resource=resource).database != database:
        _stop_ambiguous(url.engine, resource, url.bare, "an invalid database name")
    return changed


def _encode(text: str, encoding: NameEncoding) -> str:
    """Return a database name or an option's value as the driver reads it in a URL."""
    if encoding is NameEncoding.PERCENT:
        return quote(text, safe="")
    if encoding is NameEncoding.BRACES and text and not _PLAIN_NAME.fullmatch(text):
        return "{" + text.replace("}", "}}") + "}"
    return text


def _decode(text: str) -> str | None:
    try:
        value = unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return value if value.isprintable() else None


def _required_form(engine: DatabaseEngine) -> str:
    return engine.bare_form.format(host="HOST", port="PORT", database="DATABASE")


def _stop_ambiguous(engine: DatabaseEngine, resource: str, url: str, problem: str) -> NoReturn:
    stop(
        failed(
            "GS-TLS-007",
            resource,
            found=f"{problem}, in {_shown_url(url)}",
            required=_required_form(engine),
            fix="correct the connection's JDBC URL",
        )
    )


def _shown_url(url: str) -> str:
    """Return the shape of the URL for a message: no option values, no text that may be a password."""
    server, question, query = url.partition("?")
    prefix, _, remainder = server.partition("//")
    hosts, _, database = remainder.partition("/")
    # Text other than a number after a host's colon may be USER:PASSWORD without the '@'.
    plain = re.fullmatch(r"[A-Za-z]{1,10}:[A-Za-z]{1,20}:", prefix) and all(
        re.fullmatch(r"[A-Za-z0-9._%-]{0,99}(:[0-9]{0,9})?", host) for host in hosts.split(",")
    )
    if not plain or not re.fullmatch(r"[\w$.%-]{0,99}", database):
        server = "a URL (not shown)"
    names = [_shown_token(token) for token in query.split("&")] if question else []
    return redact_text(server + ("?" + "&".join(f"{name}=..." for name in names[:10]) if names else ""))


def _shown_token(token: str) -> str:
    name = token.partition("=")[0]
    return name if re.fullmatch(r"[A-Za-z0-9_.%-]{1,40}", name) else "..."
