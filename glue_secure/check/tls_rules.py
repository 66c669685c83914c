"""Rules for connections: JDBC URLs, options, drivers of databases, HTTP clients, sockets."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from glue_secure.check.model import ScriptFinding
from glue_secure.check.s3_rules import is_aws_client
from glue_secure.check.script import Script, shown
from glue_secure.connections.url import read_url
from glue_secure.core.errors import RefusedError
from glue_secure.core.script_values import UNKNOWN_TEXT, NamedValue, ScriptCall
from glue_secure.preflight.unguarded_clients import commands

_FULL = "TLS with full verification of the server"
_CONNECTION = "a Glue connection with JDBC_ENFORCE_SSL true, opened through glue-secure"
_JDBC = re.compile(r"jdbc:[a-z]", re.IGNORECASE)
# URLs of databases and brokers; options of http and s3 URLs belong to their resources.
_SERVER_URL = re.compile(
    r"(?!https?:|s3[an]?:|file:|gs:|abfss?:)[a-z][a-z0-9+.\-]*://[^?#]*\?(?P<query>[^#]*)", re.IGNORECASE
)
# What stands in for an unknown part of a URL, by the text before it.
_PORT = re.compile(rf"(?<=[\w\]{UNKNOWN_TEXT}]:){UNKNOWN_TEXT}")
# Options of a URL whose values the source does not show.
_UNKNOWN_OPTION = re.compile(rf"(?<=[?&;])(?:[\w.\-]+=)?[^&;=]*{UNKNOWN_TEXT}[^&;]*(?:[&;]|\Z)")
_JDBC_FORMAT = re.compile(
    r"(?i)\Ajdbc\Z|\Aorg\.apache\.spark\.sql\.(?:execution\.datasources\.)?jdbc\b|spark[._]redshift"
)
_JDBC_TABLE = re.compile(
    r"\bUSING\s+`?(?:org\.apache\.spark\.sql\.(?:execution\.datasources\.)?)?jdbc\b", re.I
)
_REPORTED = frozenset({"GS-TLS-001", "GS-TLS-005", "GS-TLS-008"})
_FROM_OPTIONS = frozenset(
    {
        "create_data_frame_from_options", "create_dynamic_frame_from_options", "from_jdbc_conf",
        "from_options", "getSink", "getSource", "write_data_frame_from_options",
        "write_dynamic_frame_from_jdbc_conf", "write_dynamic_frame_from_options",
    }
)  # fmt: skip
_FALSE, _TRUE = r"(?i:false|0|no|off|disabled?)\Z", r"(?i:true|1|yes|on)\Z"
_WEAK_MODES = r"(?i:disable|disabled|allow|prefer|preferred|require|required|verify[-_]ca)\Z"


@dataclass(frozen=True, slots=True)
class _Option:
    """Names of an option that decides TLS, and its values that disable TLS or verification."""

    names: str
    values: str
    control: str = "GS-TLS-001"
    beside: bool = False  # counts only beside names of a connection, or in a call of option or options


_OPTIONS = (
    _Option("sslmode ssl_mode ssl-mode", _WEAK_MODES),
    _Option(
        "enforcessl jdbc_enforce_ssl enforce_ssl kafka_ssl_enabled usessl requiressl verifyservercertificate"
        " oracle.net.ssl_server_dn_match ssl.domain_match ssldomainmatch es.net.ssl use_ssl ssl tls"
        " verify_certs ssl_assert_hostname check_hostname enable.ssl.certificate.verification ssl_verify_cert"
        " ssl_verify_identity ssl_check_hostname tls.enabled ssl.enabled",
        _FALSE,
    ),
    _Option(
        "trustservercertificate skip_custom_jdbc_cert_validation skipcustomjdbccertvalidation"
        " kafka_skip_custom_cert_validation es.net.ssl.cert.allow.self.signed tlsallowinvalidcertificates"
        " tlsallowinvalidhostnames tlsinsecure ssldisabled ssl_disabled insecure_mode insecuremode"
        " ssl_match_hostname_disabled disablecertvalidation disable_ocsp_checks",
        _TRUE,
    ),
    _Option("encrypt", r"(?i:false|no|optional|0)\Z", beside=True),
    _Option(
        "security.protocol kafka.security.protocol security_protocol", r"(?i:plaintext|sasl_plaintext)\Z"
    ),
    _Option("ssl.endpoint.identification.algorithm kafka.ssl.endpoint.identification.algorithm", r"\s*\Z"),
    _Option("ssl_cert_reqs cert_reqs tls_require_cert", r"(?i:none|cert_none|never|allow|0)\Z"),
)
_BY_NAME = {name: option for option in _OPTIONS for name in option.names.split()}
_OF_CONNECTION = frozenset(
    {"url", "user", "username", "dbtable", "query", "driver", "server", "host", "hostname", "database",
     "connectionname", "port", "uri", "connection.uri"}
)  # fmt: skip
_CONTROLS = {
    "enforcessl": "GS-TLS-005",
    "jdbc_enforce_ssl": "GS-TLS-006",
    "enforce_ssl": "GS-TLS-006",
    "skip_custom_jdbc_cert_validation": "GS-TLS-006",
    "skipcustomjdbccertvalidation": "GS-TLS-005",
}
_HTTP = (
    "requests.", "httpx.", "urllib3.", "aiohttp.", "urllib.", "http.client.", "pip._vendor.requests.",
    "botocore.vendored.requests.",
)  # fmt: skip
_HTTP_METHODS = frozenset({"get", "post", "put", "delete", "head", "patch", "options", "request", "send"})
_URL_METHODS = _HTTP_METHODS | {"urlopen", "urlretrieve", "Request", "stream", "download"}
_LOCAL = re.compile(r"http://(?:localhost|127\.|\[::1\]|169\.254\.|0\.0\.0\.0)", re.IGNORECASE)
_NAMESPACE = re.compile(
    r"http://(?:www\.w3\.org|schemas\.|purl\.org|xmlns\.|www\.opengis\.net)", re.IGNORECASE
)
_HTTP_LIBRARIES = frozenset(
    {"aiohttp", "botocore", "http", "httplib2", "httpx", "pip", "requests", "tornado", "urllib", "urllib3"}
)
_VERIFY_HOST = re.compile(r"(?:PYTHONHTTPSVERIFY|NODE_TLS_REJECT_UNAUTHORIZED)\Z")
_BUNDLE = re.compile(r"(?:REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|SSL_CERT_FILE)\Z")
_UNVERIFIED = frozenset({"ssl._create_unverified_context", "_create_unverified_context"})
_PLAIN_CLIENTS = {
    "socket.create_connection": "a socket without TLS",
    "socket.socket().connect": "a socket without TLS",
    "asyncio.open_connection": "a socket without TLS",
    "http.client.HTTPConnection": "HTTP without TLS",
    "ftplib.FTP": "FTP without TLS",
    "telnetlib.Telnet": "Telnet",
    "xmlrpc.client.ServerProxy": "",
}
_INSECURE_PROGRAM = re.compile(
    r"(?:\A|\s)(?:curl\b.*\s(?:-[a-zA-Z]*k[a-zA-Z]*|--insecure)(?:\s|\Z)|wget\b.*--no-check-certificate"
    r"|aws\b.*--no-verify-ssl|ssh\b.*StrictHostKeyChecking=no)"
)


def tls_findings(script: Script) -> Iterator[ScriptFinding]:
    """Yield the findings of connections."""
    yield from _urls(script)
    yield from _url_options(script)
    for call in script.values.calls:
        yield from _spark_jdbc(script, call)
        yield from _login(script, call)
        yield from _driver(script, call)
        yield from _http(script, call)
        yield from _plain(script, call)
        yield from _plain_by_default(script, call)
    for named in script.values.named_values:
        yield from _option(script, named)
        yield from _environment(script, named)


# JDBC


def _urls(script: Script) -> Iterator[ScriptFinding]:
    """Check every text that is a JDBC URL, with an example in place of its unknown parts."""
    texts: dict[int, ast.expr] = {}
    inner: set[int] = set()
    wanted = [one.value for one in script.values.named_values]
    wanted += [argument for call in script.values.calls for argument in call.args]
    values = [*script.values.sums, *(value for node in wanted for value in script.values.values(node))]
    for node in [*script.values.written, *values]:
        if isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp, ast.Call)) and id(node) not in inner:
            found = script.values.texts(node)
            if any(map(_JDBC.match, found)):
                texts[id(node)] = node
                inner |= {id(part) for part in ast.walk(node)}
    for node in texts.values():
        for text in script.values.texts(node):
            yield from _url(script, node, text) if _JDBC.match(text) else ()


def _url(script: Script, node: ast.expr, text: str) -> Iterator[ScriptFinding]:
    example = _PORT.sub("1024", text).replace(UNKNOWN_TEXT, "unknown")
    try:
        read_url(example, resource="JDBC URL")
    except RefusedError as error:
        known = _UNKNOWN_OPTION.sub("", text).rstrip("?&;")
        if error.control != "GS-TLS-008" and known != text.rstrip("?&;"):
            yield from _url(script, node, known)
            return
        if error.control not in _REPORTED:
            return
        yield script.finding(
            "jdbc-url",
            error.control,
            node,
            found=f"a JDBC URL, {error.found}",
            required=error.required,
            fix=error.fix,
        )


def _spark_jdbc(script: Script, call: ScriptCall) -> Iterator[ScriptFinding]:
    owners = [name for name in call.names if re.search(r"\.(?:read|write|readStream|writeStream)\b", name)]
    if call.methods == {"format"} and not owners:  # of a reader in a parameter; str.format has no name
        owners = [name for name in call.names if re.fullmatch(r"\w+\.format", name)]
    if call.methods & {"createTable", "createExternalTable"}:
        owners = owners or [name for name in call.names if ".catalog." in name]
    if "format" in call.methods:
        given = [*call.args[:1], *call.keyword("source")]
    else:
        in_place = call.args[1:2] if call.methods & {"load", "save"} else ()
        given = [*call.keyword("format"), *call.keyword("source"), *in_place]
    by_format = any(_JDBC_FORMAT.search(text) for value in given for text in script.values.texts(value))
    # job.read.jdbc and job.write.jdbc of glue-secure name a connection.
    by_method = "jdbc" in call.methods and not call.keyword("connection")
    by_table = "sql" in call.methods and any(map(_JDBC_TABLE.search, _texts_of(script, call.args[:1])))
    if not by_table and (not owners or not (by_method or by_format) or _is_checked(script, call)):
        return
    is_write = any(".write" in name for name in owners)
    yield script.finding(
        "spark-jdbc",
        "GS-S3-011" if is_write else "GS-TLS-001",
        call.node,
        found="Spark's own JDBC sink"
        if is_write
        else "Spark's own JDBC source, which verifies no certificate",
        required=_CONNECTION,
        fix='use glueContext.write_dynamic_frame.from_jdbc_conf(frame, catalog_connection="NAME", ...)'
        if is_write
        else "use glueContext.create_dynamic_frame.from_options with useConnectionProperties and "
        "connectionName, then .toDF()",
    )


def _is_checked(script: Script, call: ScriptCall) -> bool:
    """Return whether the options of this reader or writer come from ``job.jdbc_options``.

    The URL must be that of the options, not another one.
    """
    if not any("jdbc_options" in other.methods for other in script.values.calls):
        return False
    own = _owners(script, call.node)
    chain = [
        other
        for other in script.values.calls
        if id(other.node) in own or id(call.node) in _owners(script, other.node)
    ]
    checked = [
        (name, _from_jdbc_options(script, value, set()))
        for other in chain
        for name, value in _option_values(script, other)
    ]
    return any(is_checked for _, is_checked in checked) and all(
        is_checked for name, is_checked in checked if name == "url"
    )


def _owners(script: Script, node: ast.Call) -> set[int]:
    """Return the identities of a call, and of the calls whose results it is a method of."""
    found: set[int] = set()
    rest: list[ast.AST] = [node]
    while rest:
        part = rest.pop()
        if isinstance(part, ast.Call) and id(part) not in found:
            found.add(id(part))
            rest += script.values.values(part.func) if isinstance(part.func, ast.Name) else [part.func]
        elif isinstance(part, ast.Attribute):
            rest += script.values.values(part.value)
    return found


def _option_values(script: Script, call: ScriptCall) -> Iterator[tuple[str, ast.expr]]:
    """Yield the arguments of a reader's method; those of ``option(name, value)`` by the option's name."""
    if "option" in call.methods and len(call.args) == 2:
        names = script.values.texts(call.args[0])
        # The loop over the items of options passes name and value.
        yield from ((name.lower() if name != UNKNOWN_TEXT else "", call.args[1]) for name in names)
        return
    if "jdbc" in call.methods:
        yield from (("url", value) for value in call.args[:1])
        yield from (("", value) for value in call.args[1:])
    for word in call.node.keywords:
        yield (word.arg or "").lower(), word.value
        entries = script.values.entries(word.value) if word.arg is None else []
        yield from ((name.lower(), value) for name, value in entries if name.lower() == "url")


def _from_jdbc_options(script: Script, node: ast.AST, seen: set[int]) -> bool:
    """Return whether an expression contains a result of ``job.jdbc_options``."""
    for value in script.values.values(node):
        for part in ast.walk(value):
            if id(part) in seen:
                continue
            seen.add(id(part))
            if isinstance(part, ast.Call) and any(
                name.endswith(".jdbc_options") for name in script.values.names(part.func)
            ):
                return True
            if isinstance(part, ast.Name) and _from_jdbc_options(script, part, seen):
                return True
    return False


# Options


def _login(script: Script, call: ScriptCall) -> Iterator[ScriptFinding]:
    """Find a password in the options of a call of awsglue, which a run rejects wherever it comes from."""
    if not call.methods & _FROM_OPTIONS:
        return
    options = [*call.args, *(value for _, value in call.keywords)]
    entries = [*call.keywords, *(entry for node in options for entry in script.values.entries(node))]
    password = next((value for name, value in entries if name.lower() == "password"), None)
    if password is not None:
        yield script.finding(
            "login-option",
            "GS-TLS-008",
            password if hasattr(password, "lineno") else call.node,
            found=f"a password in the options of {call.name}()",
            required="a Glue connection whose password is in Secrets Manager",
            fix='write "useConnectionProperties": "true", "connectionName": "NAME" in place of url, user and '
            "password",
        )


def _option(script: Script, named: NamedValue) -> Iterator[ScriptFinding]:
    name = named.name.lower()
    option = _BY_NAME.get(name)
    if option is None or _is_aws(script, named) or _is_http(named):
        return
    beside = named.beside & _OF_CONNECTION
    if option.beside and not beside and not (named.call and named.call.methods & {"option", "options"}):
        return
    weak = [text for text in script.values.texts(named.value) if re.match(option.values, text.strip())]
    if (
        not weak
        and "cert_reqs" in name
        and any(n.endswith("CERT_NONE") for n in script.values.names(named.value))
    ):
        weak = ["CERT_NONE"]
    if weak:
        control = _CONTROLS.get(name, option.control)
        yield _option_finding(script, named.node, named.name, weak[0], control)


def _option_finding(script: Script, node: ast.expr, name: str, value: str, control: str) -> ScriptFinding:
    return script.finding(
        "tls-option",
        control,
        node,
        found=f"{shown(name)}={value or 'empty'}",
        required=_FULL,
        fix=f"remove {shown(name)}; for a private CA, name its certificate instead",
    )


def _url_options(script: Script) -> Iterator[ScriptFinding]:
    """Check the options in the URLs of databases and brokers: ``mongodb://host/?tls=false``."""
    inner: set[int] = set()
    for node in script.values.written:
        if id(node) in inner:
            continue
        for text in script.values.texts(node):
            match = _SERVER_URL.match(text)
            if not match:
                continue
            inner |= {id(part) for part in ast.walk(node)}
            for name, value in parse_qsl(match["query"], keep_blank_values=True):
                option = _BY_NAME.get(name.lower())
                if option and re.match(option.values, value.strip()):
                    yield _option_finding(
                        script, node, name, value, _CONTROLS.get(name.lower(), option.control)
                    )


