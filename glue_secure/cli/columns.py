"""The commands ``columns new-key|decrypt``: a data key for a policy, and sealed values back in the clear."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console
from rich.status import Status

from glue_secure.cli.printing import enter
from glue_secure.columns.policy import ColumnPolicy
from glue_secure.columns.sealing import unseal
from glue_secure.core.columns import POLICY
from glue_secure.core.errors import UsageError, VerificationError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.ports import Services
from glue_secure.core.service import ServiceError

app = typer.Typer(help="Column policies: a new data key, and sealed values decrypted.", no_args_is_help=True)

_SHOWN_EVERY = 10_000
# KMS's answers where key, ciphertext and context do not belong together.
_ANOTHER = ("InvalidCiphertextException", "IncorrectKeyException", "KeyMismatch")

State = Annotated[Optional[Path], typer.Option("--state", help="Use the embedded account of that folder.")]  # noqa: UP045 - typer reads 3.10


@app.command("new-key")
def new_key(
    name: Annotated[str, typer.Argument(help="The policy's name; it is bound into the key.")],
    kms_key: Annotated[str, typer.Option("--kms-key", help="ARN of the KMS key that wraps it.")],
    state: State = None,
) -> None:
    """Print the lines of a new data key for a policy. Nobody sees the key in the clear."""
    from glue_secure.aws.columns import ColumnSource

    source = _services(state).columns
    assert isinstance(source, ColumnSource)  # noqa: S101 - what the composition root makes
    try:
        made = source.new_key(KmsKeyArn.parse(kms_key), name)
    except ServiceError as error:
        raise _no_key(name, kms_key, error, "kms:GenerateDataKeyWithoutPlaintext") from error
    for field, value in (("name", name), ("kms_key", str(made.kms_key)), ("wrapped_key", made.blob)):
        print(f"{field} = {json.dumps(value)}")


@app.command()
def decrypt(
    policy: Annotated[str, typer.Argument(help="The column policy: a file, or s3://BUCKET/KEY.")],
    column: Annotated[str, typer.Option("--column", help="Path of the column that the values are from.")],
    state: State = None,
) -> None:
    """Read sealed values, one a line (an empty line is a null), and print each as a line of JSON.

    All of them open, or none is printed.
    """
    services = _services(state)
    read = ColumnPolicy.parse(_text(policy, services), source=policy)
    if read.key is None:
        raise UsageError(policy, found="no wrapped_key", required="the policy that sealed the values")
    assert services.columns is not None  # noqa: S101 - the composition root makes it
    try:
        key = services.columns.open_key(read.key)
    except ServiceError as error:
        raise _no_key(read.name, str(read.key.kms_key), error, "kms:Decrypt") from error
    console = Console(stderr=True, highlight=False)
    with console.status("reading") if console.is_terminal else nullcontext() as shown:
        lines = _counted(_lines(), shown)
        opened = unseal(lines, data_key=key, policy=read.name, column=column)
    for value in opened:
        print(json.dumps(value, ensure_ascii=False))


def _lines() -> Iterator[str | None]:
    try:
        for line in sys.stdin:
            yield line.rstrip("\r\n") or None
    except UnicodeDecodeError:
        raise UsageError("the values", found="bytes that are not UTF-8", required="one a line") from None


def _counted(lines: Iterable[str | None], shown: Status | None) -> Iterator[str | None]:
    for number, line in enumerate(lines, 1):
        if shown is not None and number % _SHOWN_EVERY == 0:
            shown.update(f"{number:,} values opened")
        yield line


def _text(place: str, services: Services) -> str:
    try:
        body = services.objects.read(S3Uri.parse(place)).body if "://" in place else Path(place).read_bytes()
        return body.decode()
    except (OSError, ServiceError, UnicodeDecodeError) as error:
        raise UsageError(place, found=str(error), required="a column policy that can be read") from error


def _services(state: Path | None) -> Services:
    from glue_secure.run import composition

    if state is not None:
        enter(state)
    return composition.services()


def _no_key(policy: str, kms_key: str, error: ServiceError, permission: str) -> VerificationError:
    fix = f"ask for {permission} on the key, with the encryption context {POLICY} = {policy}"
    if error.code in _ANOTHER:
        fix = "see that name, kms_key and wrapped_key are those that columns new-key printed together"
    return VerificationError(
        "GS-COL-002",
        resource=f"data key of column policy {policy}",
        found=str(error),
        required=f"an answer of {kms_key}",
        fix=fix,
        aws_code=error.code,
    )
