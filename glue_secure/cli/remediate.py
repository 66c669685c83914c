"""The command ``remediate``."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from glue_secure.cli import bookmark, printing
from glue_secure.cli.options import Json, State
from glue_secure.cli.progress import StepProgress
from glue_secure.core.arguments import BOOKMARK_URI, EVIDENCE_URI
from glue_secure.core.errors import GlueSecureError
from glue_secure.core.identifiers import S3Uri
from glue_secure.preflight.establish import establish
from glue_secure.verification import remediation

INSECURE = 3


def command(
    uri: Annotated[str, typer.Argument(help="s3://BUCKET/PREFIX, with everything below it.")],
    job: Annotated[str, typer.Option("--job", help="The job whose security configuration names the key.")],
    state: State = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Re-encrypt. Without this option nothing is changed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Re-encrypt objects that are not under the job's key, in place. Without --yes, only list them.

    Exit code 0: all objects are under the key. 3: an object is not. 1: an object cannot be re-encrypted.
    Older versions in a versioned bucket are not changed. A re-encrypted object keeps its metadata and tags,
    but not its ACL. A job that reads it with a bookmark reads it again: stop the job, and type
    `glue-secure bookmark skip` afterwards. Policy files count only if the deployed job names them.
    """
    prefix = S3Uri.parse(uri)
    location = bookmark.find(job, None, None, state)
    rules = establish(location.identity, location.arguments, location.services).plan.rules
    reserved = [
        argument for argument in map(location.arguments.location, (BOOKMARK_URI, EVIDENCE_URI)) if argument
    ]
    objects = location.services.objects
    plan = remediation.plan(prefix, rules, objects=objects, reserved=reserved)
    failures: dict[S3Uri, str] = {}
    if yes and plan.repairs:
        with StepProgress() as progress:
            progress(f"re-encrypting {len(plan.repairs)} objects")
            failures = remediation.apply(plan, objects=objects)
    if as_json:
        printing.print_json(document(plan, failures, applied=yes))
    else:
        show(plan, failures, applied=yes)
    if failures:
        raise GlueSecureError(
            f"{len(failures)} of {len(plan.repairs)} objects below {prefix} could not be re-encrypted"
        )
    if plan.repairs and not yes:
        raise typer.Exit(INSECURE)


def document(
    plan: remediation.RemediationPlan, failures: dict[S3Uri, str], *, applied: bool
) -> dict[str, Any]:
    """Return the findings and changes as JSON values."""
    return {
        "location": str(plan.location),
        "key": plan.rules.rule(plan.location).written.key,
        "inspected": plan.inspected,
        "applied": applied,
        "objects": [
            {
                "uri": str(repair.object.uri),
                "found": repair.found,
                "outcome": _outcome(repair, failures, applied=applied),
            }
            for repair in plan.repairs
        ],
    }


def show(plan: remediation.RemediationPlan, failures: dict[S3Uri, str], *, applied: bool) -> None:
    """Print the objects with their outcome, and a summary to standard error."""
    for repair in plan.repairs:
        printing.print_line(str(repair.object.uri))
        printing.print_line(f"    {repair.found}: {_outcome(repair, failures, applied=applied)}")
    summary = f"{len(plan.repairs)} of {plan.inspected} objects are not {plan.rules.rule(plan.location)}"
    if plan.repairs and applied:
        summary += f"; {len(plan.repairs) - len(failures)} re-encrypted"
    elif plan.repairs:
        summary += "; nothing was changed (add --yes to re-encrypt)"
    print(summary, file=sys.stderr)
    if plan.repairs:
        print("jobs that read them with a bookmark read re-encrypted objects again (--help)", file=sys.stderr)


def _outcome(repair: remediation.Repair, failures: dict[S3Uri, str], *, applied: bool) -> str:
    if not applied:
        return repair.obstacle or "would be re-encrypted"
    return failures.get(repair.object.uri) or "re-encrypted"
