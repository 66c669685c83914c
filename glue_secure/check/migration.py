"""Secrets that a script still contains after its migration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from glue_secure.check.checker import check_bytes
from glue_secure.check.job_rules import is_test
from glue_secure.migrate.model import Finding, Kind, Migration, Status
from glue_secure.migrate.source import Source

_RULE = "hard-coded-secret"


def with_secrets(migrations: Mapping[Path, Migration]) -> dict[Path, Migration]:
    """Return migrations with a decision for each secret that their edits do not remove.

    Not those that a comment accepts, nor those of tests. A login in options has its own decision.
    """
    return {
        path: migration
        if migration.status is Status.OTHER or is_test(path.as_posix())
        else migration.with_decisions(_secrets(migration, path.as_posix()))
        for path, migration in migrations.items()
    }


def _secrets(migration: Migration, name: str) -> Iterator[Finding]:
    found = [one for one in check_bytes(migration.before, name) if one.rule == _RULE and one.counts]
    if not found:
        return
    source = Source(migration.before)
    reported = {one.line for one in migration.findings if (one.rule, one.kind) == ("password", Kind.DECISION)}
    for one in found:
        position = source.position(one.line, one.column)
        is_removed = any(edit.start <= position < edit.end for edit in migration.edits)
        if one.line in reported or is_removed:
            continue
        reason = f"a secret in the script: {one.found}"
        line_after = source.line_after(migration.edits, position)
        yield Finding(_RULE, Kind.DECISION, one.line, reason, one.fix, line_after)
