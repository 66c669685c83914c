"""The baseline file of an audit: findings that are accepted, each with a reason, an owner and an expiry date.

An entry accepts FAIL findings of its control and resource, or UNKNOWN ones if it says so: an entry for what
could not be read does not accept the violation that is read later. An entry that has expired, or that expires
more than ``MOST_DAYS`` from now, accepts nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from glue_secure.audit.model import AuditFinding, Findings
from glue_secure.audit.packed import Packed
from glue_secure.core.controls import CONTROLS
from glue_secure.core.documents import load_document
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Verdict
from glue_secure.core.redaction import escape_surrogates

MOST_DAYS = 366
_TEXTS = ("control", "resource", "reason", "owner")
_MEMBERS = (*_TEXTS, "expires", "account", "region", "verdict")


@dataclass(frozen=True, slots=True)
class BaselineEntry:
    """Findings that are accepted.

    Attributes:
        control: id of the control.
        resource: kind and name of the resource, ``bucket temp``; ``*`` stands for any text.
        reason: why they are accepted.
        owner: who decided.
        expires: the last day on which they are accepted.
        account: the account, ``""`` for every one.
        region: the AWS Region, ``""`` for every one.
        verdict: FAIL or UNKNOWN.
    """

    control: str
    resource: str
    reason: str
    owner: str
    expires: date
    account: str = ""
    region: str = ""
    verdict: Verdict = Verdict.FAIL

    def __post_init__(self) -> None:
        """Make every text one that UTF-8 can encode, as those of a finding are."""
        for name in ("resource", "reason", "owner", "account", "region"):
            object.__setattr__(self, name, escape_surrogates(getattr(self, name)))

    @property
    def name(self) -> str:
        """The entry in reports."""
        return f"{self.control} {self.resource}, {self.owner}, until {self.expires}: {self.reason}"

    def is_in_force(self, today: date) -> bool:
        """Return whether the entry accepts findings today."""
        return is_near(self.expires, today)

    def matches(self, finding: AuditFinding) -> bool:
        """Return whether the entry is about a finding."""
        pattern = ".*".join(map(re.escape, self.resource.split("*")))
        return (
            self.control == finding.control.id
            and self.verdict is finding.verdict
            and self.account in ("", finding.account)
            and self.region in ("", finding.region)
            and re.fullmatch(pattern, str(finding.resource), re.DOTALL) is not None
        )


def is_near(expires: date, today: date) -> bool:
    """Return whether an entry that expires on a day accepts findings today."""
    return today <= expires <= today + timedelta(days=MOST_DAYS)


def read_baseline(text: str, name: str) -> tuple[BaselineEntry, ...]:
    """Return the entries of a baseline file.

    Args:
        text: TOML, or JSON if the name ends with ``.json``.
        name: of the file in messages.

    Raises:
        UsageError: the file is not valid.
    """
    document, _ = load_document(text, name, as_json=name.endswith(".json"))
    entries = document.get("accepted", [])
    if (
        not set(document) <= {"schema", "accepted"}
        or document.get("schema") != 1
        or not isinstance(entries, list)
    ):
        raise UsageError(
            name, found=", ".join(document) or "nothing", required="schema = 1 and [[accepted]] entries"
        )
    return tuple(_entry(entry, f"{name}, accepted entry {number}") for number, entry in enumerate(entries, 1))


def apply_baseline(
    found: Iterable[AuditFinding], entries: Sequence[BaselineEntry], today: date
) -> tuple[Findings, list[str]]:
    """Return the findings, marked if an entry in force accepts them; and notes about the other entries."""
    used: set[int] = set()
    result: Findings = Packed()
    for finding in found:
        match = next(
            (
                number
                for number, entry in enumerate(entries)
                if entry.is_in_force(today) and entry.matches(finding)
            ),
            None,
        )
        if match is None:
            result.append(finding)
        else:
            used.add(match)
            result.append(replace(finding, accepted=entries[match].name))
    notes = []
    for number, entry in enumerate(entries):
        if entry.expires < today:
            notes.append(f"expired: {entry.name}")
        elif not entry.is_in_force(today):
            notes.append(f"more than {MOST_DAYS} days away, so that it accepts nothing: {entry.name}")
        elif number not in used:
            notes.append(f"not needed: {entry.name}")
    return result, notes


def as_baseline(
    found: Iterable[AuditFinding],
    *,
    reason: str,
    owner: str,
    expires: date,
    earlier: Iterable[BaselineEntry] = (),
    as_json: bool = False,
) -> str:
    """Return a baseline file that accepts every finding that does not pass and is not accepted yet.

    Args:
        found: the findings.
        reason: why they are accepted.
        owner: who decided.
        expires: the last day on which they are accepted.
        earlier: entries of an earlier file, which stay as they are.
        as_json: whether the file is JSON; otherwise it is TOML.
    """
    texts = {
        (one.control.id, str(one.resource), one.account, one.region, one.verdict.value)
        for one in found
        if one.verdict is not Verdict.PASS and not one.is_reported
    }
    entries = list(earlier)
    for control, resource, account, region, verdict in sorted(texts):
        entries.append(
            BaselineEntry(control, resource, reason, owner, expires, account, region, Verdict(verdict))
        )
    documents = [_document(entry) for entry in entries]
    if as_json:
        return json.dumps({"schema": 1, "accepted": documents}, indent=2) + "\n"
    lines = ["schema = 1"]
    for document in documents:
        lines += ["", "[[accepted]]"]
        lines += [
            f"{name} = {value if name == 'expires' else json.dumps(value)}"
            for name, value in document.items()
        ]
    return "\n".join(lines) + "\n"


def _document(entry: BaselineEntry) -> dict[str, str]:
    members = {
        "control": entry.control,
        "resource": entry.resource,
        "account": entry.account,
        "region": entry.region,
        "verdict": entry.verdict.value if entry.verdict is not Verdict.FAIL else "",
        "reason": entry.reason,
        "owner": entry.owner,
        "expires": entry.expires.isoformat(),
    }
    return {name: value for name, value in members.items() if value}


def _entry(entry: Any, place: str) -> BaselineEntry:
    if not isinstance(entry, dict):
        raise UsageError(place, found=type(entry).__name__, required="a table")
    unknown = [name for name in entry if name not in _MEMBERS]
    if unknown:
        raise UsageError(place, found=", ".join(unknown), required=", ".join(_MEMBERS))
    for name in _TEXTS:
        if not isinstance(entry.get(name), str) or not entry[name].strip():
            raise UsageError(f"{place}, {name}", found=repr(entry.get(name)), required="text")
    control = entry["control"].upper()
    if control not in CONTROLS:
        raise UsageError(
            f"{place}, control",
            found=control,
            required="the id of a control",
            fix="glue-secure controls list",
        )
    verdict = entry.get("verdict", "FAIL")
    if verdict not in (Verdict.FAIL.value, Verdict.UNKNOWN.value):
        raise UsageError(f"{place}, verdict", found=repr(verdict), required="FAIL or UNKNOWN")
    return BaselineEntry(
        control,
        entry["resource"],
        entry["reason"],
        entry["owner"],
        _day(entry.get("expires"), place),
        str(entry.get("account", "")),
        str(entry.get("region", "")),
        Verdict(verdict),
    )


def _day(value: Any, place: str) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise UsageError(f"{place}, expires", found=repr(value), required="a day, like 2027-03-31") from None
