"""A small public file that the JVM of the driver and of every executor reads under one and the same path.

Spark brings a file that was added to the context to each executor before its next task, those that start
later too, and puts it into the executor's working folder: a relative path leads there. So in a cluster the
driver's own goes into the driver's working folder. A local session has one JVM, and one absolute path.
https://spark.apache.org/docs/3.5.6/api/python/reference/api/pyspark.SparkContext.addFile.html
"""

from __future__ import annotations

import atexit
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from glue_secure.core.errors import VerificationError

_LOCAL = re.compile(r"local(\[.*)?")


def share_file(spark: Any, name: str, content: bytes) -> str:
    """Place ``content`` under ``name``, which no other content may bear.

    Args:
        spark: a classic session.
        name: a file's name, made of what is in it.
        content: nothing secret.

    Returns:
        A path for JDBC options: absolute in a local session, else relative to each process's working folder.

    Raises:
        VerificationError: GS-TLS-012, the driver's working folder cannot be written to.
    """
    context = spark.sparkContext
    local = _LOCAL.fullmatch(str(context.master)) is not None
    folder = str(context._jvm.java.lang.System.getProperty("user.dir"))
    try:
        place = Path(tempfile.mkdtemp(prefix="glue-secure-") if local else folder) / name
        place.write_bytes(content)
    except OSError as error:
        raise VerificationError(
            "GS-TLS-012",
            resource=f"trust anchor {name}",
            found=f"the driver's folder cannot be written to ({type(error).__name__})",
            required="a file with the authority's certificate where the driver reads it",
            fix="start the job in a folder that it can write to",
        ) from error
    atexit.register(_remove, place, os.getpid(), local)
    if local:
        return str(place)
    # The driver serves this very file to executors as long as the session lasts.
    context.addFile(str(place))
    return name


def _remove(place: Path, owner: int, with_folder: bool) -> None:
    if os.getpid() == owner:  # not in a forked child
        place.unlink(missing_ok=True)
        if with_folder:
            with suppress(OSError):
                place.parent.rmdir()
