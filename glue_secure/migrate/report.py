"""Reports of a migration: JSON, HTML, SARIF and the difference of a script."""

from __future__ import annotations

import difflib
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glue_secure.core.sarif import SarifResult, SarifRule, sarif_document
from glue_secure.migrate.model import RULES, Finding, Kind, Migration, Status

_LEVELS = {Kind.CHANGED: "warning", Kind.DECISION: "error", Kind.NOTE: "note"}
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{border:1px solid #ccc;padding:.3rem .6rem;"
    "text-align:left;"
    "vertical-align:top}code{white-space:pre-wrap}"
)


def counts(migrations: Mapping[Path, Migration]) -> dict[Status, int]:
    """Return the number of scripts with each status, in the order of ``Status``."""
    return {status: sum(one.status is status for one in migrations.values()) for status in Status}


def to_json(migrations: Mapping[Path, Migration]) -> dict[str, Any]:
    """Return the report as JSON values."""
    return {
        "scripts": len(migrations),
        "counts": {status.value: number for status, number in counts(migrations).items()},
        "files": [
            {
                "file": path.as_posix(),
                "status": migration.status.value,
                "findings": [
                    {
                        "rule": finding.rule,
                        "kind": finding.kind.value,
                        "line": finding.line,
                        "reason": finding.reason,
                        "write": finding.write,
                    }
                    for finding in migration.findings
                ],
            }
            for path, migration in migrations.items()
        ],
    }


def to_sarif(migrations: Mapping[Path, Migration], version: str) -> dict[str, Any]:
    """Return the findings as SARIF: decisions are errors, edits warnings."""
    rules = [SarifRule(rule, text) for rule, text in RULES.items()]
    results = [
        SarifResult(finding.rule, _LEVELS[finding.kind], _message(finding), path.as_posix(), finding.line)
        for path, migration in migrations.items()
        for finding in migration.findings
    ]
    return sarif_document("glue-secure migrate", version, rules, results)


def to_html(migrations: Mapping[Path, Migration]) -> str:
    """Return the report as one HTML page without scripts or references to other files."""
    summary = "".join(
        f"<tr><td>{status.value}</td><td>{number}</td></tr>" for status, number in counts(migrations).items()
    )
    rows = "".join(
        f"<tr><td>{_text(path.as_posix())}</td><td>{migration.status.value}</td><td>{finding.line}</td>"
        f"<td>{finding.kind.value}</td><td>{_text(finding.reason)}</td>"
        f"<td><code>{_text(finding.write)}</code></td></tr>"
        for path, migration in migrations.items()
        for finding in migration.findings
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>glue-secure migrate</title>'
        f"<style>{_STYLE}</style></head><body><h1>{len(migrations)} scripts</h1>"
        f"<table><tr><th>result</th><th>scripts</th></tr>{summary}</table><h2>Findings</h2>"
        "<table><tr><th>script</th><th>result</th><th>line</th><th>kind</th><th>reason</th>"
        f"<th>text to write</th></tr>{rows}</table></body></html>\n"
    )


def difference(path: Path, migration: Migration) -> str:
    """Return the unified difference of a script, "" if it is not changed."""
    before, after = (content.decode(migration.encoding) for content in (migration.before, migration.after))
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        path.as_posix(),
        path.as_posix(),
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _message(finding: Finding) -> str:
    return f"{finding.reason}. Write: {finding.write}" if finding.write else finding.reason


def _text(text: str) -> str:
    return html.escape(text)
