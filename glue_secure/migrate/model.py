"""Findings, edits and the result of one script's migration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType

from glue_secure.migrate.source import Edit

RULES: Mapping[str, str] = MappingProxyType(
    {
        "import": "A job script that uses awsglue imports glue-secure first",
        "spark-alone": "A job script that uses Spark alone imports glue-secure",
        "commit-missing": "A script that calls job.init calls job.commit",
        "commit-early": "job.commit comes after the last write",
        "init-missing": "A script that uses transformation contexts calls job.init",
        "init-late": "job.init comes before the first read with a transformation context",
        "password": "Databases are opened through a Glue connection",
        "spark-jdbc": "Databases are not opened with Spark's own JDBC source",
        "hard-coded-secret": "The script contains no password, key or token",
        "encryption": "The security configuration decides the encryption of what a job writes",
        "local-file": "Spark writes to S3 only",
        "unguarded-client": "S3 clients are guarded",
        "unsupported": "The script uses what glue-secure has",
        "python-shell": "The script runs in Spark",
        "unreadable": "The script can be parsed",
    }
)
"""Id → what the rule requires."""


class Kind(str, Enum):
    """What a finding means for the script."""

    CHANGED = "changed"
    """The migration edits the script."""
    DECISION = "decision"
    """A person must edit the script, or decide that it stays."""
    NOTE = "note"
    """Information; nothing is to be done."""


class Status(str, Enum):
    """Result for a script."""

    AS_IS = "runs as is"
    REWRITTEN = "rewritten"
    DECISION = "needs a decision"
    OTHER = "not a Glue script"


class Imports(str, Enum):
    """How imports of awsglue are migrated."""

    LINE = "line"
    """``import glue_secure.as_awsglue`` is inserted before the first import."""
    RENAME = "rename"
    """``awsglue`` is replaced by ``glue_secure``."""
    KEEP = "keep"
    """The script stays, for ``glue-secure run --as-awsglue``."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding at a line of a script.

    Attributes:
        rule: id in ``RULES``.
        kind: what it means.
        line: in the original script, counted from 1.
        reason: why the line matters.
        write: the text to write; "" if there is none.
        line_after: in the edited script, counted from 1.
    """

    rule: str
    kind: Kind
    line: int
    reason: str
    write: str = ""
    line_after: int = 0


@dataclass(frozen=True, slots=True)
class Migration:
    """The migration of one script.

    Attributes:
        status: the result.
        findings: by line.
        before: the original bytes.
        after: the new bytes, equal to ``before`` if nothing is changed.
        encoding: of both, for a difference.
        edits: what changes ``before`` to ``after``, by positions in the UTF-8 text of ``before``.
    """

    status: Status
    findings: tuple[Finding, ...]
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    encoding: str = "utf-8"
    edits: tuple[Edit, ...] = field(default=(), repr=False)

    @property
    def is_changed(self) -> bool:
        """Whether the script is edited."""
        return self.before != self.after

    def as_written(self) -> Migration:
        """Return the migration with findings at their lines in the edited script."""
        findings = (replace(one, line=one.line_after or one.line) for one in self.findings)
        return replace(self, findings=tuple(sorted(findings, key=lambda one: (one.line, one.rule))))

    def with_decisions(self, findings: Iterable[Finding]) -> Migration:
        """Return the migration with more findings that a person must decide."""
        more = list(findings)
        if not more:
            return self
        found = sorted((*self.findings, *more), key=lambda one: (one.line, one.rule))
        return replace(self, status=Status.DECISION, findings=tuple(found))


@dataclass(frozen=True, slots=True)
class Options:
    """Choices of the caller.

    Attributes:
        imports: how imports of awsglue are migrated.
        connections: host of a database (lower case), or "" for every host → name of a Glue connection.
    """

    imports: Imports = Imports.LINE
    connections: Mapping[str, str] = field(default_factory=dict)
