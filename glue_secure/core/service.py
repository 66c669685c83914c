"""How an AWS service says no, in this project's own words.

Adapters in ``glue_secure.aws`` translate botocore's errors into these; whoever asked decides which
control the answer breaks.
"""

from __future__ import annotations


class ServiceError(Exception):
    """A service said no or nothing. Adapters raise it; who asked decides which control that is.

    Attributes:
        code: the AWS error code (``AccessDeniedException``), ``""`` where there was no answer.
        operation: the API operation (``GetJobRun``).
    """

    def __init__(self, message: str, *, code: str, operation: str) -> None:
        super().__init__(message)
        self.code, self.operation = code, operation


class NotFound(ServiceError):
    """The service answered that the thing does not exist."""


class PreconditionFailed(ServiceError):
    """A conditional write lost: the object is not the one that was expected."""
