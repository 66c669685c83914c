"""The command ``remediate``: its arguments, its question, its table."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from glue_secure.cli import bookmark, printing
from glue_secure.cli.options import Json, State
from glue_secure.core.arguments import BOOKMARK_URI, EVIDENCE_URI
from glue_secure.core.errors import GlueSecureError
from glue_secure.core.identifiers import S3Uri
from glue_secure.preflight.establish import establish
from glue_secure.verification import remediation

INSECURE = 3


def command(
    uri: Annotated[str, typer.Argument(help="s3://BUCKET/PREFIX; everything below it.")],
    job: Annotated[str, typer.Option("--job", help="The job whose configuration names the key.")],
    state: State = None,
    yes: Annotated[bool, typer.Option("--yes", help="Re-encrypt; without it nothing is changed.")] = False,
    as_json: Json = False,
) -> None:
    """Re-encrypt what is not under the job's key, in place. Without --yes it only says what it would do.

    Exit code 0: everything is under the key; 3: something is not; 1: something could not be re-encrypted.
    Older versions in a versioned bucket stay as they are; a copied object keeps its metadata and tags, not
    its ACL.
    """
    location = S3Uri.parse(uri)
    place = bookmark.find(job, None, None, state)
    key = establish(place.identity, place.arguments, place.services).keys.s3
    kept = [each for each in map(place.arguments.location, (BOOKMARK_URI, EVIDENCE_URI)) if each]
    objects = place.services.objects
    made = remediation.plan(location, key, objects=objects, reserved=kept)
    left: dict[S3Uri, str] = {}
    if yes and made.repairs:
        with Console(stderr=True).status(f"re-encrypting {len(made.repairs)} objects"):
            left = remediation.apply(made, objects=objects)
    if as_json:
        printing.print_json(document(made, left, applied=yes))
    else:
        show(made, left, applied=yes)
    if left:
        raise GlueSecureError(
            f"{len(left)} of {len(made.repairs)} objects below {location} could not be re-encrypted"
        )
    if made.repairs and not yes:
        raise typer.Exit(INSECURE)


def document(made: remediation.Plan, left: dict[S3Uri, str], *, applied: bool) -> dict[str, Any]:
    """What was found and done, as JSON's values."""
    return {
        "location": str(made.location),
        "key": str(made.key),
        "inspected": made.inspected,
        "applied": applied,
        "objects": [
            {
                "uri": str(each.object.uri),
                "found": each.found,
                "outcome": _outcome(each, left, applied=applied),
            }
            for each in made.repairs
        ],
    }


def show(made: remediation.Plan, left: dict[S3Uri, str], *, applied: bool) -> None:
    """The same for people: one line an object."""
    for each in made.repairs:
        printing.say(str(each.object.uri))
        printing.say(f"    {each.found}: {_outcome(each, left, applied=applied)}")
    total = f"{len(made.repairs)} of {made.inspected} objects are not under {made.key}"
    done = (
        f"; {len(made.repairs) - len(left)} re-encrypted" if applied else "; nothing was changed (--yes does)"
    )
    print(f"{total}{done if made.repairs else ''}", file=sys.stderr)


def _outcome(each: remediation.Repair, left: dict[S3Uri, str], *, applied: bool) -> str:
    if not applied:
        return each.obstacle or "would be re-encrypted"
    return left.get(each.object.uri) or "re-encrypted"
