"""Drop-in door: ``from glue_secure.utils import getResolvedOptions``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glue_secure.core.resolved_options import GlueArgumentError, resolve
from glue_secure.runtime import exits

__all__ = ["GlueArgumentError", "getResolvedOptions"]


def getResolvedOptions(argv: Sequence[str], options: Sequence[str]) -> dict[str, Any]:
    """The job arguments named in ``options``, with those that Glue always passes.

    Args:
        argv: ``sys.argv``.
        options: names without ``--``; ``-`` comes back as ``_``.

    Raises:
        GlueArgumentError: one is missing, malformed or reserved.
    """
    exits.install()
    return resolve(argv, options)