def _is_aws(script: Script, named: NamedValue) -> bool:
    return named.call is not None and is_aws_client(script, named.call)


def _is_http(named: NamedValue) -> bool:
    return named.call is not None and named.call.starts_with(*_HTTP)


# Drivers of databases in Python


def _has_more(script: Script, call: ScriptCall) -> bool:
    """Return whether the call has keyword arguments that the source does not show: ``**config``."""
    return any(
        word.arg is None and not script.values.shows_all_entries(word.value) for word in call.node.keywords
    )


def _weak(script: Script, call: ScriptCall, names: str, strong: str) -> bool:
    """Return whether none of the named keywords has a value that matches, or an unknown one."""
    texts = [
        text for name in names.split() for value in call.keyword(name) for text in script.values.texts(value)
    ]
    is_strong = any(UNKNOWN_TEXT in text or re.fullmatch(strong, text) for text in texts)
    return not is_strong and not _has_more(script, call)


def _without(script: Script, call: ScriptCall, names: str) -> bool:
    """Return whether none of the named keywords has a value that may be neither empty nor false."""
    given = [
        part
        for name in names.split()
        for value in call.keyword(name)
        for part in script.values.values(value)
        if not _is_off(script, part)
    ]
    return not given and not _has_more(script, call)


def _is_off(script: Script, part: ast.AST) -> bool:
    """Return whether a value is empty or false, or a dictionary of TLS options without a CA."""
    if isinstance(part, ast.Dict):
        names = {name for name, _ in script.values.entries(part)}
        return script.values.shows_all_entries(part) and not {"ca", "capath"} & names
    return isinstance(part, ast.Constant) and script.is_off([part])


