"""Which controls an exception can name, and why the others cannot be excepted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from glue_secure.core.controls import AUDITED_ONLY, CONTROLS

EXCEPTABLE = ("GS-S3-014", "GS-TLS-013", "GS-CON-001", "GS-CAT-001", "GS-CAT-002")
"""Controls that an exception can name."""

_REASONS: Mapping[str, str] = {
    "GS-SEC": "the configuration that decides about the run would be unknown or incomplete",
    "GS-SEC-011": "the secret is exposed, whatever the file says; rotate it",
    "GS-KMS": "the key cannot encrypt the run's data; name another key in a target",
    "GS-S3": "the setting or request applies to more than one resource; declare the location as a target",
    "GS-S3-002": "credentials and data would be sent to a server of AWS that is not verified",
    "GS-S3-007": "an object whose encryption is unknown may be unencrypted",
    "GS-S3-009": "bookmark authenticity and evidence integrity depend on these locations",
    "GS-S3-011": "a write that is not verified may be unencrypted",
    "GS-S3-012": "a write that is not verified may be unencrypted",
    "GS-SPK": "the run reports it without stopping, unless the job requires it",
    "GS-SPK-003": "shuffle files in S3 cannot be verified",
    "GS-TLS": "credentials and data would be sent to a server that is not verified, or over no TLS",
    "GS-TLS-008": "the secret is exposed, whatever the file says; rotate it",
    "GS-BKM": "a bookmark that another principal changed decides which data is read and written",
    "GS-CON": "add a [[connectors]] entry, which names the reviewed JAR",
    "GS-CAT": "settings that cannot be read may be off",
    "GS-LF": "a command reports it, or the call cannot work",
    "GS-COL": "the column policy decides, and the data would leave the run",
    "GS-DQ": "the write's on_failure decides",
    "GS-EVD": "without evidence, neither the run nor the exception itself can be audited",
    "GS-DEP": "a command reports it; a run does not check it",
    "GS-POL": "the policy file cannot make an exception from its own integrity",
}


def reason_against(control: str) -> str:
    """Return why no exception can name a control, ``""`` if one can."""
    if control in EXCEPTABLE:
        return ""
    if control not in CONTROLS:
        return "there is no such control"
    if control in AUDITED_ONLY:
        return "a run does not check it; the baseline file of an audit accepts findings"
    family = CONTROLS[control].family
    return _REASONS.get(control) or _REASONS.get(family) or "no check of this control applies exceptions"


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield id, title and reason of each control that cannot be excepted."""
    for control in CONTROLS.values():
        reason = reason_against(control.id)
        if reason:
            yield control.id, control.title, reason


def as_markdown() -> str:
    """Return the text of ``docs/policy-exceptions.md``."""
    lines = [
        "# Controls and exceptions",
        "",
        "Which controls an [exception](policy.md#exceptions) of the policy file can name.",
        "Generated from `glue_secure/policyfile/exceptable.py` by `make docs`; do not edit.",
        "",
        "## Can be excepted",
        "",
        "| control | requirement |",
        "|---|---|",
    ]
    lines += [f"| {control} | {CONTROLS[control].title} |" for control in sorted(EXCEPTABLE)]
    lines += ["", "## Cannot be excepted", "", "| control | requirement | why not |", "|---|---|---|"]
    lines += [f"| {control} | {title} | {reason} |" for control, title, reason in rows()]
    return "\n".join(lines) + "\n"
