"""Reports of a migration: JSON, SARIF, the rows of its tables, and the difference of a script."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glue_secure.core.sarif import SarifResult, SarifRule, sarif_document
from glue_secure.migrate.model import RULES, Finding, Kind, Migration, Status

_TO_DO: dict[Status | Kind, str] = {Status.REWRITTEN: "to rewrite", Kind.CHANGED: "to change"}
_LEVELS = {Kind.CHANGED: "warning", Kind.DECISION: "error", Kind.NOTE: "note"}


def counts(migrations: Mapping[Path, Migration]) -> dict[Status, int]:
    """Return the number of scripts with each status, in the order of ``Status``."""
    return {status: sum(one.status is status for one in migrations.values()) for status in Status}


def word(value: Status | Kind, *, written: bool) -> str:
    """Return the word for a result or a kind: ``to change`` unless the scripts have been written."""
    return str(value.value) if written else _TO_DO.get(value, str(value.value))


def headline(migrations: Mapping[Path, Migration], *, written: bool) -> str:
    """Return one line: the number of scripts, and of those with each status."""
    numbers = ", ".join(
        f"{number:,} {word(status, written=written)}" for status, number in counts(migrations).items()
    )
    return f"{len(migrations):,} {'script' if len(migrations) == 1 else 'scripts'}: {numbers}"


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


def finding_rows(migrations: Mapping[Path, Migration], *, written: bool) -> list[tuple[str, ...]]:
    """Return script, result, line, kind, reason and text to write of each finding."""
    return [
        (
            path.as_posix(),
            word(migration.status, written=written),
            str(finding.line),
            word(finding.kind, written=written),
            finding.reason,
            finding.write,
        )
        for path, migration in migrations.items()
        for finding in migration.findings
    ]


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
