"""Which controls an exception can name, and why the others cannot be excepted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from glue_secure.core.controls import CONTROLS

EXCEPTABLE = (
    *("GS-SEC-004", "GS-SEC-006", "GS-KMS-003", "GS-KMS-005", "GS-S3-004"),
    *("GS-TLS-001", "GS-TLS-002", "GS-TLS-003", "GS-TLS-004", "GS-TLS-005", "GS-TLS-006", "GS-TLS-009"),
    *("GS-TLS-010", "GS-TLS-013", "GS-CON-001", "GS-CON-002", "GS-CAT-001", "GS-CAT-002", "GS-CAT-003"),
)
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
    "GS-TLS": "the URL or connection cannot be interpreted, so what an exception would allow is unknown",
    "GS-TLS-008": "the secret is exposed, whatever the file says; rotate it",
    "GS-BKM": "a bookmark that another principal changed decides which data is read and written",
    "GS-CAT": "a command reports it; a run does not check it",
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
    family = CONTROLS[control].family
    return _REASONS.get(control) or _REASONS.get(family) or "no check of this control applies exceptions"


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield id, title and reason of each control that cannot be excepted."""
    for control in CONTROLS.values():
        reason = reason_against(control.id)
        if reason:
            yield control.id, control.title, reason
