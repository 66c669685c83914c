"""Check a permissions file for grants that give more than they seem to, without access to an account.

The rules follow AWS's reference of permissions and its advice on least privilege:
https://docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html,
https://docs.aws.amazon.com/lake-formation/latest/dg/security-best-practices.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from typing import Any

from glue_secure.core.document_lines import Path, line_of
from glue_secure.core.sarif import SarifResult, SarifRule, sarif_document
from glue_secure.governance.lakeformation.desired import Deleted, Deletion, DesiredState
from glue_secure.governance.lakeformation.model import Grant, Kind, Permission, is_like
from glue_secure.governance.lakeformation.settings import Setting
from glue_secure.policyfile.model import PolicyException

_GUIDE = "https://docs.aws.amazon.com/lake-formation/latest/dg/"
_WIDE = (
    Kind.CATALOG,
    Kind.NESTED_CATALOG,
    Kind.DATABASE,
    Kind.ALL_TABLES,
    Kind.DATABASES_WITH,
    Kind.TABLES_WITH,
)


class Level(str, Enum):
    """Levels of findings, as in SARIF. ``NOTE`` does not change the exit code."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Rule(Enum):
    """A rule: its id, the level of its findings, what it reports, and a page of AWS."""

    ALL_PRINCIPALS = (
        "all-iam-principals",
        Level.ERROR,
        "a grant to every IAM principal of the account",
        "lf-permissions-reference.html",
    )
    SUPER_USER = (
        "super-user",
        Level.ERROR,
        "SUPER_USER, which includes every permission on every object of a catalog",
        "lf-permissions-reference.html",
    )
    SUPER = (
        "super",
        Level.WARNING,
        "ALL on more than one table, which includes DROP, and INSERT on tables that do not exist yet",
        "lf-permissions-reference.html",
    )
    OTHER_ACCOUNT = (
        "other-account",
        Level.WARNING,
        "a grant to another account or an organization, whose administrators decide who gets it",
        "cross-account-permissions.html",
    )
    GRANTABLE = (
        "grantable",
        Level.WARNING,
        "a grant option, whose holder makes grants that are not in the file",
        "lf-permissions-reference.html",
    )
    WRITE_READS = (
        "write-reads",
        Level.WARNING,
        "INSERT or DELETE without SELECT, whose holders read the data all the same",
        "lf-permissions-reference.html",
    )
    ANY_VALUE = (
        "any-tag-value",
        Level.WARNING,
        "an LF-Tag expression with *, which also matches values that do not exist yet",
        "TBAC-notes.html",
    )
    TAG_ASSIGNMENT = (
        "tag-assignment",
        Level.WARNING,
        "ASSOCIATE on an LF-Tag, whose holder changes who has access by that LF-Tag",
        "TBAC-granting-tags.html",
    )
    WHOLE_BUCKET = (
        "whole-bucket",
        Level.WARNING,
        "a registration or DATA_LOCATION_ACCESS for a whole bucket",
        "granting-location-permissions.html",
    )
    OPEN_DEFAULTS = (
        "open-defaults",
        Level.WARNING,
        "no close_defaults, so that IAM alone decides about new tables if the account has AWS's defaults",
        "change-settings.html",
    )
    EXTERNAL_ACCESS = (
        "external-access",
        Level.WARNING,
        "access for engines outside AWS's services, which apply the permissions themselves",
        "full-table-credential-vending.html",
    )
    HYBRID = (
        "hybrid-without-opt-in",
        Level.WARNING,
        "a location in hybrid access mode in a file without opt-ins, so that IAM decides for every principal",
        "hybrid-access-workflow.html",
    )
    UNUSED = (
        "unused",
        Level.NOTE,
        "an LF-Tag, expression or cell filter that the file does not use",
        "managing-tags.html",
    )
    EXPIRED = (
        "exception-expired",
        Level.ERROR,
        "an exception whose last day is over",
        "security-best-practices.html",
    )
    NO_FINDING = (
        "exception-without-finding", Level.NOTE,
        "an exception that no finding matches", "security-best-practices.html",
    )  # fmt: skip

    def __init__(self, name: str, level: Level, text: str, page: str) -> None:
        self.id, self.level, self.text, self.page = name, level, text, _GUIDE + page


ACCEPTABLE = tuple(rule.id for rule in Rule if rule not in (Rule.EXPIRED, Rule.NO_FINDING))
"""Rules that exceptions can name."""


@dataclass(frozen=True, slots=True)
class LintFinding:
    """What a rule found in the file.

    Attributes:
        rule: the rule.
        resource: the grant, setting or object.
        line: line of the file.
        fix: the edit that removes the finding.
        exception: the exception of the file that accepts the finding, or None.
    """

    rule: Rule
    resource: str
    line: int
    fix: str
    exception: PolicyException | None = None

    @property
    def fails(self) -> bool:
        """Whether the finding is a warning or error that no exception accepts."""
        return self.exception is None and self.rule.level is not Level.NOTE


