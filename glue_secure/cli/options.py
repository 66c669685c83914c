"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        help="Use the embedded account with this state folder. Default: GLUE_SECURE_LOCAL_STATE.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
Environment = Annotated[
    str, typer.Option("--environment", help="Use the keys of [environments.NAME] of the project file.")
]
ProjectFile = Annotated[Path, typer.Option("--project", help="The project file.")]