def _texts_of(script: Script, nodes: Iterable[ast.expr]) -> list[str]:
    return [text for node in nodes for text in script.values.texts(node)]


# Options that the source does not show, in a connection string: "{base} user=x", "...?{options}".
_MORE = re.compile(rf"(?:\A|[\s;?&]){UNKNOWN_TEXT}(?:[\s;&]|\Z)")


def _in_text(strong: str) -> Callable[[Script, ScriptCall], bool]:
    """Return a check that a connection string has a pattern. A string that is not known does not fail."""

    def check(script: Script, call: ScriptCall) -> bool:
        texts = _texts_of(script, [*call.args[:1], *call.keyword("uri")])
        known = [text for text in texts if "=" in text or "://" in text]
        return bool(known) and not any(re.search(strong, text) or _MORE.search(text) for text in known)

    return check


def _postgres(script: Script, call: ScriptCall) -> bool:
    first = 2 if any(method.endswith("ConnectionPool") for method in call.methods - {"ConnectionPool"}) else 0
    nodes = [*call.args[first : first + 1], *call.keyword("dsn"), *call.keyword("conninfo")]
    texts = _texts_of(script, nodes)
    if any("verify-full" in text or _MORE.search(text) for text in texts):
        return False
    # ssl is asyncpg's: True is ssl.create_default_context().
    return _weak(script, call, "sslmode ssl", "verify-full|true")


