"""botocore's errors as errors of this project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from glue_secure.core.redaction import redact_text
from glue_secure.core.service import NotFound, PreconditionFailed, ServiceError

_NOT_FOUND = {
    "NoSuchKey",
    "NoSuchBucket",
    "404",
    "NotFound",
    "NotFoundException",
    "EntityNotFoundException",
    "ResourceNotFoundException",
}
_PRECONDITION = {
    "PreconditionFailed",
    "412",
    "ConditionalRequestConflict",
    "409",
    "ConditionalCheckFailedException",
}


@contextmanager
def translate_errors(operation: str) -> Iterator[None]:
    """Raise ServiceError, NotFound or PreconditionFailed for botocore's errors inside the block."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        message = redact_text(str(error.response.get("Error", {}).get("Message", "")) or code)
        kind = (
            NotFound if code in _NOT_FOUND else PreconditionFailed if code in _PRECONDITION else ServiceError
        )
        raise kind(f"{operation}: {code}: {message}", code=code, operation=operation) from error
    except BotoCoreError as error:
        raise ServiceError(f"{operation}: {redact_text(str(error))}", code="", operation=operation) from error
