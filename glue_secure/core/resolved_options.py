"""``getResolvedOptions``: the arguments that a script gets, and the errors.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-get-resolved-options.html
Values are returned under the requested names with ``_`` for ``-``, together with the arguments that Glue
passes. As in Glue, :mod:`argparse` parses the words. tests/contract/test_resolved_options_against_awsglue.py
compares the results with awsglue's and lists every difference.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePath
from typing import NoReturn

from glue_secure.core.arguments import CONTINUATIONS, BookmarkOption
from glue_secure.core.errors import UsageError

BOOKMARK_OPTION, CONTINUATION_OPTION = "job-bookmark-option", "continuation-option"
BOOKMARK_RANGE = ("job-bookmark-from", "job-bookmark-to")
# Names that a script cannot request; they are in the result anyway.
RESERVED = (BOOKMARK_OPTION, *BOOKMARK_RANGE, CONTINUATION_OPTION, "help")
_TEMPORARY = ("TempDir", "RedshiftTempDir")
# Glue's own arguments: they are always in the result, and are never required.
GLUE_OWN = (
    "JOB_ID",
    "JOB_RUN_ID",
    "SECURITY_CONFIGURATION",
    "encryption-type",
    "enable-data-lineage",
    *_TEMPORARY,
)
_CHOICES = {
    BOOKMARK_OPTION: [option.value for option in BookmarkOption],
    CONTINUATION_OPTION: list(CONTINUATIONS),
    "encryption-type": ["sse-s3"],
}
_FUNCTION = "getResolvedOptions"


class GlueArgumentError(UsageError):
    """A job argument is missing, malformed or reserved.

    awsglue has an error of this name, which scripts also raise themselves, with any arguments:
    ``GlueArgumentError("--table is required with --database")``. Its text is then that of the script.
    """

    def __init__(self, *args: object, found: str = "", required: str = "", fix: str = "") -> None:
        if found or required or fix:
            super().__init__(str(args[0]), found=found, required=required, fix=fix)
            return
        self.resource, self.found, self.required, self.fix = " ".join(map(str, args)), found, required, fix
        self.aws_code = None
        Exception.__init__(self, *args)


class GlueArgumentParser(argparse.ArgumentParser):
    """An argument parser that raises :class:`GlueArgumentError`, where argparse exits the process."""

    def error(self, message: str) -> NoReturn:
        """Raise GlueArgumentError."""
        raise GlueArgumentError(
            _FUNCTION,
            found=message,
            required="--NAME VALUE or --NAME=VALUE for each argument",
            fix="write a value that starts with - as --NAME=-VALUE",
        )


def resolve(
    argv: Sequence[str], options: Sequence[str], *, allow_abbrev: bool = False
) -> dict[str, str | None]:
    """Return the arguments named in ``options``, which are required, and those that Glue adds.

    Args:
        argv: the script's name and its words; other arguments are ignored.
        options: names without ``--``.
        allow_abbrev: whether ``--sour`` is accepted for ``--source`` if it is unambiguous, as in Glue up to
            5.1. An abbreviation of Glue's own arguments is always rejected: Glue 5.1 accepts
            ``--SECURITY_CONF``, Glue 6.0 does not.

    Returns:
        The values by name with ``_`` for ``-``; None for an argument of Glue that was not passed.

    Raises:
        GlueArgumentError: an argument is missing, has no value, is abbreviated or is reserved.
    """
    requested = _requested(options)
    words = list(argv[1:])
    glue_arguments = (BOOKMARK_OPTION, CONTINUATION_OPTION, *BOOKMARK_RANGE, *GLUE_OWN)
    _reject_abbreviations(words, glue_arguments, requested, allow_abbrev)
    name = PurePath(argv[0]).name if argv else "script"
    parser = GlueArgumentParser(prog=name or "script", allow_abbrev=allow_abbrev)
    for option in (*glue_arguments, *requested):
        parser.add_argument(f"--{option}", dest=_key(option), choices=_CHOICES.get(option))
    values = {key: _text(value) for key, value in vars(parser.parse_known_args(words)[0]).items()}
    for option, choices in _CHOICES.items():
        if values[_key(option)] not in (None, *choices):
            parser.error(f"argument --{option}: invalid choice: {values[_key(option)]!r}")
    missing = [option for option in requested if values[_key(option)] is None]
    if missing:
        passed = sorted(_names(words))
        similar = (
            (name, f"--{option}")
            for option in missing
            for name in difflib.get_close_matches(f"--{option}", passed, 1, cutoff=0.8)
        )
        raise GlueArgumentError(
            _FUNCTION,
            found=" ".join(passed) or "no arguments",
            required=" ".join(f"--{option} VALUE" for option in missing),
            fix="; ".join(
                (
                    *(f"write {option} in place of {name}" for name, option in similar),
                    "pass them to the job, or set them in its default arguments; names are not abbreviated",
                )
            ),
        )
    return _temporary(_bookmark(values))


def _key(option: str) -> str:
    return option.replace("-", "_")


def _text(value: object) -> str | None:
    # argparse before Python 3.12.5 reads --x=-- as an empty list.
    return value if value is None or isinstance(value, str) else "--"


def _requested(options: Sequence[str]) -> list[str]:
    """Return the names of ``options`` that are not Glue's, without duplicates."""
    well_formed = not isinstance(options, str) and all(
        isinstance(option, str) and option and not option.startswith("-") for option in options
    )
    if not well_formed:
        raise GlueArgumentError(
            _FUNCTION, found=repr(options), required="a list of argument names", fix="names without dashes"
        )
    keys = {_key(option): option for option in RESERVED}
    reserved = [option for option in options if _key(option) in keys]
    if reserved:
        raise GlueArgumentError(
            _FUNCTION,
            found=f"reserved arguments {', '.join(reserved)}",
            required="the script's own arguments",
            fix="remove them; job_bookmark_option, _from and _to are always in the result",
        )
    glue_keys = {_key(option) for option in GLUE_OWN}
    requested = dict.fromkeys(option for option in options if _key(option) not in glue_keys)
    if len({_key(option) for option in requested}) != len(requested):
        raise GlueArgumentError(
            _FUNCTION,
            found=", ".join(requested),
            required="names that differ also with _ for -",
        )
    return list(requested)


