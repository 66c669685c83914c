"""The rule for passwords, keys and tokens in the text of a script."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from glue_secure.check.model import ScriptFinding
from glue_secure.check.script import Script, shown
from glue_secure.core.arguments import names_a_secret
from glue_secure.core.redaction import is_secret_name, secret_kinds
from glue_secure.core.script_values import UNKNOWN_TEXT, NamedValue

# Methods whose first two arguments are a name and its value.
_SETS = frozenset(
    {"option", "set", "config", "setProperty", "setdefault", "putenv", "setattr", "get", "getenv"}
)
_TYPES = frozenset(
    {"string", "str", "int", "integer", "long", "bigint", "double", "float", "boolean", "date",
     "timestamp", "binary", "bytes", "decimal", "varchar", "char", "text", "null", "none", "hidden",
     "redacted", "masked", "tokenise", "encrypt", "mask", "drop", "hash", "redact", "remove", "nullify",
     "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "bcrypt", "scrypt", "argon2", "hmac"}
)  # fmt: skip
_EXAMPLE = re.compile(
    r"[<{\[$%*].*|.*[>}\]]|\*+|x{3,}|\.{3}|your[-_ ].*|.*\s.*|arn:aws.*", re.IGNORECASE | re.DOTALL
)
_LOGIN_HEADER = re.compile(r"(?i:basic|bearer)\s+(?=\S*[\d=])[\w.~+/=-]{8,}")
# Names of values that are read or counted, not secrets.
_OTHER_NAME = re.compile(
    r"(?:next|continuation|page|pagination|starting|client|idempotency|request)_?token|tokeni[sz]|token(?:s|_count)"
    r"|max_?tokens|secret_?(?:name|arn|manager|prefix)|(?:_|\b)sep(?:arator)?|secrets?manager|passwords?_?(?:hash|col)"
    r"|(?:passw(?:or)?d|secret|token|key|credentials?)_?(?:param(?:eter)?|type|policy|env(?:_?var)?|file_?name"
    r"|pattern|length|algorithm|attribute)s?\Z|passw(?:or)?d_?key\Z",
    re.IGNORECASE,
)
# Types with a length, and names of HTTP headers.
_SIZED_TYPE = re.compile(r"[a-z]+ ?\(\d+(?:, ?\d+)?\)", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[a-z]+(?:-[a-z]+)+", re.IGNORECASE)
# A secret access key has 40 characters, one of MinIO at least 8. Emulators take any text, such as "test".
_AWS_KEY_NAME = re.compile(r"(?i)(?:\A|.*[._-])(?:aws_)?secret_access_key\Z")
_SHORTEST_AWS_KEY = 8
# A file with credentials, such as token="/etc/account.json" of gcsfs.
_FILE = re.compile(
    r"[^=;?&]*[/\\][^/\\]+\.(?:cer|cfg|conf|crt|der|env|ini|jks|json|key|p12|pem|pfx|toml|txt|ya?ml)",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?:/|\./|\.\./|~/?|[A-Za-z]:\\).*", re.DOTALL)
_IN_DSN = re.compile(r"(?i)(?:\A|[;\s&?])(?:password|pwd)\s*=\s*(?P<value>[^\s;&]{3,})")
_FIX = (
    "store it in AWS Secrets Manager, name the secret in a Glue connection (SECRET_ID), and change it: "
    "it has been exposed"
)


def secret_findings(script: Script) -> Iterator[ScriptFinding]:
    """Yield the findings of secrets. They never show the value."""
    for named in script.values.named_values:
        node = _literal(script, named)
        if node is not None:
            yield _finding(script, node, f"a value of {shown(named.name)} (not shown)")
    for name, value in _assigned(script.values.nodes):
        named = NamedValue(name, value, value)
        node = _literal(script, named)
        if node is not None:
            yield _finding(script, node, f"a value of {shown(name)} (not shown)")
    for node in _texts(script):
        for text in script.values.texts(node):
            kinds = secret_kinds(text.replace(UNKNOWN_TEXT, "")) - {"name"}
            match = _IN_DSN.search(text)
            if match and text.count("=") > 1 and not _is_example(match["value"]):
                kinds = kinds | {"password"}
            if kinds and not (kinds == {"url"} and _has_unknown_login(text)):
                yield _finding(script, node, f"a text with a secret of the kind {min(kinds)} (not shown)")


def _assigned(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    for node in nodes:
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                yield from _pairs(target, node.value)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            named = [*node.args.posonlyargs, *node.args.args]
            pairs = [*zip(reversed(named), reversed(node.args.defaults), strict=False)]
            yield from ((argument.arg, value) for argument, value in pairs)
            for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
                if default is not None:
                    yield argument.arg, default


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
        return
    if not isinstance(target, (ast.Tuple, ast.List)) or not isinstance(value, (ast.Tuple, ast.List)):
        return
    if len(target.elts) == len(value.elts):
        for inner, part in zip(target.elts, value.elts, strict=True):
            yield from _pairs(inner, part)


def _literal(script: Script, named: NamedValue) -> ast.expr | None:
    """Return the literal that is the secret of a name; None if there is none."""
    name = named.name
    if not is_secret_name(name) or _OTHER_NAME.search(name) or len(name) > 80 or " " in name.strip():
        return None
    if isinstance(named.node, (ast.Tuple, ast.List)):
        return None
    if named.call is not None and _is_positional(named) and not named.call.methods & _SETS:
        return None
    for value in script.values.values(named.value):
        is_text = isinstance(value, ast.Constant) and isinstance(value.value, (str, bytes))
        if not is_text and not (isinstance(value, ast.BinOp) or _is_joined(value)):
            continue
        for text in script.values.texts(value):
            if len(text) >= 3 and not _is_example(text) and not _is_word(named, text):
                return value if isinstance(value, ast.expr) and is_text else named.node
    return None


def _is_joined(value: ast.AST) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "join"


def _is_positional(named: NamedValue) -> bool:
    return all(word != named.name for word, _ in named.call.keywords) if named.call else False


def _is_example(text: str) -> bool:
    is_example = _EXAMPLE.fullmatch(text.strip()) is not None and not _LOGIN_HEADER.fullmatch(text.strip())
    return UNKNOWN_TEXT in text or is_example


def _is_word(named: NamedValue, text: str) -> bool:
    """Return whether a value is no secret: a type, the name itself, the name of a secret or an argument."""
    plain = re.sub(r"[\W_]", "", text).lower()
    same = plain == re.sub(r"[\W_]", "", named.name).lower()
    is_login = bool(named.beside & {"url", "user", "username", "host", "dbtable"})
    if _FILE.fullmatch(text) and "://" not in text:
        return True
    if _AWS_KEY_NAME.match(named.name) and len(text) < _SHORTEST_AWS_KEY:
        return True
    if (same or plain in _TYPES or _SIZED_TYPE.fullmatch(text)) and not is_login:
        return True
    if named.name.lower().endswith("header") and _HEADER_NAME.fullmatch(text):
        return True
    if named.name.lower() == "pwd" and _PATH.fullmatch(text):  # the working directory
        return not is_login
    is_argument = re.fullmatch(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+", text) is not None
    return is_argument or names_a_secret(named.name, text)


def _texts(script: Script) -> Iterator[ast.expr]:
    """Yield the texts of a script that are not part of another one, nor its docstrings."""
    inner = {id(node.value) for node in script.values.nodes if isinstance(node, ast.Expr)}
    for node in script.values.written:
        if id(node) in inner or isinstance(node, ast.Call):
            continue
        if isinstance(node, ast.Constant) and not isinstance(node.value, (str, bytes)):
            continue
        if not isinstance(node, ast.Constant):
            inner |= {id(part) for part in ast.walk(node)}
        yield node


def _has_unknown_login(text: str) -> bool:
    return re.search(rf"://[^/@]*{UNKNOWN_TEXT}[^/@]*@", text) is not None


def _finding(script: Script, node: ast.expr, found: str) -> ScriptFinding:
    return script.finding(
        "hard-coded-secret",
        "GS-TLS-008",
        node,
        found=found,
        required="no secret in the script",
        fix=_FIX,
    )
