"""glue-secure: AWS Glue jobs that prove their encryption.

Importing this package costs milliseconds and has no side effect; the names below load on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glue_secure.core.errors import (
        BookmarkConflictError,
        ControlError,
        GlueSecureError,
        RefusedError,
        UsageError,
        VerificationError,
    )
    from glue_secure.secure_job import SecureJob

__version__ = "0.1.0"

__all__ = [
    "BookmarkConflictError",
    "ControlError",
    "GlueSecureError",
    "RefusedError",
    "SecureJob",
    "UsageError",
    "VerificationError",
]

_HOME = {
    "SecureJob": "glue_secure.secure_job",
    "BookmarkConflictError": "glue_secure.core.errors",
    "ControlError": "glue_secure.core.errors",
    "VerificationError": "glue_secure.core.errors",
    "GlueSecureError": "glue_secure.core.errors",
    "RefusedError": "glue_secure.core.errors",
    "UsageError": "glue_secure.core.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
