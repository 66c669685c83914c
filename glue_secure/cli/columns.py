"""The commands ``columns new-key|decrypt``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from glue_secure.aws.columns import ColumnSource
from glue_secure.cli.options import State
from glue_secure.cli.printing import use_embedded_account
from glue_secure.cli.progress import StepProgress
from glue_secure.columns.policy import ColumnPolicy
from glue_secure.columns.sealing import unseal
from glue_secure.core.columns import POLICY
from glue_secure.core.errors import UsageError, VerificationError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.ports import Services
from glue_secure.core.service import ServiceError
from glue_secure.run import composition

app = typer.Typer(
    help="Create the data key of a column policy, and decrypt column values.", no_args_is_help=True
)

_PROGRESS_INTERVAL = 10_000  # values
# Error codes of KMS for a key, ciphertext and encryption context that do not belong together.
_MISMATCH = ("InvalidCiphertextException", "IncorrectKeyException", "KeyMismatch")


@app.command("new-key")
def new_key(
    name: Annotated[str, typer.Argument(help="Name of the policy. The data key is bound to it.")],
    kms_key: Annotated[str, typer.Option("--kms-key", help="ARN of the KMS key that wraps the data key.")],
    state: State = None,
) -> None:
    """Print the policy lines of a new data key. The plaintext key never leaves KMS."""
    source = _services(state).columns
    assert isinstance(source, ColumnSource)  # noqa: S101 - the composition root makes no other
    try:
        key = source.new_key(KmsKeyArn.parse(kms_key), name)
    except ServiceError as error:
        raise _no_key(name, kms_key, error, "kms:GenerateDataKeyWithoutPlaintext") from error
    for field, value in (("name", name), ("kms_key", str(key.kms_key)), ("wrapped_key", key.blob)):
        print(f"{field} = {json.dumps(value)}")


@app.command()
def decrypt(
    policy: Annotated[str, typer.Argument(help="The column policy: a file, or s3://BUCKET/KEY.")],
    column: Annotated[str, typer.Option("--column", help="Path of the column that the values come from.")],
    state: State = None,
) -> None:
    """Read encrypted values from standard input, one per line, and print each as a line of JSON.

    An empty line is a null. If a value cannot be decrypted, no value is printed.
    """
    services = _services(state)
    parsed = ColumnPolicy.parse(_text(policy, services), source=policy)
    if parsed.key is None:
        raise UsageError(
            policy, found="no wrapped_key", required="the policy that the values were encrypted with"
        )
    assert services.columns is not None  # noqa: S101 - the composition root makes it
    try:
        key = services.columns.open_key(parsed.key)
    except ServiceError as error:
        raise _no_key(parsed.name, str(parsed.key.kms_key), error, "kms:Decrypt") from error
    with StepProgress() as progress:
        progress("reading")
        lines = _with_progress(_lines(), progress)
        values = unseal(lines, data_key=key, policy=parsed.name, column=column)
    for value in values:
        print(json.dumps(value, ensure_ascii=False))


def _lines() -> Iterator[str | None]:
    try:
        for line in sys.stdin:
            yield line.rstrip("\r\n") or None
    except UnicodeDecodeError:
        raise UsageError(
            "the values", found="bytes that are not UTF-8", required="one value per line"
        ) from None


def _with_progress(lines: Iterable[str | None], progress: StepProgress) -> Iterator[str | None]:
    for number, line in enumerate(lines, 1):
        if number % _PROGRESS_INTERVAL == 0:
            progress(f"{number:,} values decrypted")
        yield line


def _text(location: str, services: Services) -> str:
    try:
        if "://" in location:
            body = services.objects.read(S3Uri.parse(location)).body
        else:
            body = Path(location).read_bytes()
        return body.decode()
    except (OSError, ServiceError, UnicodeDecodeError) as error:
        raise UsageError(location, found=str(error), required="a readable column policy") from error


def _services(state: Path | None) -> Services:
    use_embedded_account(state)
    return composition.services()


def _no_key(policy: str, kms_key: str, error: ServiceError, permission: str) -> VerificationError:
    fix = f"ask for {permission} on the key, with the encryption context {POLICY} = {policy}"
    if error.code in _MISMATCH:
        fix = "use name, kms_key and wrapped_key exactly as columns new-key printed together"
    return VerificationError(
        "GS-COL-002",
        resource=f"data key of column policy {policy}",
        found=str(error),
        required=f"an answer from {kms_key}",
        fix=fix,
        aws_code=error.code,
    )
