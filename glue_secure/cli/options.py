"""Options that several commands take, worded once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

State = Annotated[Optional[Path], typer.Option("--state", help="Use the embedded account of that folder.")]  # noqa: UP045 - typer reads 3.10
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
