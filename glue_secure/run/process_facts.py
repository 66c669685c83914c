"""Facts of the job's process for the evidence: its script, and the libraries that it has imported."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from glue_secure.core.evidence import digest

# Distribution → module, of the optional dependencies in setup.cfg that a job can use.
_OPTIONAL = {
    "amazon.ion": "amazon.ion",
    "great-expectations": "great_expectations",
    "numpy": "numpy",
    "pandas": "pandas",
    "pyarrow": "pyarrow",
    "pygrok": "pygrok",
}


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


def imported_versions() -> dict[str, str]:
    """Return distribution → version of the optional dependencies that this process has imported."""
    versions = {}
    for distribution, module in _OPTIONAL.items():
        if module in sys.modules:
            try:
                versions[distribution] = version(distribution)
            except PackageNotFoundError:
                versions[distribution] = "bundled"
    return versions
