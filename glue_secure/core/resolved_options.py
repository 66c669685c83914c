"""``getResolvedOptions``: which job arguments a script gets, and how it fails.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-get-resolved-options.html
Values come back under the names asked for, ``-`` written as ``_``; what Glue itself passes comes with them.
Words are read by :mod:`argparse`, as in Glue: what counts as a value follows from that.
tests/contract/test_resolved_options_against_awsglue.py compares it with awsglue's and names every difference.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePath
from typing import NoReturn

from glue_secure.core.arguments import CONTINUATIONS, BookmarkOption
from glue_secure.core.errors import UsageError

BOOKMARK_OPTION, CONTINUATION_OPTION = "job-bookmark-option", "continuation-option"
BOOKMARK_RANGE = ("job-bookmark-from", "job-bookmark-to")
# Names that cannot be asked for; each has its own way into the result.
RESERVED = (BOOKMARK_OPTION, *BOOKMARK_RANGE, CONTINUATION_OPTION, "help")
_TEMPORARY = ("TempDir", "RedshiftTempDir")
# Glue's own arguments: they come back whether asked for or not, and asking does not make them required.
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
_WHAT = "getResolvedOptions"


class GlueArgumentError(UsageError):
    """A job argument is missing, malformed or reserved; the name is awsglue's."""


class GlueArgumentParser(argparse.ArgumentParser):
    """An argument parser that raises :class:`GlueArgumentError` where argparse ends the process."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting."""
        raise GlueArgumentError(
            _WHAT,
            found=message,
            required="--NAME VALUE or --NAME=VALUE for each argument",
            fix="write a value that starts with - as --NAME=-VALUE",
        )


def resolve(
    argv: Sequence[str], options: Sequence[str], *, allow_abbrev: bool = False
) -> dict[str, str | None]:
    """The arguments named in ``options``, all of them required, with those that Glue adds.

    Args:
        argv: the script's name and its words; words that nobody asked for are ignored.
        options: names without ``--``.
        allow_abbrev: read ``--sour`` as ``--source`` where no other name begins so, as Glue did up to 5.1.
            An abbreviation of one of Glue's own arguments is refused either way: Glue 5.1 obeys
            ``--SECURITY_CONF`` and Glue 6.0 does not, so that it means two things.

    Returns:
        name with ``_`` for ``-`` → value; None for what Glue adds and nobody passed.

    Raises:
        GlueArgumentError: one is missing, has no value, is abbreviated or is reserved.
    """
    asked = _asked(options)
    words = list(argv[1:])
    own = (BOOKMARK_OPTION, CONTINUATION_OPTION, *BOOKMARK_RANGE, *GLUE_OWN)
    _refuse_abbreviations(words, own, asked, allow_abbrev)
    name = PurePath(argv[0]).name if argv else "script"
    parser = GlueArgumentParser(prog=name or "script", allow_abbrev=allow_abbrev)
    for option in (*own, *asked):
        parser.add_argument(f"--{option}", dest=_key(option), choices=_CHOICES.get(option))
    given = {key: _text(value) for key, value in vars(parser.parse_known_args(words)[0]).items()}
    for option, choices in _CHOICES.items():
        if given[_key(option)] not in (None, *choices):
            parser.error(f"argument --{option}: invalid choice: {given[_key(option)]!r}")
    missing = [option for option in asked if given[_key(option)] is None]
    if missing:
        raise GlueArgumentError(
            _WHAT,
            found=" ".join(sorted(_names(words))) or "no arguments",
            required=" ".join(f"--{option} VALUE" for option in missing),
            fix="pass them to the job, or set them in its default arguments; names are not abbreviated",
        )
    return _temporary(_bookmark(given))


def _key(option: str) -> str:
    return option.replace("-", "_")


def _text(value: object) -> str | None:
    # argparse before Python 3.12.5 reads --x=-- as an empty list.
    return value if value is None or isinstance(value, str) else "--"


def _asked(options: Sequence[str]) -> list[str]:
    """The script's own names among ``options``, each once."""
    well_formed = not isinstance(options, str) and all(
        isinstance(option, str) and option and not option.startswith("-") for option in options
    )
    if not well_formed:
        raise GlueArgumentError(
            _WHAT, found=repr(options), required="a list of argument names", fix="names without dashes"
        )
    keys = {_key(option): option for option in RESERVED}
    reserved = [option for option in options if _key(option) in keys]
    if reserved:
        raise GlueArgumentError(
            _WHAT,
            found=f"reserved arguments {', '.join(reserved)}",
            required="the script's own arguments",
            fix="leave them out; job_bookmark_option, _from and _to are always in the result",
        )
    own = {_key(option) for option in GLUE_OWN}
    asked = dict.fromkeys(option for option in options if _key(option) not in own)
    if len({_key(option) for option in asked}) != len(asked):
        raise GlueArgumentError(
            _WHAT,
            found=", ".join(asked),
            required="names that stay different when - is written as _",
        )
    return list(asked)


def _names(words: Iterable[str]) -> list[str]:
    """The words of ``words`` that are arguments' names, without their values, up to a lone ``--``."""
    names = []
    for word in words:
        if word == "--":
            break
        if word.startswith("--") and " " not in word.partition("=")[0]:
            names.append(word.partition("=")[0])
    return names


def _refuse_abbreviations(
    words: Sequence[str], own: Collection[str], asked: Collection[str], allow_abbrev: bool
) -> None:
    known = {f"--{option}" for option in (*own, *asked, "help")}
    for name in _names(words):
        if name in known:
            continue
        meant = sorted(f"--{option}" for option in own if f"--{option}".startswith(name))
        if meant:
            raise GlueArgumentError(
                "an abbreviated argument",
                found=name,
                required=" or ".join(meant),
                fix="write the name in full; another argument needs a name that none of Glue's begins with",
            )
        alike = sorted(f"--{option}" for option in asked if f"--{option}".startswith(name))
        if allow_abbrev and len(alike) > 1:
            raise GlueArgumentError("an ambiguous argument", found=name, required=" or ".join(alike))


def _bookmark(given: dict[str, str | None]) -> dict[str, str | None]:
    """The bookmark arguments: old spellings translated, the range checked against the option."""
    old = given.pop(_key(CONTINUATION_OPTION))
    key = _key(BOOKMARK_OPTION)
    if given[key] is None:
        given[key] = (CONTINUATIONS[old] if old is not None else BookmarkOption.DISABLE).value
    bounds = [name for name in BOOKMARK_RANGE if given[_key(name)] is not None]
    pause = given[key] == BookmarkOption.PAUSE.value
    if len(bounds) == 1 if pause else len(bounds) == len(BOOKMARK_RANGE):
        raise GlueArgumentError(
            "job bookmark range",
            found=f"--job-bookmark-option {given[key]} with {' and '.join(f'--{name}' for name in bounds)}",
            required="--job-bookmark-from and --job-bookmark-to together, with job-bookmark-pause",
        )
    return given


def _temporary(given: dict[str, str | None]) -> dict[str, str | None]:
    """One temporary directory under both of its names."""
    values = [given[name] for name in _TEMPORARY if given[name] is not None]
    return {**given, **dict.fromkeys(_TEMPORARY, values[0] if values else None)}