def _mysql(script: Script, call: ScriptCall) -> bool:
    if not _without(script, call, "ssl ssl_context"):
        return False
    # Without a CA, PyMySQL does not compare the name of the server.
    needed = ["ssl_verify_identity"] if call.starts_with("mysql.") else ["ssl_verify_identity", "ssl_ca"]
    return any(_without(script, call, name) for name in needed)


_ANY = "(?s:.+)"
_ENCRYPTED = "(?i:yes|mandatory|strict)"


@dataclass(frozen=True, slots=True)
class _Engine:
    """How SQLAlchemy's engines of some URLs verify the server.

    Attributes:
        scheme: pattern of the URL's text before ``://``.
        arguments: alternatives of entries of ``connect_args`` that verify the server; each has the names of
            its entries with patterns of their values.
        options: the same for the options of the URL.
        excluded: options of the URL that take the effect of ``options`` away.
        fix: what verifies the server.
    """

    scheme: str
    arguments: tuple[Mapping[str, str], ...]
    options: tuple[Mapping[str, str], ...]
    fix: str
    excluded: frozenset[str] = frozenset()

    def is_weak(self, script: Script, call: ScriptCall) -> bool:
        """Return whether an engine has a URL of this scheme, and does not verify the server.

        A URL that is not known does not fail, nor do ``connect_args`` that the source does not show, nor an
        engine whose connections another function creates.
        """
        return self._is_weak(script, call, [*call.args[:1], *call.keyword("url")])

    def is_weak_in_frame(self, script: Script, call: ScriptCall) -> bool:
        """Return whether a method of a frame makes an engine of a URL of this scheme, and it is weak."""
        nodes = [*call.args[1:2], *call.keyword("con"), *call.keyword("connection")]
        return self._is_weak(script, call, nodes)

    def _is_weak(self, script: Script, call: ScriptCall, nodes: Iterable[ast.expr]) -> bool:
        texts = _texts_of(script, nodes)
        known = [text for text in texts if re.match(rf"(?:{self.scheme})://", text)]
        if all(self._verifies_by_url(text) for text in known):
            return False
        if not _without(script, call, "creator async_creator pool"):
            return False
        return not any(self._verifies_by_arguments(script, value) for value in call.keyword("connect_args"))

    def _verifies_by_url(self, text: str) -> bool:
        query = text.partition("?")[2]
        if _MORE.search(text):
            return True
        given: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            given.setdefault(name.lower(), []).append(value)
        if self.excluded & given.keys():
            return False
        return any(
            all(
                name in given
                and all(_is_unknown(value) or re.fullmatch(pattern, value) for value in given[name])
                for name, pattern in option.items()
            )
            for option in self.options
        )

    def _verifies_by_arguments(self, script: Script, node: ast.expr) -> bool:
        if not script.values.shows_all_entries(node):
            return True
        parts = [part for part in script.values.values(node) if isinstance(part, ast.expr)]
        choices = [script.values.entries(part) for part in parts]
        own = {id(value) for entries in choices for _, value in entries}
        # Entries that are assigned later belong to every choice.
        later = [(name, value) for name, value in script.values.entries(node) if id(value) not in own]
        return all(
            any(
                all(
                    any(given == name and _may_be(script, value, pattern) for given, value in entries)
                    for name, pattern in argument.items()
                )
                for argument in self.arguments
            )
            for entries in ([*choice, *later] for choice in choices or [[]])
        )


