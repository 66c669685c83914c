"""Find S3 clients in a job script that do not use botocore, so that nothing adds the run's key.

This is a search in the script's source, not a proof: it does not follow values or imported modules. A bucket
policy that denies uploads without the key protects against these clients.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

_S3 = re.compile(r"s3[an]?://", re.IGNORECASE)
# Modules whose S3 client is their own.
_MODULES = {
    "awscrt.s3": "awscrt",
    "daft": "Daft",
    "deltalake": "delta-rs",
    "lance": "Lance",
    "lancedb": "Lance",
    "minio": "MinIO's client",
    "obstore": "obstore",
    "pyarrow.fs": "pyarrow's S3FileSystem",
}
# Methods of frames that write with a native client to an S3 location, if the package is imported.
_METHODS = {
    # https://github.com/pandas-dev/pandas/blob/main/pandas/io/parquet.py: pyarrow's file system comes first.
    "to_parquet": ("pandas", "pyarrow's S3FileSystem"),
    "write_parquet": ("polars", "Polars"),
    "write_csv": ("polars", "Polars"),
    "write_ipc": ("polars", "Polars"),
    "write_ndjson": ("polars", "Polars"),
    "write_delta": ("polars", "Polars"),
    "sink_parquet": ("polars", "Polars"),
    "sink_csv": ("polars", "Polars"),
    "sink_ipc": ("polars", "Polars"),
    "sink_ndjson": ("polars", "Polars"),
}
_PYARROW_WRITES = frozenset(
    {"write_table", "write_to_dataset", "write_dataset", "write_csv", "write_feather"}
)
_RUNS_PROGRAMS = frozenset({"run", "call", "check_call", "check_output", "Popen", "system", "popen"})
_PROGRAMS = frozenset({"aws", "mc", "rclone", "s3cmd", "s4cmd", "s5cmd"})


@dataclass(frozen=True, slots=True)
class UnguardedClient:
    """A line of a script that uses an S3 client without botocore.

    Attributes:
        line: number of the line.
        code: the call or module.
        client: name of the client.
    """

    line: int
    code: str
    client: str

    def __str__(self) -> str:
        return f"{self.code}: {self.client} is not guarded; its writes do not get the run's key"


def find_unguarded_clients(source: str) -> list[UnguardedClient]:
    """Return the uses in a script, by line. A script that Python cannot parse has none."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    names = dict(_imported_names(tree))
    packages = {module.partition(".")[0] for module in names.values()}
    found: dict[tuple[int, str], UnguardedClient] = {}
    for node in ast.walk(tree):
        for use in _uses(node, names, packages):
            found.setdefault((use.line, use.client), use)
    return sorted(found.values(), key=lambda use: use.line)


def _imported_names(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the names that imports bind, with the full names of what they stand for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (
                    (alias.asname or alias.name.partition(".")[0]),
                    (alias.name if alias.asname else alias.name.partition(".")[0]),
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _uses(node: ast.AST, names: dict[str, str], packages: set[str]) -> Iterator[UnguardedClient]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield from _module(node.lineno, alias.name)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        for alias in node.names:
            yield from _module(node.lineno, f"{node.module}.{alias.name}")
    elif isinstance(node, ast.Call):
        yield from _call(node, names, packages)


def _module(line: int, name: str) -> Iterator[UnguardedClient]:
    for module, client in _MODULES.items():
        if name == module or name.startswith(f"{module}."):
            yield UnguardedClient(line, f"import of {name}", client)


def _call(node: ast.Call, names: dict[str, str], packages: set[str]) -> Iterator[UnguardedClient]:
    called = _dotted(node.func)
    first, _, rest = called.partition(".")
    full = f"{names.get(first, first)}.{rest}" if rest else names.get(first, first)
    method = called.rpartition(".")[2]
    arguments = [*node.args, *(word.value for word in node.keywords)]
    texts = [text for argument in arguments for text in _texts(argument)]
    to_s3 = any(_S3.match(text) for text in texts)
    if full.startswith("pyarrow.") and (
        full.endswith("S3FileSystem") or (method in _PYARROW_WRITES and to_s3)
    ):
        yield UnguardedClient(node.lineno, f"{called}()", "pyarrow's S3FileSystem")
    package, client = _METHODS.get(method, ("", ""))
    has_options = any(word.arg == "storage_options" for word in node.keywords)
    if to_s3 and package in packages and not (package == "pandas" and has_options):
        yield UnguardedClient(node.lineno, f"{called}()", client)
    if "duckdb" in packages and any("httpfs" in text or _copies_to_s3(text) for text in texts):
        yield UnguardedClient(node.lineno, f"{called}()", "DuckDB's httpfs")
    if method in _RUNS_PROGRAMS and full.partition(".")[0] in ("subprocess", "os") and texts:
        program = texts[0].split()[0].rpartition("/")[2] if texts[0].split() else ""
        if program in _PROGRAMS:
            yield UnguardedClient(node.lineno, f"{called}()", f"the program {program}")


def _copies_to_s3(text: str) -> bool:
    return re.search(r"\bTO\s+'s3://", text, re.IGNORECASE) is not None


def _dotted(node: ast.expr) -> str:
    """Return ``a.b.c`` of a call's function; an expression in it is left out."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value)
        return f"{owner}.{node.attr}" if owner else f".{node.attr}"
    return ""


def _texts(node: ast.expr) -> list[str]:
    """Return the texts of an argument: a literal, the begin of an f-string or a sum, or a list of these."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return _texts(node.values[0]) if node.values else []
    if isinstance(node, ast.BinOp):
        return _texts(node.left)
    if isinstance(node, (ast.List, ast.Tuple)):
        return [text for element in node.elts for text in _texts(element)]
    return []
