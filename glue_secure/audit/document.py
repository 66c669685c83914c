"""The page ``docs/audit-controls.md``: the controls of an audit, ids of other tools, and permissions."""

from __future__ import annotations

from collections.abc import Iterator

from glue_secure.audit.evaluation import CHECKS
from glue_secure.audit.permissions import permissions_markdown
from glue_secure.core import compliance
from glue_secure.core.controls import CONTROLS

_TOOLS = ("prowler", "checkov", "security-hub", "config")


def as_markdown() -> str:
    """Return the text of the page."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Controls of an audit\n"
    yield "Generated from `glue_secure/audit` by `make docs`; do not edit. The command is described in"
    yield "[audit.md](audit.md).\n"
    yield "`glue-secure audit --control ID` takes each of these ids. Where a tool has no check of a"
    yield "requirement, the cell is empty. A check of another tool often asks for less:"
    yield "[compliance.md](compliance.md) says what differs."
    for check in CHECKS:
        yield f"\n## {check.name}\n"
        yield "| control | severity | requirement | Prowler | Checkov | Security Hub | AWS Config |"
        yield "|---|---|---|---|---|---|---|"
        for name in check.controls:
            control = CONTROLS[name]
            cells = [
                f"[{name}](controls.md#{name.lower()})",
                control.severity.value.lower(),
                control.title,
                *(_ids(name, tool) for tool in _TOOLS),
            ]
            yield f"| {' | '.join(cells)} |"
    yield "\n## Permissions\n"
    yield "`glue-secure policy iam audit` prints them as a policy.\n"
    yield permissions_markdown()


def _ids(control: str, framework: str) -> str:
    found = [row.id for row in compliance.of_control(control) if row.framework == framework]
    return ", ".join(f"`{name}`" for name in found)