def _is_unknown(value: str) -> bool:
    """Return whether an option of a URL is not known, or has unknown options if it is a connection string."""
    return bool(_MORE.search(value)) if "=" in value else UNKNOWN_TEXT in value


def _may_be(script: Script, node: ast.expr, pattern: str) -> bool:
    """Return whether a value may match. A value that the source does not show may."""
    if all(_is_off(script, part) for part in script.values.values(node)):
        return False
    texts = script.values.texts(node)
    return not texts or any(UNKNOWN_TEXT in text or re.fullmatch(pattern, text) for text in texts)


_PYMYSQL, _MYSQL_CONNECTOR = "pymysql|aiomysql|asyncmy", "mysqlconnector"
_ENGINES = (
    _Engine(r"postgres(?:ql)?(?:\+(?!(?:pg8000|asyncpg)\b)\w+)?",
            ({"sslmode": "verify-full"}, {"ssl": "(?i:verify-full|true)"}),
            ({"sslmode": "verify-full"}, {"ssl": "verify-full|true"}),
            'connect_args={"sslmode": "verify-full", "sslrootcert": PATH}'),
    _Engine(r"postgres(?:ql)?\+asyncpg",
            ({"ssl": "(?i:verify-full|true)"},), ({"ssl": "verify-full|true"}, {"sslmode": "verify-full"}),
            'connect_args={"ssl": ssl.create_default_context()}'),
    _Engine(r"postgres(?:ql)?\+pg8000", ({"ssl_context": _ANY},), (),
            'connect_args={"ssl_context": ssl.create_default_context()}'),
    _Engine(r"redshift(?:\+\w+)?", ({"sslmode": "verify-full"},), ({"sslmode": "verify-full"},),
            'connect_args={"sslmode": "verify-full"}'),
    # Without a CA, PyMySQL does not compare the name of the server. SQLAlchemy passes ssl_ca of a URL as one
    # of ssl, with which PyMySQL verifies the server, but which the other options replace.
    _Engine(rf"(?:mysql|mariadb)\+(?:{_PYMYSQL})",
            ({"ssl_verify_identity": "(?i:true|1)", "ssl_ca": _ANY}, {"ssl": _ANY}), ({"ssl_ca": _ANY},),
            'connect_args={"ssl_verify_identity": True, "ssl_ca": PATH}',
            frozenset({"ssl_verify_identity", "ssl_verify_cert", "ssl_cert", "ssl_key"})),
    _Engine(rf"(?:mysql|mariadb)\+{_MYSQL_CONNECTOR}",
            ({"ssl_verify_identity": "(?i:true|1)"},), ({"ssl_verify_identity": "(?i:true|1)"},),
            'connect_args={"ssl_verify_identity": True, "ssl_ca": PATH}'),
    # mysqlclient is the default.
    _Engine(rf"(?:mysql|mariadb)(?:\+(?!(?:{_PYMYSQL}|{_MYSQL_CONNECTOR})\b)\w+)?",
            ({"ssl_mode": "(?i:VERIFY_IDENTITY)"},), ({"ssl_mode": "(?i:VERIFY_IDENTITY)"},),
            'connect_args={"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": PATH}}'),
    _Engine(r"mssql\+pymssql", ({"encryption": _ANY},), (), "mssql+pyodbc://...?Encrypt=yes"),
    _Engine(r"mssql(?:\+(?!pymssql\b)\w+)?",
            ({"Encrypt": _ENCRYPTED}, {"encrypt": _ENCRYPTED}),
            ({"encrypt": _ENCRYPTED},
             {"odbc_connect": rf"(?si)(?!.*TrustServerCertificate\s*=\s*(?:yes|true|1)).*"
                              rf"Encrypt\s*=\s*{_ENCRYPTED}.*"}),
            "mssql+pyodbc://...?Encrypt=yes"),
)  # fmt: skip
# Methods of pandas and Polars that make an engine of a URL.
_WITH_ENGINE = frozenset({"to_sql", "read_sql", "read_sql_query", "read_sql_table", "write_database"})
_CREATE_ENGINE = (
    "sqlalchemy.create_engine sqlalchemy.engine.create_engine sqlalchemy.ext.asyncio.create_async_engine"
)
_DRIVERS: tuple[tuple[str, Callable[[Script, ScriptCall], bool], str], ...] = (
    ("psycopg2.connect psycopg2.pool.SimpleConnectionPool psycopg2.pool.ThreadedConnectionPool"
     " psycopg.connect psycopg.Connection.connect psycopg.AsyncConnection.connect"
     " psycopg_pool.ConnectionPool asyncpg.connect asyncpg.create_pool",
     _postgres, 'sslmode="verify-full", sslrootcert=PATH'),
    # With ssl_ca alone, the drivers do not compare the name of the server.
    ("pymysql.connect pymysql.connections.Connection mysql.connector.connect"
     " mysql.connector.pooling.MySQLConnectionPool aiomysql.connect"
     " aiomysql.create_pool",
     _mysql, "ssl_verify_identity=True, ssl_ca=PATH"),
    ("ibis.postgres.connect", _postgres, 'sslmode="verify-full", sslrootcert=PATH'),
    ("adbc_driver_postgresql.dbapi.connect adbc_driver_postgresql.connect", _in_text("sslmode=verify-full"),
     "postgresql://...?sslmode=verify-full&sslrootcert=PATH"),
    ("MySQLdb.connect", lambda script, call: _weak(script, call, "ssl_mode", "VERIFY_IDENTITY"),
     'ssl_mode="VERIFY_IDENTITY", ssl={"ca": PATH}'),
    ("pg8000.connect pg8000.dbapi.connect pg8000.native.Connection",
     lambda script, call: _without(script, call, "ssl_context"), "ssl_context=ssl.create_default_context()"),
    ("redshift_connector.connect", lambda script, call: (bool(call.keyword("ssl")) and script.is_off(
        call.keyword("ssl"))) or _weak(script, call, "sslmode", "verify-full"), 'sslmode="verify-full"'),
    ("pymssql.connect", lambda script, call: _without(script, call, "encryption"), "pyodbc with Encrypt=yes"),
    ("pyodbc.connect", _in_text(r"(?i)Encrypt\s*=\s*(?:yes|mandatory|strict)"), "Encrypt=yes"),
    *((_CREATE_ENGINE, engine.is_weak, engine.fix) for engine in _ENGINES),
    ("oracledb.connect oracledb.create_pool cx_Oracle.connect",
     lambda script, call: any(re.search(r"(?i)tcp\b(?!s)|:1521\b", text) for text in _texts_of(
         script, [*call.args, *(value for _, value in call.keywords)])), "a DSN with tcps"),
)  # fmt: skip


