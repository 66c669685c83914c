"""Detect a script in which one import of awsglue was not changed."""

from __future__ import annotations

import sys

from glue_secure.core.errors import UsageError


def reject_call_of_awsglue(attribute: str) -> None:
    """Raise UsageError if code of awsglue requests a private attribute of glue-secure's GlueContext.

    awsglue's own classes use the JVM of AWS Glue through such attributes. In plain Spark it does not exist.
    """
    frame = sys._getframe(2)
    module = str(frame.f_globals.get("__name__", ""))
    if module.partition(".")[0] == "awsglue":
        raise UsageError(
            f"{module} with glue-secure's GlueContext",
            found=f"awsglue's own {frame.f_code.co_name}, which uses {attribute} of AWS Glue's JVM",
            required="glue-secure's class of that name",
            fix=f"import it from glue_secure{module.removeprefix('awsglue')}, or change no import and run: "
            "glue-secure run --as-awsglue SCRIPT",
        )