def lint(desired: DesiredState, lines: dict[Path, int], today: date) -> tuple[LintFinding, ...]:
    """Return the findings, by line. Findings that an exception in force accepts name it.

    Args:
        desired: the permissions file.
        lines: the line of each value of the file.
        today: the date, in UTC.
    """
    found = list(_findings(desired, lines))
    results: list[LintFinding] = []
    matched: set[PolicyException] = set()
    for finding in found:
        fitting = [entry for entry in desired.exceptions if _fits(entry, finding)]
        matched.update(fitting)
        in_force = [entry for entry in fitting if today <= entry.expires]
        results.append(replace(finding, exception=in_force[0] if in_force else None))
    for number, entry in enumerate(desired.exceptions):
        line = line_of(("exceptions", number), lines)
        text = f"{entry.control} for {entry.resource}: {text_of(entry)}"
        if today > entry.expires:
            fix = f"remove what {entry.ticket} describes, or agree on a later date with {entry.owner}"
            results.append(LintFinding(Rule.EXPIRED, text, line, fix))
        elif entry not in matched:
            results.append(LintFinding(Rule.NO_FINDING, text, line, "remove the exception"))
    return tuple(sorted(results, key=lambda finding: (finding.line, finding.rule.id, finding.resource)))


def _fits(entry: PolicyException, finding: LintFinding) -> bool:
    return entry.control == finding.rule.id and is_like(finding.resource, entry.resource)


def _findings(desired: DesiredState, lines: dict[Path, int]) -> Iterator[LintFinding]:
    for pair, grant in desired.grants.items():
        line = line_of(("grants", desired.numbers.get(pair, 0)), lines)
        for rule, fix in _of_grant(grant, desired.account):
            yield LintFinding(rule, str(grant), line, fix)
    yield from _of_settings(desired, lines)
    yield from _of_locations(desired, lines)
    yield from _unused(desired, lines)


def _of_grant(grant: Grant, account: str) -> Iterator[tuple[Rule, str]]:
    resource, permissions = grant.resource, grant.permissions
    if grant.principal.endswith(":IAMPrincipals"):
        yield Rule.ALL_PRINCIPALS, "name the roles and users in principals"
    elif _account_of(grant.principal) not in ("", account or _account_of(grant.principal)):
        yield Rule.OTHER_ACCOUNT, "share with a role of the account, or add an exception"
    if Permission.SUPER_USER in permissions:
        yield Rule.SUPER_USER, "grant the permissions that the principal needs"
    if Permission.ALL in permissions and resource.kind in _WIDE:
        yield Rule.SUPER, "grant the permissions that the principal needs"
    if grant.grantable:
        yield Rule.GRANTABLE, "remove grantable; add the grants that the holder makes to the file"
    writes = permissions & {Permission.INSERT, Permission.DELETE}
    if writes and Permission.SELECT not in permissions:
        yield Rule.WRITE_READS, "add SELECT to show the access, or separate the written data into a table"
    if any("*" in values for _, values in resource.expression):
        yield Rule.ANY_VALUE, "list the values"
    if resource.kind is Kind.TAG and Permission.ASSOCIATE in permissions:
        yield Rule.TAG_ASSIGNMENT, "let data lake administrators assign LF-Tags"
    if resource.kind is Kind.LOCATION and _is_bucket(resource.name):
        yield Rule.WHOLE_BUCKET, "name a prefix"


def _of_settings(desired: DesiredState, lines: dict[Path, int]) -> Iterator[LintFinding]:
    line = line_of(("settings",), lines)
    if not desired.close_defaults:
        yield LintFinding(
            Rule.OPEN_DEFAULTS, "close_defaults", line, "set close_defaults = true in [settings]"
        )
    for setting in (Setting.EXTERNAL_FILTERING, Setting.FULL_TABLE_ACCESS):
        if desired.settings.get(setting):
            path: Path = ("settings", setting.member)
            fix = f"set {setting.member} = false in [settings]"
            yield LintFinding(Rule.EXTERNAL_ACCESS, setting.member, line_of(path, lines), fix)
    for setting in (Setting.ADMINISTRATORS, Setting.READERS):
        for name in desired.settings.get(setting, ()):
            if desired.account and _account_of(name) != desired.account:
                path = ("settings", setting.member)
                fix = "use an administrator of the account"
                resource = f"{setting.member}: {name}"
                yield LintFinding(Rule.OTHER_ACCOUNT, resource, line_of(path, lines), fix)


def _of_locations(desired: DesiredState, lines: dict[Path, int]) -> Iterator[LintFinding]:
    for number, location in enumerate(desired.locations.values()):
        line = line_of(("locations", number), lines)
        if _is_bucket(location.arn):
            yield LintFinding(Rule.WHOLE_BUCKET, location.arn, line, "register a prefix")
        if location.hybrid and not desired.opt_ins:
            yield LintFinding(Rule.HYBRID, location.arn, line, "add [[opt_ins]], or remove hybrid")