_DRIVERS_BY_NAME: dict[str, list[int]] = {}
for _number, _driver_of_names in enumerate(_DRIVERS):
    for _name in _driver_of_names[0].split():
        _DRIVERS_BY_NAME.setdefault(_name, []).append(_number)


def _driver(script: Script, call: ScriptCall) -> Iterator[ScriptFinding]:
    numbers = {number for name in call.names for number in _DRIVERS_BY_NAME.get(name, ())}
    for _, is_weak, required in (_DRIVERS[number] for number in sorted(numbers)):
        if is_weak(script, call):
            yield script.finding(
                "database-driver",
                "GS-TLS-001",
                call.node,
                found=f"{call.name}() without {required.split('=')[0].rpartition('?')[2]}: the server is not "
                "verified",
                required=_FULL,
                fix=f"add {required}" if "=" in required and "://" not in required else f"use {required}",
            )
    if call.methods & _WITH_ENGINE:
        for engine in _ENGINES:
            if engine.is_weak_in_frame(script, call):
                yield script.finding(
                    "database-driver",
                    "GS-TLS-001",
                    call.node,
                    found=f"{call.name}() with a URL: the server is not verified",
                    required=_FULL,
                    fix=f"pass sqlalchemy.create_engine(URL, {engine.fix})"
                    if engine.fix.startswith("connect_args")
                    else f"use {engine.fix}",
                )


# Clients of databases and brokers that use no TLS unless an option or the URL asks for it


