"""The errors that glue-secure raises, for ``except`` clauses in jobs and tests.

``GlueSecureError`` is the base class. ``ControlError`` is raised by a control: ``RefusedError`` if its check
found a violation, ``VerificationError`` if the check could not be completed. ``UsageError`` is raised for an
invalid argument, option or call.
"""

from glue_secure.core.errors import (
    BookmarkConflictError,
    ControlError,
    GlueSecureError,
    RefusedError,
    UsageError,
    VerificationError,
)

__all__ = [
    "BookmarkConflictError",
    "ControlError",
    "GlueSecureError",
    "RefusedError",
    "UsageError",
    "VerificationError",
]
