"""glue-secure: encrypted AWS Glue jobs that produce evidence.

Importing the package takes milliseconds and has no side effects. The public names are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glue_secure.dynamicframe import DynamicFrame
    from glue_secure.errors import (
        BookmarkConflictError,
        ControlError,
        EngineError,
        GlueSecureError,
        RefusedError,
        UsageError,
        VerificationError,
    )
    from glue_secure.secure_job import SecureJob

__version__ = "1.0.0"

__all__ = [
    "BookmarkConflictError",
    "ControlError",
    "DynamicFrame",
    "EngineError",
    "GlueSecureError",
    "RefusedError",
    "SecureJob",
    "UsageError",
    "VerificationError",
]

_MODULES = dict.fromkeys(__all__, "glue_secure.errors") | {
    "DynamicFrame": "glue_secure.dynamicframe",
    "SecureJob": "glue_secure.secure_job",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
