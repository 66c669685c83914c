"""The errors that glue-secure raises, for ``except`` clauses in jobs and tests.

``GlueSecureError`` is the base class. ``ControlError`` is raised by a control: ``RefusedError`` if its check
found a violation, ``VerificationError`` if the check could not be completed. ``UsageError`` is raised for an
invalid argument, option or call. ``EngineError`` is raised if Spark fails in a read or write.
"""

from glue_secure.core.errors import (
    BookmarkConflictError,
    ControlError,
    EngineError,
    GlueSecureError,
    RefusedError,
    UsageError,
    VerificationError,
)

__all__ = [
    "BookmarkConflictError",
    "ControlError",
    "EngineError",
    "GlueSecureError",
    "RefusedError",
    "UsageError",
    "VerificationError",
]
