"""Bypass attempts in a Spark session of another process, with the request guard or without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glue_secure.embedded.environment import REQUEST_GUARD_VARIABLE, overlay

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from glue_secure.embedded.account import EmbeddedAccount

ROOT = Path(__file__).parents[2]
_MODULES = os.pathsep.join(str(ROOT / folder) for folder in ("", "tests/support", "tools"))


def results_of(
    program: str,
    arguments: Sequence[str],
    account: EmbeddedAccount,
    folder: Path,
    *,
    guarded: bool,
    master: str = "local[2]",
    timeout: int = 550,
) -> dict[str, dict[str, Any]]:
    """Run a program of ``tests/bypass`` that prints a JSON object for each attempt; return these by name.

    Args:
        program: the file.
        arguments: the program's arguments: the names of the attempts, last.
        account: a running account.
        folder: the working directory of the program.
        guarded: load the request guard into Spark.
        master: Spark's master.
        timeout: seconds after which the program is ended.
    """
    environment = {**os.environ, REQUEST_GUARD_VARIABLE: "on" if guarded else "off"}
    output, errors = folder / "results.jsonl", folder / "errors.txt"
    with output.open("w") as results, errors.open("w") as log:
        done = subprocess.run(
            [sys.executable, str(ROOT / "tests" / "bypass" / program), *arguments],
            env=overlay(environment, account, master=master) | {"PYTHONPATH": _MODULES},
            cwd=folder,
            stdout=results,
            stderr=log,
            timeout=timeout,
        )
    assert done.returncode == 0, errors.read_text(errors="replace")[-4000:]
    lines = (line for line in output.read_text().splitlines() if line.startswith('{"name"'))
    return {result["name"]: result for result in map(json.loads, lines)}


def account_of_the_environment() -> EmbeddedAccount:
    """Return the running account that the environment names."""
    from glue_secure.embedded.account import EmbeddedAccount

    return EmbeddedAccount.load(Path(os.environ["GLUE_SECURE_LOCAL_STATE"]))


def session_with(settings: Mapping[str, str]) -> SparkSession:
    """Return a new session with further settings."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("bypass attempts")
    for name, text in settings.items():
        builder = builder.config(name, text)
    return builder.getOrCreate()
