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
_REASON = (
    "a login in the options is rejected (GS-TLS-008): store it in Secrets Manager, and change a "
    "password that was in a script"
)
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
                host = _host(names, words["url"].value) if "url" in words else ""
                name = connections.get(host) or connections.get("") or "NAME"
                write = f'useConnectionProperties="true", connectionName="{name}" in place of the login'
                yield Finding("password", Kind.DECISION, words["password"].value.lineno, _REASON, write), []


def _login(
    source: Source, names: Names, connections: Mapping[str, str], node: ast.Dict, keys: Mapping[str, int]
) -> tuple[Finding, list[Edit]]:
    host = _host(names, node.values[keys["url"]]) if "url" in keys else ""
    name = connections.get(host) or connections.get("")
    line = node.values[keys["password"]].lineno
    write = _PROPERTIES.format(name or "NAME")
    if name is None or "url" not in keys:
        shown = f"{write} in place of url, user and password"
        return Finding("password", Kind.DECISION, line, _REASON, shown), []
    edits = _replace(source, node, keys["url"], {keys[key] for key in _LOGIN if key in keys}, write)
    if edits is None:  # a comment would be lost
        shown = f"{write} in place of url, user and password"
        return Finding("password", Kind.DECISION, line, _REASON, shown), []
    return Finding("password", Kind.CHANGED, line, _REASON, write), edits


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


def _host(names: Names, node: ast.expr) -> str:
    """Return the host of a URL in lower case; "" if the text is not known."""
    value = names.value(node)
    text = value.values[0] if isinstance(value, ast.JoinedStr) and value.values else value
    match = (
        _HOST.match(text.value) if isinstance(text, ast.Constant) and isinstance(text.value, str) else None
    )
    return match["host"].lower() if match else ""