def _unused(desired: DesiredState, lines: dict[Path, int]) -> Iterator[LintFinding]:
    used = {use for grant in desired.grants.values() for use in Deletion.of_resource(grant.resource)}
    for expression in desired.expressions.values():
        used.update(Deletion.of_expression(expression))
    used.update(Deletion(Deleted.TAG, key) for tags in desired.assignments.values() for key in tags)
    declared: list[tuple[Deletion, Path]] = []
    declared += [(Deletion(Deleted.TAG, key), ("lf_tags", key)) for key in desired.tags]
    declared += [(Deletion(Deleted.EXPRESSION, name), ("expressions", name)) for name in desired.expressions]
    for number, (database, table, name) in enumerate(desired.filters):
        declared.append((Deletion(Deleted.FILTER, name, database, table), ("filters", number)))
    for use, path in declared:
        if use not in used:
            yield LintFinding(Rule.UNUSED, str(use), line_of(path, lines), "use it, or remove it")


def _account_of(principal: str) -> str:
    """Return the account of a principal, ``""`` if the name has none."""
    if principal[:12].isdecimal():
        return principal[:12]
    parts = principal.split(":")
    return "" if len(parts) < 5 or (parts[2] == "organizations" and not parts[4]) else parts[4]


def _is_bucket(arn: str) -> bool:
    return "/" not in arn.rstrip("/")


def to_json(findings: Sequence[LintFinding], name: str) -> dict[str, Any]:
    """Return the findings as a JSON document."""
    return {
        "file": name,
        "findings": [
            {
                "rule": finding.rule.id,
                "level": finding.rule.level.value,
                "line": finding.line,
                "resource": finding.resource,
                "found": finding.rule.text,
                "fix": finding.fix,
                "exception": None if finding.exception is None else _exception_to_json(finding.exception),
            }
            for finding in findings
        ],
    }


def to_sarif(findings: Sequence[LintFinding], uri: str, version: str) -> dict[str, Any]:
    """Return the findings as SARIF, accepted ones with a suppression.

    Args:
        findings: the findings.
        uri: the file's URI, relative to the repository.
        version: version of this tool.
    """
    rules = [SarifRule(rule.id, rule.text, rule.level.value, rule.page) for rule in Rule]
    results = [
        SarifResult(
            finding.rule.id,
            finding.rule.level.value,
            f"{finding.resource}: {finding.rule.text}. Fix: {finding.fix}.",
            uri,
            finding.line,
            text_of(finding.exception) if finding.exception is not None else "",
        )
        for finding in findings
    ]
    return sarif_document("glue-secure lakeformation lint", version, rules, results)


def to_markdown(findings: Sequence[LintFinding], name: str) -> str:
    """Return the findings as Markdown, for the comment of a review."""
    failing = [finding for finding in findings if finding.fails]
    notes = [finding for finding in findings if not finding.fails and finding.exception is None]
    accepted = [finding for finding in findings if finding.exception is not None]
    lines = [f"### {_cell(name)}: {len(failing)} findings, {len(notes)} notes, {len(accepted)} accepted", ""]
    if failing or notes:
        lines += ["| line | level | rule | resource | found | fix |", "|---|---|---|---|---|---|"]
        for finding in (*failing, *notes):
            rule = f"[{finding.rule.id}]({finding.rule.page})"
            cells = map(_cell, (finding.resource, finding.rule.text, finding.fix))
            lines.append(f"| {finding.line} | {finding.rule.level.value} | {rule} | {' | '.join(cells)} |")
        lines.append("")
    if accepted:
        lines += ["| line | rule | resource | accepted by |", "|---|---|---|---|"]
        for finding in accepted:
            reason = text_of(finding.exception) if finding.exception else ""
            cells = map(_cell, (finding.resource, reason))
            lines.append(f"| {finding.line} | {finding.rule.id} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def text_of(entry: PolicyException) -> str:
    """Return reason, ticket, owner and last day of an exception."""
    return f"{entry.reason} ({entry.ticket}, {entry.owner}, until {entry.expires})"


def _exception_to_json(entry: PolicyException) -> dict[str, str]:
    return {
        "reason": entry.reason,
        "ticket": entry.ticket,
        "owner": entry.owner,
        "expires": entry.expires.isoformat(),
    }


_ESCAPES = {ord(character): f"&#{ord(character)};" for character in "\\`*_[]<>|&\n\r"}


def _cell(text: str) -> str:
    """Return text for a cell of a Markdown table, in which it cannot end the cell or begin markup."""
    return text.translate(_ESCAPES)


def counts(findings: Sequence[LintFinding]) -> Mapping[str, int]:
    """Return the number of findings by level, without those that an exception accepts."""
    return {
        level.value: sum(finding.exception is None and finding.rule.level is level for finding in findings)
        for level in Level
    }
