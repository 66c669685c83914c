"""The script of the job, for the evidence."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from glue_secure.core.evidence import digest


def script_of(location: str) -> Mapping[str, str]:
    """Return ``location`` and ``sha256`` of the file that Python runs as the main module.

    Args:
        location: ``--scriptLocation`` of the job; ``""`` for the path of the file.

    Returns:
        An empty mapping if there is no such file, as in an interactive session.
    """
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    try:
        body = Path(path).read_bytes() if path else None
    except OSError:
        body = None
    if body is None:
        return {}
    return {"location": location or str(path), "sha256": digest(body)}
