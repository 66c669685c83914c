"""The static check of one script, and of the scripts of a folder."""

from __future__ import annotations

import ast
import codecs
import io
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import TypeVar

from glue_secure.check import suppressions
from glue_secure.check.job_rules import is_test, job_findings
from glue_secure.check.model import ScriptFinding
from glue_secure.check.s3_rules import s3_findings
from glue_secure.check.script import Script
from glue_secure.check.secret_rules import secret_findings
from glue_secure.check.spark_rules import spark_findings
from glue_secure.check.tls_rules import tls_findings
from glue_secure.core.findings import Verdict
from glue_secure.core.script_values import parse_script
from glue_secure.migrate.imports import imports_between
from glue_secure.migrate.names import Names, imported_modules

_Path = TypeVar("_Path", bound=PurePath)
_RULES = (job_findings, s3_findings, spark_findings, tls_findings, secret_findings)
_CODE = frozenset({"exec", "eval", "builtins.exec", "builtins.eval"})


def check_script(
    text: str, name: str, *, is_module: bool = False, is_guarded: bool = False
) -> tuple[ScriptFinding, ...]:
    """Return the findings of a script, by line. Those that a comment accepts have ``accepted``.

    A script that cannot be parsed has one finding, UNKNOWN.

    Args:
        text: the source.
        name: file name or location, for the findings; tests are recognised by it.
        is_module: whether another script imports this one, so that Glue does not run it by itself.
        is_guarded: whether a module that the script imports imports glue-secure.
    """
    try:
        script = Script(text, name, is_module=is_module, is_guarded=is_guarded)
        found = {(one.rule, one.control, one.line, one.found): one for one in _findings(script)}
    except (SyntaxError, ValueError, RecursionError) as error:
        return (_unreadable(name, error),)
    findings = suppressions.apply(list(found.values()), text, script.values.tree, name)
    return tuple(sorted(findings, key=lambda one: (one.line, one.column, one.rule)))


def check_bytes(content: bytes, name: str) -> tuple[ScriptFinding, ...]:
    """Return the findings of a script that no other one imports, given the bytes of its file."""
    text = _decoded(content)
    return (_unreadable(name, text),) if isinstance(text, Exception) else check_script(text, name)


def check_files(contents: Mapping[_Path, bytes]) -> dict[_Path, tuple[ScriptFinding, ...]]:
    """Return the findings of each file. Imports between the files are followed.

    A file is guarded if it imports a module that is guarded. A module that may be one of several files must
    be guarded in each of them.
    """
    texts = {path: _decoded(content) for path, content in contents.items()}
    modules = {path: _modules(text) for path, text in texts.items() if isinstance(text, str)}
    imported = imports_between(modules)
    guarded = {
        path for path, names in modules.items() if any(n.split(".")[0] == "glue_secure" for n in names)
    }
    while more := {path for path, others in imported.items() if any(o <= guarded for o in others)} - guarded:
        guarded |= more
    is_module = {
        file
        for path, others in imported.items()
        for files in others
        for file in files
        if not is_test(path.as_posix()) or {"test", "tests"} & set(file.parts[:-1])
    }
    findings: dict[_Path, tuple[ScriptFinding, ...]] = {}
    for path, text in texts.items():
        if isinstance(text, Exception):
            findings[path] = (_unreadable(path.as_posix(), text),)
            continue
        findings[path] = check_script(
            text,
            path.as_posix(),
            is_module=path in is_module,
            is_guarded=any(files <= guarded for files in imported[path]),
        )
    return findings


def _findings(script: Script) -> Iterator[ScriptFinding]:
    for rule in _RULES:
        yield from rule(script)
    for call in script.values.calls:
        if not set(call.names) & _CODE or not call.args:
            continue
        for value in script.values.values(call.args[0]):
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                inner = Script(value.value, script.name, is_module=True, is_guarded=True)
                place = script.finding("dynamic-code", "GS-S3-012", call.node, found="", required="", fix="")
                for finding in _findings(inner):
                    yield replace(finding, line=place.line, column=place.column)


def _unreadable(name: str, error: Exception) -> ScriptFinding:
    line = error.lineno if isinstance(error, SyntaxError) and error.lineno else 1
    is_nested = isinstance(error, RecursionError)
    return ScriptFinding(
        "unreadable",
        "GS-S3-012",
        Verdict.UNKNOWN,
        name,
        line,
        1,
        found=f"{type(error).__name__}: the script cannot be parsed, and was not checked",
        required="expressions and blocks that are less deeply nested"
        if is_nested
        else "Python that this version of Python can parse",
        fix="divide chains of hundreds of calls or operators among several statements"
        if is_nested
        else "correct the script, or check it with the Python version of its Glue version",
    )


def _decoded(content: bytes) -> str | Exception:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.removeprefix(codecs.BOM_UTF8).decode(encoding.removesuffix("-sig"))
    except (SyntaxError, ValueError, LookupError) as error:
        return error


def _modules(text: str) -> frozenset[str]:
    try:
        tree = parse_script(text)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    return imported_modules(Names(tree))
