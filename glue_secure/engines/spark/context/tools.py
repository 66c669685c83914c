"""The small calls of GlueContext that neither read nor write."""

from __future__ import annotations

import time
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.engines.spark.context.logger import GlueLogger


class Tools:
    """The part of GlueContext that is no data."""

    def get_logger(self) -> GlueLogger:
        """A logger with Glue's methods; see :class:`GlueLogger`."""
        return GlueLogger()

    def currentTimeMillis(self) -> int:
        """Milliseconds since 1970."""
        return round(time.time() * 1000)

    def convert_resolve_option(self, path: str, action: str, target: Any) -> tuple[str, str]:
        """A spec for ``resolveChoice``: ``(path, "make_struct")`` or ``(path, "project:TYPE")``.

        Glue gives an object of its JVM; here it is what ``resolveChoice(specs=[...])`` takes.

        Args:
            path: the field.
            action: ``KeepAsStruct`` or ``Project``, in any letter case.
            target: for ``Project``, a type of :mod:`glue_secure.gluetypes`.
        """
        wanted = str(action).upper()
        if wanted == "KEEPASSTRUCT":
            return path, "make_struct"
        if wanted != "PROJECT":
            raise UsageError("a resolve action", found=repr(action), required="KeepAsStruct, Project")
        if not callable(getattr(target, "typeName", None)):
            raise UsageError(
                "the target of action Project", found=type(target).__name__, required="a type of gluetypes"
            )
        return path, f"project:{target.typeName()}"
