"""Objects that a person adds to the embedded account."""

from __future__ import annotations

from pathlib import Path

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.account_setup import DATA_ALIAS, ensure_key
from glue_secure.embedded.clients import clients
from glue_secure.embedded.definitions import create_bucket


def put_file(account: EmbeddedAccount, file: Path, location: str) -> str:
    """Upload a file with SSE-KMS under the account's data key, and return its location.

    Args:
        account: a running account.
        file: the file.
        location: of the object, or of a folder, if it ends with ``/``. A new bucket is created.

    Raises:
        UsageError: the file cannot be read, or the location is none of S3.
    """
    target = S3Uri.parse(location)
    key = f"{target.key}{file.name}" if not target.key or target.key.endswith("/") else target.key
    try:
        content = file.open("rb")
    except OSError as error:
        found = error.strerror or type(error).__name__
        raise UsageError(str(file), found=found, required="a readable file") from None
    with content:
        create_bucket(account, target.bucket)
        clients(account)("s3").put_object(
            Bucket=target.bucket,
            Key=key,
            Body=content,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=ensure_key(account, DATA_ALIAS, "objects in S3"),
        )
    return f"s3://{target.bucket}/{key}"