@dataclass(frozen=True, slots=True)
class _PlainClient:
    """A client without TLS by default.

    Attributes:
        hosts: keywords of the server; without one, it is this machine.
        options: keywords of TLS.
        secure: pattern of a URL or host that selects TLS; "" if the client takes no URL.
        fix: what selects TLS.
        is_first: whether the server may be the first argument as well.
    """

    hosts: str
    options: str
    secure: str
    fix: str
    is_first: bool = True

    def is_plain(self, script: Script, call: ScriptCall) -> bool:
        """Return whether a call connects to another machine without TLS, as far as the script shows it."""
        given = [value for word in self.hosts.split() for value in call.keyword(word)]
        given += call.args[:1] if self.is_first else ()
        if not given or not _without(script, call, self.options):
            return False
        parts = [part for node in given for part in script.values.values(node)]
        elements = [part.elts if isinstance(part, (ast.List, ast.Tuple)) else [part] for part in parts]
        texts = [text for part in elements for element in part for text in script.values.texts(element)]
        if texts and all(map(_LOCAL_HOST.match, texts)):
            return False
        return not self.secure or not any(
            re.search(self.secure, text)
            or "://" not in text
            or re.search(rf"\A{UNKNOWN_TEXT}|\?.*{UNKNOWN_TEXT}", text)
            for text in texts
        )


_LOCAL_HOST = re.compile(
    r"(?:[\w+]+://)?(?:[^@/]*@)?(?:localhost\b|127\.|\[?::1\b|0\.0\.0\.0)|/|unix:", re.IGNORECASE
)
_MONGO = _PlainClient("host", "tls ssl tlsCAFile tlsCertificateKeyFile tlsCRLFile ssl_ca_certs",
                      r"(?i)mongodb\+srv://|[?&](?:tls|ssl)=true|[?&]tlsCAFile=", "tls=True")  # fmt: skip
_REDIS_URL = _PlainClient("url", "ssl_context", r"(?i)rediss://", "rediss:// in place of redis://")
_REDIS = _PlainClient("host", "ssl ssl_context", "", "ssl=True")
_KAFKA = _PlainClient("bootstrap_servers", "security_protocol", "", 'security_protocol="SSL" or "SASL_SSL"',
                      is_first=False)  # fmt: skip
_CASSANDRA = _PlainClient("contact_points", "ssl_context ssl_options cloud endpoint_factory", "",
                          "ssl_context=ssl.create_default_context()")  # fmt: skip
_CLICKHOUSE = _PlainClient("host", "secure interface port dsn", "", "secure=True")
_PIKA = _PlainClient(
    "host", "ssl_options", "", "ssl_options=pika.SSLOptions(ssl.create_default_context(), HOST)"
)
_PLAIN_BY_DEFAULT: Mapping[str, _PlainClient] = {
    name: client
    for names, client in (
        ("pymongo.MongoClient pymongo.mongo_client.MongoClient pymongo.AsyncMongoClient"
         " motor.motor_asyncio.AsyncIOMotorClient", _MONGO),
        ("redis.from_url redis.Redis.from_url redis.StrictRedis.from_url redis.asyncio.from_url", _REDIS_URL),
        ("redis.Redis redis.StrictRedis redis.RedisCluster redis.cluster.RedisCluster redis.asyncio.Redis",
         _REDIS),
        ("kafka.KafkaProducer kafka.KafkaConsumer kafka.KafkaAdminClient aiokafka.AIOKafkaProducer"
         " aiokafka.AIOKafkaConsumer", _KAFKA),
        ("cassandra.cluster.Cluster", _CASSANDRA),
        ("clickhouse_connect.get_client clickhouse_connect.create_client clickhouse_driver.Client",
         _CLICKHOUSE),
        ("pika.ConnectionParameters", _PIKA),
    )
    for name in names.split()
}  # fmt: skip


def _plain_by_default(script: Script, call: ScriptCall) -> Iterator[ScriptFinding]:
    fixes = [
        client.fix
        for name in call.names
        if (client := _PLAIN_BY_DEFAULT.get(name)) is not None and client.is_plain(script, call)
    ]
    if call.starts_with("confluent_kafka.") and _is_plain_confluent(script, call):
        fixes.append('"security.protocol": "SSL" or "SASL_SSL"')
    for fix in fixes[:1]:
        yield script.finding(
            "plain-text",
            "GS-TLS-001",
            call.node,
            found=f"{call.name}() without TLS, which is its default",
            required=_FULL,
            fix=f"write {fix}",
        )


def _is_plain_confluent(script: Script, call: ScriptCall) -> bool:
    """Return whether the settings of a client of confluent_kafka are known, and have no protocol."""
    return any(
        script.values.shows_all_entries(node)
        and "security.protocol" not in (settings := dict(script.values.entries(node)))
        and "bootstrap.servers" in settings
        and not all(map(_LOCAL_HOST.match, script.values.texts(settings["bootstrap.servers"])))
        for node in call.args[:1]
    )


# HTTP and sockets


