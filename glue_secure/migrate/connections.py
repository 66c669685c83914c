"""Database logins in the options of a call, and their replacement by a Glue connection."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from glue_secure.migrate.model import Finding, Kind
from glue_secure.migrate.names import Names
from glue_secure.migrate.source import Edit, Source

_LOGIN = ("user", "username", "password")
_HOST = re.compile(r"jdbc:[a-z0-9:]+?(?://|@/*)(?P<host>[^/:;?@,\s]+)", re.IGNORECASE)
_REJECTED = "a login in the options is rejected (GS-TLS-008): "
_LITERAL = f"{_REJECTED}store it in Secrets Manager, and change the password: it has been exposed"
_FETCHED = f"{_REJECTED}the connection names the secret, and the script need not read it"
_PROPERTIES = '"useConnectionProperties": "true", "connectionName": "{}"'


def logins(
    source: Source, names: Names, connections: Mapping[str, str]
) -> Iterator[tuple[Finding, list[Edit]]]:
    """Yield a finding for each dictionary or call with a database login, with the edits that remove it.

    Args:
        source: the script.
        names: its names.
        connections: host, or "" for every host → Glue connection.
    """
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Dict):
            keys = {str(names.text(key)).lower(): at for at, key in enumerate(node.keys) if key is not None}
            if "password" in keys and ("url" in keys or "dbtable" in keys or "query" in keys):
                yield _login(source, names, connections, node, keys)
        elif isinstance(node, ast.Call):
            words = {word.arg.lower(): word for word in node.keywords if word.arg}
            if "password" in words and ("url" in words or "dbtable" in words):
                name = connection_of(names, connections, words["url"].value if "url" in words else None)
                write = (
                    f'useConnectionProperties="true", connectionName="{name or "NAME"}" in place of the login'
                )
                password = words["password"].value
                yield Finding("password", Kind.DECISION, password.lineno, _reason(names, password), write), []


def _login(
    source: Source, names: Names, connections: Mapping[str, str], node: ast.Dict, keys: Mapping[str, int]
) -> tuple[Finding, list[Edit]]:
    name = connection_of(names, connections, node.values[keys["url"]] if "url" in keys else None)
    password = node.values[keys["password"]]
    line, reason = password.lineno, _reason(names, password)
    write = _PROPERTIES.format(name or "NAME")
    if not name or "url" not in keys:
        shown = f"{write} in place of url, user and password"
        return Finding("password", Kind.DECISION, line, reason, shown), []
    edits = _replace(source, node, keys["url"], {keys[key] for key in _LOGIN if key in keys}, write)
    if edits is None:  # a comment would be lost
        shown = f"{write} in place of url, user and password"
        return Finding("password", Kind.DECISION, line, reason, shown), []
    return Finding("password", Kind.CHANGED, line, reason, write), edits


def connection_of(names: Names, connections: Mapping[str, str], url: ast.expr | None) -> str:
    """Return the connection that replaces the login of a URL, or "" if none is named for its host."""
    match = None if url is None else _HOST.match(known_start(names, url))
    return connections.get(match["host"].lower() if match else "") or connections.get("", "")


def known_start(names: Names, node: ast.expr) -> str:
    """Return the text of an expression up to its first unknown part."""
    value = names.value(node)
    text = value.values[0] if isinstance(value, ast.JoinedStr) and value.values else value
    return text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else ""


def _reason(names: Names, password: ast.expr) -> str:
    return _FETCHED if names.text(password) is None else _LITERAL


def _replace(source: Source, node: ast.Dict, url: int, removed: set[int], text: str) -> list[Edit] | None:
    """Return edits that replace the entry ``url`` and remove others; None if that would remove a comment."""
    keys = [key if key is not None else value for key, value in zip(node.keys, node.values, strict=True)]
    starts = [source.start(key) for key in keys]
    ends = [source.end(value) for value in node.values]
    edits = [Edit(starts[url], ends[url], text)]
    for at in sorted(removed):
        if any(later not in removed for later in range(at + 1, len(keys))):
            start, end = starts[at], starts[at + 1]
        else:
            start, end = ends[at - 1], ends[at]
        if "#" in source.between(ends[at], end) or "#" in source.between(start, starts[at]):
            return None
        edits.append(Edit(start, end, ""))
    return edits