def _names(words: Iterable[str]) -> list[str]:
    """Return the names of arguments among the words, up to a ``--`` without a name."""
    names = []
    for word in words:
        if word == "--":
            break
        if word.startswith("--") and " " not in word.partition("=")[0]:
            names.append(word.partition("=")[0])
    return names


def _reject_abbreviations(
    words: Sequence[str], glue_arguments: Collection[str], requested: Collection[str], allow_abbrev: bool
) -> None:
    known = {f"--{option}" for option in (*glue_arguments, *requested, "help")}
    for name in _names(words):
        if name in known:
            continue
        candidates = sorted(f"--{option}" for option in glue_arguments if f"--{option}".startswith(name))
        if candidates:
            raise GlueArgumentError(
                "an abbreviated argument",
                found=name,
                required=" or ".join(candidates),
                fix="write the full name; rename your argument if a Glue argument begins with its name",
            )
        matches = sorted(f"--{option}" for option in requested if f"--{option}".startswith(name))
        if allow_abbrev and len(matches) > 1:
            raise GlueArgumentError("an ambiguous argument", found=name, required=" or ".join(matches))


def _bookmark(values: dict[str, str | None]) -> dict[str, str | None]:
    """Replace former names of bookmark arguments, and check the range against the option."""
    old = values.pop(_key(CONTINUATION_OPTION))
    key = _key(BOOKMARK_OPTION)
    if values[key] is None:
        values[key] = (CONTINUATIONS[old] if old is not None else BookmarkOption.DISABLE).value
    bounds = [name for name in BOOKMARK_RANGE if values[_key(name)] is not None]
    pause = values[key] == BookmarkOption.PAUSE.value
    if len(bounds) == 1 if pause else len(bounds) == len(BOOKMARK_RANGE):
        raise GlueArgumentError(
            "job bookmark range",
            found=f"--job-bookmark-option {values[key]} with {' and '.join(f'--{name}' for name in bounds)}",
            required="--job-bookmark-from and --job-bookmark-to together, with job-bookmark-pause",
        )
    return values


def _temporary(values: dict[str, str | None]) -> dict[str, str | None]:
    """Return one temporary directory under both of its names."""
    directories = [values[name] for name in _TEMPORARY if values[name] is not None]
    return {**values, **dict.fromkeys(_TEMPORARY, directories[0] if directories else None)}
