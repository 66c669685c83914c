"""Distribution of a small public file to the JVMs of the driver and the executors, under the same path.

Spark copies a file that was added to the context to each executor before its next task, also to executors
that start later, and places it in the executor's working directory, where a relative path finds it. So in a
cluster the driver's copy is placed in the driver's working directory. A local session has one JVM and uses an
absolute path.
https://spark.apache.org/docs/3.5.6/api/python/reference/api/pyspark.SparkContext.addFile.html
"""

from __future__ import annotations

import atexit
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from glue_secure.core.errors import VerificationError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOCAL_MASTER = re.compile(r"local(\[.*)?")


def has_one_jvm(spark: SparkSession) -> bool:
    """Return whether the driver's JVM runs the tasks (``local[*]``), so that there are no executors."""
    return _LOCAL_MASTER.fullmatch(str(spark.sparkContext.master)) is not None


def share_file(spark: SparkSession, name: str, content: bytes) -> str:
    """Copy ``content`` to the driver and every executor.

    Args:
        spark: a classic session, not Spark Connect.
        name: a file name that is unique for its content.
        content: the file's bytes; not secret.

    Returns:
        A path for JDBC options: absolute in a local session, otherwise relative to the working directory of
        each process.

    Raises:
        VerificationError: GS-TLS-012, the driver's working directory is not writable.
    """
    context = spark.sparkContext
    is_local = has_one_jvm(spark)
    working_directory = str(context._jvm.java.lang.System.getProperty("user.dir"))
    try:
        path = Path(tempfile.mkdtemp(prefix="glue-secure-") if is_local else working_directory) / name
        path.write_bytes(content)
    except OSError as error:
        raise VerificationError(
            "GS-TLS-012",
            resource=f"trust anchor {name}",
            found=f"the driver's working directory is not writable ({type(error).__name__})",
            required="a file with the CA certificate that the driver can read",
            fix="start the job in a directory that it can write to",
        ) from error
    atexit.register(_remove, path, os.getpid(), is_local)
    if is_local:
        return str(path)
    # The driver serves this file to executors as long as the session lasts.
    context.addFile(str(path))
    return name


def _remove(path: Path, process: int, with_directory: bool) -> None:
    if os.getpid() == process:  # not in a forked child
        path.unlink(missing_ok=True)
        if with_directory:
            with suppress(OSError):
                path.parent.rmdir()
