"""The connectors that a run may use although their code cannot be checked (GS-CON-002)."""

from __future__ import annotations

from glue_secure.core.allowed_connectors import ARGUMENT, AllowedConnector
from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.policyfile.model import PolicyFile


def approved_connectors(arguments: JobArguments, policy: PolicyFile) -> tuple[AllowedConnector, ...]:
    """Return the connectors of the policy file, and those of ``--glue-secure-allowed-connectors``.

    If the policy file has connectors, it decides alone: the argument can then name the same ones only.

    Raises:
        UsageError: the argument is invalid, or allows more than a policy file with connectors.
    """
    by_argument = arguments.allowed_connectors()
    if not policy.connectors:
        return by_argument
    approved = tuple(AllowedConnector(one.class_name, one.sha256, one.image) for one in policy.connectors)
    for entry in by_argument:
        same = [one for one in approved if one.class_name == entry.class_name]
        if not same or entry.sha256 not in ("", same[0].sha256):
            raise UsageError(
                f"--{ARGUMENT}",
                found=f"{entry.class_name}, which the policy file does not approve with this digest",
                required="connectors of the policy file",
                fix="add a [[connectors]] entry to the policy file, or remove the argument",
            )
    return approved
