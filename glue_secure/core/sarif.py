"""Results of a check as SARIF 2.1.0, which code review systems display at the lines of a file.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SarifRule:
    """A rule of a tool.

    Attributes:
        id: the rule's id.
        text: what the rule reports or requires.
        level: default level of its results, ``error``, ``warning`` or ``note``; "" if the results decide.
        page: URL of its documentation, or "".
        tags: words by which a tool groups rules.
    """

    id: str
    text: str
    level: str = ""
    page: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SarifResult:
    """A result at a line of a file.

    Attributes:
        rule: id of a rule of the document.
        level: ``error``, ``warning`` or ``note``.
        message: what was found, and what to do.
        uri: the file, relative to the repository.
        line: counted from 1.
        accepted: why the result is accepted, which suppresses it; "" if it is not.
        fingerprint: id that the result has in later documents as well, or "".
        column: counted from 1 in characters, 0 for the whole line.
        in_source: whether the acceptance is in the file itself; otherwise a file apart has it.
    """

    rule: str
    level: str
    message: str
    uri: str
    line: int
    accepted: str = ""
    fingerprint: str = ""
    column: int = 0
    in_source: bool = True


def sarif_document(
    tool: str,
    version: str,
    rules: Sequence[SarifRule],
    results: Iterable[SarifResult],
    properties: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the document, to be written as JSON.

    Args:
        tool: name of the command.
        version: of glue-secure.
        rules: every rule of the tool.
        results: the results; each names one of ``rules``.
        properties: further facts about the run of the tool.
    """
    positions = {rule.id: position for position, rule in enumerate(rules)}
    driver = {"name": tool, "semanticVersion": version, "version": version, "rules": list(map(_rule, rules))}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                # SARIF's default are UTF-16 code units.
                "columnKind": "unicodeCodePoints",
                "results": [_result(result, positions[result.rule]) for result in results],
                **({"properties": dict(properties)} if properties else {}),
            }
        ],
    }


def _rule(rule: SarifRule) -> dict[str, Any]:
    described: dict[str, Any] = {"id": rule.id, "shortDescription": {"text": rule.text}}
    if rule.page:
        described["helpUri"] = rule.page
    if rule.level:
        described["defaultConfiguration"] = {"level": rule.level}
    if rule.tags:
        described["properties"] = {"tags": list(rule.tags)}
    return described


def _result(result: SarifResult, position: int) -> dict[str, Any]:
    region = {"startLine": result.line} | ({"startColumn": result.column} if result.column else {})
    place = {"artifactLocation": {"uri": result.uri}, "region": region}
    described: dict[str, Any] = {
        "ruleId": result.rule,
        "ruleIndex": position,
        "level": result.level,
        "message": {"text": result.message},
        "locations": [{"physicalLocation": place}],
    }
    if result.fingerprint:
        described["partialFingerprints"] = {"glueSecureResult/v1": result.fingerprint}
    if result.accepted:
        kind = "inSource" if result.in_source else "external"
        described["suppressions"] = [{"kind": kind, "status": "accepted", "justification": result.accepted}]
    return described
