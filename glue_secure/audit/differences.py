"""Two audits compared: what a later audit found differently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glue_secure.audit.outputs import SCHEMA
from glue_secure.core.errors import UsageError
from glue_secure.core.json_documents import load_json

_ABSENT = "-"


@dataclass(frozen=True, slots=True)
class Difference:
    """A finding whose verdict differs between two audits.

    Attributes:
        before: verdict of the first audit, ``accepted`` if a baseline file accepted the finding, ``-`` if it
            has no such finding.
        after: the same of the second audit.
        finding: the finding, of the second audit if it has one; as in ``--output json``.
    """

    before: str
    after: str
    finding: Mapping[str, Any]

    @property
    def is_worse(self) -> bool:
        """Whether a control fails or is unknown now, and was not before."""
        return self.after in ("FAIL", "UNKNOWN") and not self.finding.get("reported_only")


def read_audit(text: str, name: str) -> Mapping[str, Any]:
    """Return the document of ``--output json``. Raises UsageError for other texts."""
    try:
        document = load_json(text)
    except ValueError as error:
        raise UsageError(
            name, found=str(error), required="a report of `glue-secure audit --output json`"
        ) from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise UsageError(name, found="another document", required=f"the schema {SCHEMA}")
    return document


def differences(before: Mapping[str, Any], after: Iterable[Mapping[str, Any]]) -> list[Difference]:
    """Return the findings whose verdict differs, the worse ones first.

    Args:
        before: the document of the first audit.
        after: the findings of the second audit, as in its document.
    """
    return sorted(_differences(before, after), key=lambda one: (not one.is_worse, one.after))


def exit_code(found: Sequence[Difference]) -> int:
    """Return 3 if a control fails that did not fail before, else 4 if one is unknown now, else 0."""
    verdicts = {one.after for one in found if one.is_worse}
    return 3 if "FAIL" in verdicts else 4 if "UNKNOWN" in verdicts else 0


def as_json(found: Sequence[Difference]) -> dict[str, Any]:
    """Return the document of ``--compare`` with ``--output json``."""
    return {
        "schema": "glue-secure/audit-differences/1",
        "differences": [
            {"before": one.before, "after": one.after, "finding": dict(one.finding)} for one in found
        ],
    }


def _differences(before: Mapping[str, Any], after: Iterable[Mapping[str, Any]]) -> Iterator[Difference]:
    gone = {str(finding["id"]): finding for finding in before.get("findings", ())}
    for finding in after:
        earlier = gone.pop(str(finding["id"]), None)
        verdict = _ABSENT if earlier is None else _verdict(earlier)
        if verdict != _verdict(finding):
            yield Difference(verdict, _verdict(finding), finding)
    yield from (Difference(_verdict(finding), _ABSENT, finding) for finding in gone.values())


def _verdict(finding: Mapping[str, Any]) -> str:
    return "accepted" if finding.get("accepted_by") else str(finding["verdict"])
