"""Errors of AWS services.

The adapters in ``glue_secure.aws`` raise them for botocore's errors. The caller decides which control an
error affects.
"""

from __future__ import annotations


class ServiceError(Exception):
    """A service returned an error or did not answer.

    Attributes:
        code: the AWS error code (``AccessDeniedException``), ``""`` if the service did not answer.
        operation: the API operation (``GetJobRun``).
    """

    def __init__(self, message: str, *, code: str, operation: str) -> None:
        super().__init__(message)
        self.code, self.operation = code, operation


class NotFound(ServiceError):
    """The requested entity does not exist."""


class PreconditionFailed(ServiceError):
    """The condition of a write is not met: the object has changed."""


def listing_fix(error: ServiceError, bucket: str, otherwise: str) -> str:
    """Return the fix for a listing that failed: the bucket does not exist, or ``otherwise``."""
    return f"create bucket {bucket}, or correct its name" if error.code == "NoSuchBucket" else otherwise
