"""``getResolvedOptions``: which job arguments a script gets, and how it fails.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-get-resolved-options.html
Values come back under the names asked for, ``-`` written as ``_``; what Glue itself passes comes with them.
"""

from __future__ import annotations

from collections.abc import Sequence

from glue_secure.core.arguments import BookmarkOption, JobArguments
from glue_secure.core.errors import UsageError

# Names that awsglue refuses to be asked for; each has its own way into the result.
_RESERVED = ("job-bookmark-option", "job-bookmark-from", "job-bookmark-to", "continuation-option")
# Glue's own arguments that come back whether asked for or not.
_ALWAYS = ("JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION", "encryption_type", "enable_data_lineage")


class GlueArgumentError(UsageError):
    """A job argument is missing or malformed; the name is awsglue's."""


def resolve(argv: Sequence[str], options: Sequence[str]) -> dict[str, str | None]:
    """The arguments named in ``options`` with those that Glue adds.

    Raises:
        GlueArgumentError: one is missing, has no value, or is reserved.
    """
    if isinstance(options, str):
        raise GlueArgumentError(
            "getResolvedOptions", found=repr(options), required="a list of argument names"
        )
    arguments = JobArguments.parse(list(argv))
    reserved = [name for name in options if name.replace("_", "-") in _RESERVED]
    if reserved:
        raise GlueArgumentError(
            "getResolvedOptions",
            found=f"reserved arguments {', '.join(reserved)}",
            required="the script's own arguments",
            fix="leave them out; job_bookmark_option, _from and _to are always in the result",
        )
    resolved: dict[str, str | None] = {name: arguments.get(name) for name in _ALWAYS}
    resolved |= _bookmark(arguments)
    temporary = arguments.get("TempDir") or arguments.get("RedshiftTempDir")
    resolved |= {"TempDir": temporary, "RedshiftTempDir": temporary}
    optional = {*_ALWAYS, "TempDir", "RedshiftTempDir"}
    wanted = {name: name.replace("-", "_") for name in options}
    missing = [name for name, key in wanted.items() if key not in optional and not arguments.get(name)]
    if missing:
        raise GlueArgumentError(
            "getResolvedOptions",
            found=" ".join(f"--{name}" for name in sorted(arguments.values)) or "no arguments",
            required=" ".join(f"--{name} VALUE" for name in missing),
            fix="pass them to the job, or set them in its default arguments",
        )
    return resolved | {key: arguments.get(name) for name, key in wanted.items() if key not in resolved}


def _bookmark(arguments: JobArguments) -> dict[str, str | None]:
    option = arguments.bookmark_option()
    start, end = arguments.get("job-bookmark-from"), arguments.get("job-bookmark-to")
    if (start is None) != (end is None) or (start is not None and option is not BookmarkOption.PAUSE):
        raise GlueArgumentError(
            "job bookmark range",
            found=f"--job-bookmark-option {option.value}, from {start!r}, to {end!r}",
            required="--job-bookmark-from and --job-bookmark-to together, with job-bookmark-pause",
        )
    return {"job_bookmark_option": option.value, "job_bookmark_from": start, "job_bookmark_to": end}
