"""A plan as a file: reviewed today, applied tomorrow, or refused when the account moved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.governance.lakeformation.file import of_document
from glue_secure.governance.lakeformation.steps import Plan, Unmanaged

SCHEMA = "glue-secure/lakeformation-plan/1"
_MEMBERS = {"schema", "account", "unmanaged", "fingerprint", "steps", "findings", "permissions"}


def document(plan: Plan) -> dict[str, Any]:
    """The plan as JSON takes it, with the file that it was made from."""
    return {
        "schema": SCHEMA,
        "account": plan.account,
        "unmanaged": plan.unmanaged.value,
        "fingerprint": plan.fingerprint,
        "steps": [str(one) for one in plan.steps],
        "findings": [
            {"control": one.control, "resource": one.resource, "found": one.found, "fix": one.fix}
            for one in plan.findings
        ],
        "permissions": plan.desired.document,
    }


def write(plan: Plan, path: Path) -> None:
    """Write it. Raises UsageError when the path cannot be written."""
    try:
        path.write_text(json.dumps(document(plan), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(str(path), found=str(error), required="a path that can be written") from None


class SavedPlan:
    """What a plan file says, before it is held against the account.

    Attributes:
        account: which account it is for.
        unmanaged: what happens to grants that the file does not name.
        fingerprint: of the state that it was planned from.
        steps: each step, in words.
        desired: the permissions file inside.
    """

    def __init__(self, path: Path) -> None:
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise UsageError(
                str(path), found=str(error), required="a plan of glue-secure lakeformation plan"
            ) from None
        if not isinstance(held, dict) or held.get("schema") != SCHEMA or set(held) != _MEMBERS:
            found = held.get("schema") if isinstance(held, dict) else type(held).__name__
            raise UsageError(str(path), found=repr(found), required=f"a plan with schema {SCHEMA}, whole")
        try:
            self.unmanaged = Unmanaged(held["unmanaged"])
            self.steps = [str(one) for one in held["steps"]]
        except (ValueError, TypeError) as error:
            raise UsageError(str(path), found=str(error), required="a plan as it was written") from None
        self.account, self.fingerprint = str(held["account"]), str(held["fingerprint"])
        if not isinstance(held["permissions"], dict):
            raise UsageError(str(path), found="no permissions", required="a plan as it was written")
        self.desired = of_document(held["permissions"], str(path))