def _http(script: Script, call: ScriptCall) -> Iterator[ScriptFinding]:
    if is_aws_client(script, call):
        return
    session = call.methods & (
        _HTTP_METHODS | {"Session", "Client", "AsyncClient", "PoolManager", "TCPConnector"}
    )
    off = [
        name
        for name in ("verify", "verify_ssl", "ssl", "assert_hostname")
        if script.is_false(call.keyword(name))
    ]
    found = ""
    if off and ((session and "verify" in off) or call.starts_with(*_HTTP)):
        found = f"{call.name}() with {off[0]}=False"
    elif set(call.names) & _UNVERIFIED:
        found = f"{call.name}()"
    elif call.starts_with("paramiko.") and call.methods & {"AutoAddPolicy", "WarningPolicy"}:
        found = f"{call.name}(), which accepts every host key"
    elif call.starts_with("subprocess.", "os.") and any(
        _INSECURE_PROGRAM.search(" ".join(command)) for command in commands(script.values, call)
    ):
        found = f"{call.name}() of a program that verifies no certificate"
    for value in call.keyword("cert_reqs") if call.starts_with(*_HTTP) else ():
        if any(name.endswith("CERT_NONE") for name in script.values.names(value)) or "CERT_NONE" in (
            script.values.texts(value)
        ):
            found = f"{call.name}() with CERT_NONE"
    if found:
        yield _http_finding(script, call.node, found)


def _environment(script: Script, named: NamedValue) -> Iterator[ScriptFinding]:
    found = ""
    if _VERIFY_HOST.match(named.name) and script.is_off([named.value]):
        found = f"{named.name}=0"
    elif _BUNDLE.match(named.name) and script.values.texts(named.value) == [""]:
        found = f"{named.name} is empty"
    elif named.name == "verify" and (isinstance(named.node, ast.Attribute) or _is_setattr(named)):
        found = "verify=False of a session" if script.is_false([named.value]) else ""
    elif named.name == "verify_mode" and any(
        n.endswith("CERT_NONE") for n in script.values.names(named.value)
    ):
        found = "verify_mode=CERT_NONE of an SSL context"
    elif (
        named.name == "_create_default_https_context" and set(script.values.names(named.value)) & _UNVERIFIED
    ):
        found = "ssl._create_default_https_context without verification"
    if found:
        yield _http_finding(script, named.node, found)


def _is_setattr(named: NamedValue) -> bool:
    return named.call is not None and "setattr" in named.call.methods


def _http_finding(script: Script, node: ast.expr, found: str) -> ScriptFinding:
    return script.finding(
        "http-client",
        "GS-TLS-001",
        node,
        found=found,
        required=_FULL,
        fix='remove it; for a private CA, write verify="PATH" of its PEM file, or set SSL_CERT_FILE',
    )


def _is_wrapped(script: Script, call: ScriptCall) -> bool:
    """Return whether TLS wraps the socket that a call creates or connects, or one that is not known."""
    sockets = _owners(script, call.node)
    for other in script.values.calls:
        if "wrap_socket" in other.methods:
            given = [*other.args[:1], *other.keyword("sock")]
            values = [value for node in given for value in script.values.values(node)]
            if any(not isinstance(value, ast.Call) or id(value) in sockets for value in values):
                return True
    return False


def _starts_tls(script: Script, call: ScriptCall) -> bool:
    """Return whether ``starttls`` is called on the client of a call, or on one that is not known."""
    clients = {id(other.node) for other in script.values.calls if set(other.names) & {"smtplib.SMTP"}}
    for other in script.values.calls:
        if "starttls" in other.methods:
            owners = _owners(script, other.node)
            if id(call.node) in owners or not owners & clients:
                return True
    return False


def _gets(script: Script, call: ScriptCall) -> bool:
    """Return whether ``get`` may be that of an HTTP session, and not that of a dictionary."""
    has_library = any(name.partition(".")[0] in _HTTP_LIBRARIES for name in script.values.modules)
    return "get" in call.methods and (has_library or bool(call.keywords))


def _plain(script: Script, call: ScriptCall) -> Iterator[ScriptFinding]:
    found = ""
    for name, reason in _PLAIN_CLIENTS.items():
        if name not in call.names or not reason:
            continue
        if "socket" in reason and (call.keyword("ssl") or _is_wrapped(script, call)):
            continue
        found = f"{call.name}(): {reason}"
    if call.methods & {"socketTextStream"}:
        found = "socketTextStream(): a stream without TLS"
    formats = [text for value in call.args[:1] for text in script.values.texts(value)]
    if "format" in call.methods and "socket" in formats and any("readStream" in name for name in call.names):
        found = "a stream of Spark's format socket, without TLS"
    is_http = call.starts_with(*_HTTP) or bool(
        call.methods & {"post", "put", "request"} or _gets(script, call)
    )
    if not found and is_http and call.methods & _URL_METHODS:
        texts = [
            text for value in [*call.args[:2], *call.keyword("url")] for text in script.values.texts(value)
        ]
        plain = [text for text in texts if re.match(r"(?i)http://", text) and not _LOCAL.match(text)]
        plain = [text for text in plain if not _NAMESPACE.match(text)]
        if plain:
            found = f"{call.name}() of http://"
    if call.starts_with("smtplib.SMTP") and set(call.names) & {"smtplib.SMTP"}:
        found = "" if _starts_tls(script, call) else "smtplib.SMTP() without starttls"
    if found:
        yield script.finding(
            "plain-text",
            "GS-TLS-001",
            call.node,
            found=found,
            required=_FULL,
            fix="use TLS: https://, ssl.create_default_context().wrap_socket, ftplib.FTP_TLS",
        )
