"""Spark's own JDBC source and sink, and the calls that replace them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping

from glue_secure.core.script_values import UNKNOWN_TEXT, ScriptValues
from glue_secure.migrate.connections import connection_of, known_start
from glue_secure.migrate.model import Finding, Kind
from glue_secure.migrate.names import Names
from glue_secure.migrate.source import Source

_ENGINE = re.compile(r"jdbc:(?P<engine>[a-z]+):", re.IGNORECASE)
_DATABASE = re.compile(r"jdbc:[a-z]+://[^/?;]+/(?P<name>[\w\-]+)", re.IGNORECASE)
_READ = "Spark's JDBC source: the server's certificate is not verified"
_WRITE = "Spark's JDBC sink is rejected (GS-S3-011)"


class SparkJdbc:
    """The readers and writers of a script that use JDBC.

    Args:
        source: the script.
        names: its names.
        values: what its expressions stand for.
        connections: host, or "" for every host → Glue connection.
    """

    def __init__(
        self, source: Source, names: Names, values: ScriptValues, connections: Mapping[str, str]
    ) -> None:
        self._source, self._names, self._values = source, names, values
        self._connections = connections
        self._next = {
            id(call.func.value): call
            for call in ast.walk(source.tree)
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        }
        self._glue_context = self._name_of("awsglue.context.GlueContext") or "glueContext"

    def finding(self, call: ast.Call, *, is_write: bool) -> Finding:
        """Return the finding of a call of ``jdbc`` or ``format``, with the call that replaces the chain."""
        given = dict(self._options(call))
        url = given.get("url")
        name = connection_of(self._names, self._connections, url) or "NAME"
        start = "" if url is None else known_start(self._names, url)
        key = "query" if "query" in given and "dbtable" not in given else "dbtable"
        table = f'"{key}": {self._text(given.get(key), "TABLE")}'
        if not is_write:
            match = _ENGINE.match(start)
            engine = match["engine"].lower() if match else "ENGINE"
            write = (
                f"{self._glue_context}.create_dynamic_frame.from_options("
                f'connection_type="{engine}", connection_options={{"useConnectionProperties": "true", '
                f'"connectionName": "{name}", {table}}}).toDF()'
            )
            return Finding("spark-jdbc", Kind.DECISION, call.lineno, _READ, write)
        match = _DATABASE.match(start)
        database = f'"{match["name"]}"' if match else "DATABASE"
        write = (
            f"{self._glue_context}.write_dynamic_frame.from_jdbc_conf("
            f'frame=DynamicFrame.fromDF({self._frame(call)}, {self._glue_context}, "frame"), '
            f'catalog_connection="{name}", connection_options={{{table}, "database": {database}}})'
        )
        return Finding("spark-jdbc", Kind.DECISION, call.lineno, _WRITE, write)

    def _options(self, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
        """Yield names, in lower case, and values of the options of a chain of calls."""
        for one in self._chain(call):
            method = one.func.attr if isinstance(one.func, ast.Attribute) else ""
            if method == "option" and len(one.args) == 2:
                yield from ((name.lower(), one.args[1]) for name in self._values.texts(one.args[0]))
            elif method == "jdbc":
                yield from zip(("url", "dbtable"), one.args, strict=False)
            for word in one.keywords:
                if word.arg is None:
                    yield from ((name.lower(), value) for name, value in self._values.entries(word.value))
                else:
                    yield "dbtable" if word.arg == "table" else word.arg.lower(), word.value

    def _chain(self, call: ast.Call) -> list[ast.Call]:
        """Return the calls of ``reader.format(...).option(...).load()``, of which ``call`` is one."""
        found = [call]
        node: ast.expr = call
        while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            node = node.func.value
            if isinstance(node, ast.Call):
                found.insert(0, node)
        last = call
        while id(last) in self._next:
            last = self._next[id(last)]
            found.append(last)
        return found

    def _text(self, node: ast.expr | None, unknown: str) -> str:
        """Return an expression as it is written in the script, or the text that it stands for."""
        if node is None or not hasattr(node, "lineno"):  # an element that a loop binds has no place
            return unknown
        texts = self._values.texts(node)
        if len(texts) == 1 and UNKNOWN_TEXT not in texts[0]:
            return json.dumps(texts[0], ensure_ascii=False)
        return " ".join(self._source.text(node).split())

    def _frame(self, call: ast.Call) -> str:
        """Return what is written, if it is a name."""
        node: ast.expr = call
        while isinstance(node, (ast.Call, ast.Attribute)):
            node = node.func if isinstance(node, ast.Call) else node.value
            if isinstance(node, ast.Attribute) and node.attr == "write":
                return node.value.id if isinstance(node.value, ast.Name) else "FRAME"
        return "FRAME"

    def _name_of(self, kind: str) -> str:
        """Return the name to which the script assigns an object of a class, or ""."""
        for node in ast.walk(self._source.tree):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                target = node.targets[0]
                if isinstance(target, ast.Name) and self._names.full(node.value.func) == kind:
                    return target.id
        return ""
