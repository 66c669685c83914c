"""Results of ``glue-secure policy-file lint``: errors and facts for a reviewer, each with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from glue_secure.core.document_lines import Path, line_of
from glue_secure.core.errors import UsageError
from glue_secure.core.sarif import SarifResult, SarifRule, sarif_document
from glue_secure.core.target_encryption import Algorithm
from glue_secure.policyfile.levels import combine
from glue_secure.policyfile.model import DEFAULT_ACCEPTED, PolicyFile
from glue_secure.policyfile.reader import parse_with_lines

EXPIRES_SOON = 14
"""Days before its end from which an exception is a warning."""
RULES = {
    "invalid": "The file can be read",
    "levels": "A lower level only tightens what an upper level states",
    "exception-expired": "Exceptions are in force",
    "exception-expires-soon": "Exceptions are removed before they end",
    "exception-too-long": "Exceptions end within the policy's own limit",
    "target-below-kms": "Targets are encrypted under a KMS key",
    "target-shared-key": "Targets use keys of the run's account",
    "target-is-default": "A target changes something",
    "source-sampled": "All objects that are read are checked",
}
"""Id → what the rule requires."""
_AT_LINE = re.compile(r":(\d+)(?: |$|\n)")


@dataclass(frozen=True, slots=True)
class LintResult:
    """One result.

    Attributes:
        rule: id in ``RULES``.
        level: ``error``, ``warning`` or ``note``, as in SARIF.
        file: name of the file.
        line: counted from 1.
        message: what was found, and what to do.
    """

    rule: str
    level: str
    file: str
    line: int
    message: str


def lint(texts: Sequence[tuple[str, str]], today: date) -> tuple[LintResult, ...]:
    """Return the results of policy files that are used together.

    Args:
        texts: name and text of each file. Names that end with ``.json`` are JSON.
        today: the current day, UTC.
    """
    results: list[LintResult] = []
    policies: list[PolicyFile] = []
    for name, text in texts:
        try:
            policy, lines = parse_with_lines(text, name, as_json=name.lower().endswith(".json"))
        except UsageError as error:
            line = _AT_LINE.search(f"{error.resource} ".removeprefix(name))
            message = f"found: {error.found}; required: {error.required}"
            results.append(LintResult("invalid", "error", name, int(line[1]) if line else 1, message))
            continue
        policies.append(policy)
        results += _entries(policy, name, lines, today)
    if len(policies) == len(texts):
        try:
            combine(policies)
        except UsageError as error:
            message = f"{error.resource}: found: {error.found}; required: {error.required}"
            results.append(LintResult("levels", "error", texts[-1][0], 1, message))
    return tuple(sorted(results, key=lambda one: (one.file, one.line, one.rule)))


def _entries(policy: PolicyFile, name: str, lines: dict[Path, int], today: date) -> Iterator[LintResult]:
    for at, exception in enumerate(policy.exceptions):
        line = line_of(("exceptions", at, "expires"), lines)
        days = (exception.expires - today).days
        subject = f"the exception from {exception.control} ({exception.ticket}, {exception.owner})"
        if days < 0:
            message = f"{subject} expired on {exception.expires}: it counts for nothing; remove it"
            yield LintResult("exception-expired", "warning", name, line, message)
        elif days > policy.exception_days:
            message = (
                f"{subject} ends in {days} days: a run ignores it until it ends in {policy.exception_days}"
            )
            yield LintResult("exception-too-long", "error", name, line, message)
        elif days <= EXPIRES_SOON:
            message = f"{subject} ends in {days} days, on {exception.expires}"
            yield LintResult("exception-expires-soon", "warning", name, line, message)
    for at, target in enumerate(policy.targets):
        line = line_of(("targets", at), lines)
        if target.accepted[0].algorithm is Algorithm.SSE_S3:
            message = f"target {target.name} accepts SSE-S3 below {target.subject}: {target.reason}"
            yield LintResult("target-below-kms", "note", name, line, message)
        if target.shared_key:
            message = f"target {target.name} accepts keys of other accounts: {target.reason}"
            yield LintResult("target-shared-key", "note", name, line, message)
        if target.accepted == DEFAULT_ACCEPTED and target.bucket_key is None:
            message = f"target {target.name} states the default; it only matters inside of another target"
            yield LintResult("target-is-default", "note", name, line, message)
    for at, source in enumerate(policy.sources):
        if source.checked == "sample":
            line = line_of(("sources", at), lines)
            message = f"source {source.name} is checked by a sample of the objects of each read"
            yield LintResult("source-sampled", "note", name, line, message)


def as_sarif(results: Sequence[LintResult], version: str) -> str:
    """Return the results as SARIF.

    Args:
        results: the results.
        version: of glue-secure.
    """
    rules = [SarifRule(rule, text) for rule, text in RULES.items()]
    found = [SarifResult(one.rule, one.level, one.message, one.file, one.line) for one in results]
    return json.dumps(sarif_document("glue-secure policy-file lint", version, rules, found), indent=2) + "\n"


def as_markdown(results: Sequence[LintResult]) -> str:
    """Return the results as a Markdown table."""
    if not results:
        return "No results.\n"
    lines = ["| level | file | rule | message |", "|---|---|---|---|"]
    lines += [
        f"| {one.level} | {_cell(one.file)}:{one.line} | {one.rule} | {_cell(one.message)} |"
        for one in results
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
