"""awsglue-compatible API: ``from glue_secure.utils import getResolvedOptions``."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from glue_secure.core.errors import UsageError
from glue_secure.core.resolved_options import GlueArgumentError, GlueArgumentParser, resolve
from glue_secure.run.job_process import enter
from glue_secure.run.process_hooks import install_process_hooks

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

enter()

K = TypeVar("K")
V = TypeVar("V")


def getResolvedOptions(
    args: Sequence[str], options: Sequence[str], allow_abbrev: bool = False
) -> dict[str, Any]:
    """Return the job arguments named in ``options``, and the arguments that Glue always passes.

    Args:
        args: ``sys.argv``.
        options: names without ``--``. In the result, ``-`` is replaced by ``_``.
        allow_abbrev: keyword of Glue 6.0, with its default. True accepts abbreviations of the script's names,
            as Glue did up to 5.1, and never of Glue's own names.

    Raises:
        GlueArgumentError: an argument is missing, malformed, abbreviated or reserved.
    """
    install_process_hooks()
    return resolve(args, options, allow_abbrev=allow_abbrev)


def callsite() -> str:
    """Return the stack above the caller as text."""
    return "".join(traceback.format_list(traceback.extract_stack()[:-2]))


def iteritems(d: Mapping[K, V]) -> Iterator[tuple[K, V]]:
    """Return the pairs of a mapping."""
    return iter(d.items())


def iterkeys(d: Mapping[K, V]) -> Iterator[K]:
    """Return the keys of a mapping (awsglue's function returns the values)."""
    return iter(d.keys())


def itervalues(d: Mapping[K, V]) -> Iterator[V]:
    """Return the values of a mapping."""
    return iter(d.values())


def makeOptions(sc: Any, py_obj: Any) -> Any:  # noqa: ARG001 - awsglue's signature
    """Raise UsageError: ``JsonOptions`` is a class of AWS Glue's JVM, which plain Spark does not have."""
    raise UsageError(
        "makeOptions",
        found="a runtime without AWS Glue's JVM classes",
        required="options as a dictionary",
        fix="pass the dictionary to the reader, writer or transform",
    )
