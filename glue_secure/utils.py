"""Drop-in door: ``from glue_secure.utils import getResolvedOptions``."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from glue_secure.core.errors import UsageError
from glue_secure.core.resolved_options import GlueArgumentError, GlueArgumentParser, resolve

__all__ = [
    "GlueArgumentError",
    "GlueArgumentParser",
    "callsite",
    "getResolvedOptions",
    "iteritems",
    "iterkeys",
    "itervalues",
    "makeOptions",
]

K = TypeVar("K")
V = TypeVar("V")


def getResolvedOptions(
    args: Sequence[str], options: Sequence[str], allow_abbrev: bool = False
) -> dict[str, Any]:
    """The job arguments named in ``options``, with those that Glue always passes.

    Args:
        args: ``sys.argv``.
        options: names without ``--``; ``-`` comes back as ``_``.
        allow_abbrev: Glue 6.0's keyword, with its default. True reads abbreviations of the script's own
            names, as Glue did up to 5.1; never of Glue's names.

    Raises:
        GlueArgumentError: one is missing, malformed, abbreviated or reserved.
    """
    return resolve(args, options, allow_abbrev=allow_abbrev)


def callsite() -> str:
    """The stack above the caller, as text."""
    return "".join(traceback.format_list(traceback.extract_stack()[:-2]))


def iteritems(d: Mapping[K, V]) -> Iterator[tuple[K, V]]:
    """Pairs of a mapping."""
    return iter(d.items())


def iterkeys(d: Mapping[K, V]) -> Iterator[K]:
    """Keys of a mapping (not its values, which awsglue's own gives)."""
    return iter(d.keys())


def itervalues(d: Mapping[K, V]) -> Iterator[V]:
    """Values of a mapping."""
    return iter(d.values())


def makeOptions(sc: Any, py_obj: Any) -> Any:  # noqa: ARG001 - awsglue's signature
    """The bridge to ``JsonOptions`` of Glue's JVM, which no other runtime has.

    Raises:
        UsageError: always.
    """
    raise UsageError(
        "makeOptions",
        found="a runtime without Glue's JVM classes",
        required="options as a dictionary",
        fix="pass the dictionary itself to the reader, writer or transform",
    )
