"""Generate docs/surface.md from tools/surface.ini and the code: every public name of awsglue and its support.

The file states the support of each name (``supported``, ``rejected: REASON``) and the test that uses it. Each
statement is checked: the class must define a supported name, the Glue adapter must override a ``guarded``
name, and the test must exist in a file that uses the name. awsglue is not needed;
tests/contract/test_surface_table.py compares the names with it.
"""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = "tools/surface.ini"
GLUE_CELLS = {
    "guarded": "awsglue's, with checks",
    "inherited": "awsglue's; its results are guarded",
    "own": "glue-secure's, as in plain Spark",
}
_HEADER = f"""\
# The surface

Generated from `{SOURCE}` and the code by `make docs`; do not edit.

The names are those of awsglue 5.1 and 6.0 (PyPI: AWSGlueDataplanePython); a contract test compares them.
A `supported` name has Glue's signature. [differences-from-glue.md](differences-from-glue.md) lists
where its behaviour differs. In Glue, every class is a subclass of awsglue's, or awsglue's own.

`{SOURCE}` names the test of each name. The [signatures](../tests/contract/test_awsglue_signatures.py) of
all names are tested in both runtimes, and the [rejected calls and the end of a
run](../tests/contract/test_both_runtimes.py) too. In Glue, the methods of frames and collections and all
transforms return [guarded frames](../tests/contract/test_served_names.py).
"""


class SurfaceError(Exception):
    """A cell of the file is empty or contradicts the code."""


@dataclass(frozen=True)
class Row:
    """One public name: its support in both runtimes, and its tests (``file::test``)."""

    name: str
    plain: str
    glue: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """The names of one awsglue class or module.

    Attributes:
        awsglue: ``module`` or ``module:Class`` of awsglue.
        plain: ``path`` or ``path:Class`` in plain Spark.
        glue: ``path`` or ``path:Class`` in Glue; empty for awsglue's own.
    """

    title: str
    awsglue: str
    plain: str
    glue: str
    rows: tuple[Row, ...]


def sections(root: Path) -> list[Section]:
    """Return the sections of the file, with the short names of test files resolved."""
    parser = configparser.ConfigParser(delimiters=("=",), comment_prefixes=("#",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((root / SOURCE).read_text(encoding="utf-8"))
    files = dict(parser["tests"])
    return [_section(title, dict(parser[title]), files) for title in parser.sections() if title != "tests"]


def as_markdown(root: Path) -> str:
    """Return the page.

    Raises:
        SurfaceError: a cell is empty or contradicts the code; the message lists every such cell.
    """
    faults: list[str] = []
    parts = [_HEADER]
    for section in sections(root):
        faults += [f"{section.title}.{fault}" for fault in _faults(root, section)]
        parts.append(f"\n## {section.title}\n\n| names | plain Spark | Glue | tests |\n|---|---|---|---|\n")
        supports = dict.fromkeys((row.plain, row.glue) for row in section.rows)
        parts += [
            _line([row for row in section.rows if (row.plain, row.glue) == support]) for support in supports
        ]
    if faults:
        raise SurfaceError("\n".join([f"{SOURCE} contradicts the code:", *faults]))
    return "".join(parts)


def _section(title: str, entries: dict[str, str], files: dict[str, str]) -> Section:
    about = {key: entries.pop(f".{key}", "") for key in ("awsglue", "plain", "glue")}
    rows = []
    for name, text in entries.items():
        cells = [cell.strip() for cell in text.split("|")] + ["", "", ""]
        tests = [test.strip() for test in cells[2].split(",") if test.strip()]
        resolved = tuple(re.sub(r"^\w+(?=::)", lambda match: files.get(match[0], match[0]), t) for t in tests)
        rows.append(Row(name, cells[0], cells[1], resolved))
    return Section(title, about["awsglue"], about["plain"], about["glue"], tuple(rows))


def _line(rows: Sequence[Row]) -> str:
    """Return the line of the names that have the same support."""
    names = ", ".join(f"`{row.name}`" for row in rows)
    files = dict.fromkeys(test.partition("::")[0] for row in rows for test in row.tests)
    tests = ", ".join(f"[{Path(file).stem.removeprefix('test_')}](../{file})" for file in files)
    return f"| {names} | {rows[0].plain} | {GLUE_CELLS.get(rows[0].glue, rows[0].glue)} | {tests} |\n"


def _faults(root: Path, section: Section) -> Iterator[str]:
    supported = _names(root, section.plain)
    guarded = _names(root, section.glue) if section.glue else frozenset()
    for row in section.rows:
        if not (row.plain and row.glue and row.tests):
            yield f"{row.name}: an empty cell"
        if row.plain and row.plain != "supported" and not row.plain.startswith(("supported: ", "rejected: ")):
            yield f"{row.name}: {row.plain!r} is neither supported nor rejected"
        if row.plain.startswith("supported") and row.name not in supported:
            yield f"{row.name}: not defined in {section.plain}"
        if row.glue == "guarded" and row.name not in guarded:
            yield f"{row.name}: not overridden in {section.glue or 'Glue'}"
        if row.glue == "inherited" and row.name in guarded:
            yield f"{row.name}: overridden in {section.glue}, so it is guarded"
        if row.glue and row.glue not in GLUE_CELLS and not row.glue.startswith("rejected: "):
            yield f"{row.name}: {row.glue!r} is none of {', '.join(GLUE_CELLS)}, rejected: REASON"
        for test in row.tests:
            yield from _test_faults(root, row.name, test)


def _test_faults(root: Path, name: str, test: str) -> Iterator[str]:
    file, _, function = test.partition("::")
    path = root / file
    if not path.is_file():
        yield f"{name}: no file {file}"
        return
    text = path.read_text(encoding="utf-8")
    if function not in {n.name for n in ast.walk(_parsed(path)) if isinstance(n, ast.FunctionDef)}:
        yield f"{name}: no test {test}"
    elif not re.search(rf"\b{re.escape(name)}\b", text) and not file.endswith("test_glue_scripts.py"):
        yield f"{name}: {file} does not use it"


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _names(root: Path, location: str) -> frozenset[str]:
    """Return the public names of a module, or of a class in a module or package, with inherited ones."""
    file_or_folder, _, class_name = location.partition(":")
    path = root / file_or_folder
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    if missing := [str(file) for file in (files or [path]) if not file.is_file()]:
        raise SurfaceError(f"{SOURCE}: no file {', '.join(missing)}")
    if not class_name:
        return frozenset(name for file in files for name in _of_module(_parsed(file)))
    classes = {
        node.name: node
        for file in files
        for node in ast.walk(_parsed(file))
        if isinstance(node, ast.ClassDef)
    }
    if class_name not in classes:
        raise SurfaceError(f"{SOURCE}: no class {class_name} in {file_or_folder}")
    return frozenset(_of_class(class_name, classes))


def _of_module(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        if isinstance(node, ast.Assign) and any(
            getattr(target, "id", "") == "__all__" for target in node.targets
        ):
            yield from ast.literal_eval(node.value)
            return
    for node in ast.walk(module):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in node.names)


def _of_class(name: str, classes: dict[str, ast.ClassDef]) -> Iterator[str]:
    for node in classes[name].body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    for base in classes[name].bases:
        if isinstance(base, ast.Name) and base.id in classes and base.id != name:
            yield from _of_class(base.id, classes)
