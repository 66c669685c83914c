"""botocore's errors as errors of this project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from glue_secure.core.errors import UsageError
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
    """Raise ServiceError, NotFound or PreconditionFailed for botocore's errors inside the block.

    Raises:
        UsageError: boto3 finds no credentials. No permission of a role can be the reason.
    """
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        message = redact_text(str(error.response.get("Error", {}).get("Message", "")) or code)
        kind = (
            NotFound if code in _NOT_FOUND else PreconditionFailed if code in _PRECONDITION else ServiceError
        )
        raise kind(f"{operation}: {code}: {message}", code=code, operation=operation) from error
    except NoCredentialsError as error:
        raise UsageError(
            "no AWS credentials",
            found=f"{operation}: boto3 finds none in the environment, its files and the instance's role",
            required="credentials of the account",
            fix="export AWS_PROFILE=NAME, a profile with credentials: aws configure list-profiles; for the "
            'embedded account: eval "$(glue-secure local env)"',
        ) from error
    except BotoCoreError as error:
        raise ServiceError(f"{operation}: {redact_text(str(error))}", code="", operation=operation) from error
