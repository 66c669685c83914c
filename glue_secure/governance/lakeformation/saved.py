"""A plan as a file, to be reviewed and applied later. It is rejected if the account has changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.core.files import write_output
from glue_secure.core.json_documents import parse_json
from glue_secure.governance.lakeformation.file import parse_document
from glue_secure.governance.lakeformation.steps import AccessPlan, Unmanaged

SCHEMA = "glue-secure/lakeformation-plan/3"
_MEMBERS = {
    "schema",
    "account",
    "unmanaged",
    "fingerprint",
    "steps",
    "findings",
    "locked",
    "settings",
    "permissions",
}


def document(plan: AccessPlan) -> dict[str, Any]:
    """Return the plan as a JSON document, including the permissions file."""
    return {
        "schema": SCHEMA,
        "account": plan.account,
        "unmanaged": plan.unmanaged.value,
        "fingerprint": plan.fingerprint,
        "steps": [str(step) for step in plan.steps],
        "findings": [
            {
                "control": finding.control,
                "resource": finding.resource,
                "found": finding.found,
                "fix": finding.fix,
            }
            for finding in plan.findings
        ],
        "locked": list(plan.locked),
        "settings": {
            state.name: {
                "account": list(state.account),
                "file": None if state.file is None else list(state.file),
            }
            for state in plan.settings
        },
        "permissions": plan.desired.document,
    }


def write(plan: AccessPlan, path: Path) -> None:
    """Write the plan to a file.

    Raises:
        UsageError: the file cannot be written.
    """
    write_output(path, json.dumps(document(plan), indent=2, ensure_ascii=False) + "\n")


class SavedPlan:
    """The content of a plan file, not yet compared with the account.

    Args:
        path: a file that ``write`` has written.

    Attributes:
        account: id of the account that the plan is for.
        unmanaged: treatment of grants that the permissions file does not contain.
        fingerprint: digest of the account's state when the plan was made.
        steps: descriptions of the steps.
        desired: the permissions file.

    Raises:
        UsageError: the file is not a complete plan.
    """

    def __init__(self, path: Path, partition: str = "aws") -> None:
        try:
            content = parse_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(
                str(path), found=str(error), required="a plan written by glue-secure lakeformation plan --out"
            ) from None
        if not isinstance(content, dict) or content.get("schema") != SCHEMA or set(content) != _MEMBERS:
            found = content.get("schema") if isinstance(content, dict) else type(content).__name__
            raise UsageError(str(path), found=repr(found), required=f"a complete plan with schema {SCHEMA}")
        try:
            self.unmanaged = Unmanaged(content["unmanaged"])
            self.steps = [str(step) for step in content["steps"]]
        except (ValueError, TypeError) as error:
            raise UsageError(str(path), found=str(error), required="an unchanged plan file") from None
        self.account, self.fingerprint = str(content["account"]), str(content["fingerprint"])
        if not isinstance(content["permissions"], dict):
            raise UsageError(str(path), found="no permissions", required="an unchanged plan file")
        self.desired = parse_document(content["permissions"], str(path), partition=partition)
