"""Which runtime serves the doors: asked here, and nowhere else.

``GLUE_SECURE_RUNTIME=spark`` is the plain-Spark runtime. ``glue``, or no such variable where awsglue is
installed, is the awsglue runtime. A failed import never chooses one: awsglue that is there and does not
load is an error, and so is neither of the two. ``--glue-secure-bookmarks portable`` gives a job in Glue the
plain-Spark runtime's context and frames, whose bookmarks are this project's, on Glue's session.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError

RUNTIME = "GLUE_SECURE_RUNTIME"
SPARK, GLUE = "spark", "glue"


def runtime(environ: Mapping[str, str] | None = None) -> str:
    """``spark`` or ``glue``.

    Raises:
        UsageError: the variable names neither, or awsglue is asked for and not installed.
    """
    chosen = (os.environ if environ is None else environ).get(RUNTIME, "")
    if chosen == SPARK:
        return SPARK
    if chosen in ("", GLUE) and find_spec("awsglue") is not None:
        return GLUE
    raise UsageError(
        RUNTIME,
        found=f"{chosen!r}, and no awsglue to import"
        if chosen == GLUE
        else repr(chosen)
        if chosen
        else "not set, and no awsglue to import",
        required="spark (the plain-Spark runtime), or glue where awsglue is (AWS Glue, its container)",
        fix=f"export {RUNTIME}=spark, or start the script with: glue-secure run SCRIPT",
    )


def doors() -> str:
    """Whose context and frames the doors hand out; raises as :func:`runtime` does."""
    chosen = runtime()
    return SPARK if JobArguments.parse(sys.argv).keeps_bookmarks() else chosen


def serve(door: str, name: str, homes: Mapping[str, Mapping[str, str]]) -> Any:
    """The object that a door hands out under ``name``.

    Args:
        door: the door's module name, for messages.
        name: what was asked for.
        homes: ``spark`` and ``glue`` → public name → module that defines it.

    Raises:
        AttributeError: no such name at this door.
        UsageError: the runtime in force does not offer it, or there is none.
    """
    if not any(name in home for home in homes.values()):
        raise AttributeError(f"module {door!r} has no attribute {name!r}")
    chosen = doors()
    if name not in homes[chosen]:
        raise UsageError(
            f"{door}.{name}",
            found=f"{RUNTIME}={chosen}",
            required=" or ".join(one for one in homes if name in homes[one]),
            fix="docs/differences-from-glue.md tells what each runtime offers",
        )
    return getattr(import_module(homes[chosen][name]), name)
