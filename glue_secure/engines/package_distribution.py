"""Distribution of this package to the executors if the driver imported it from a wheel.

Spark puts a ``.whl`` of ``--py-files`` (in Glue: ``--extra-py-files``) on the driver's path only: executors
load the extensions in ``SparkContext.PACKAGE_EXTENSIONS``, and ``.whl`` is not among them. A wheel is a zip
archive, so a copy with the extension ``.zip`` works. Dependencies (boto3, the AWS Encryption SDK,
cryptography) are used on the driver only and must be installed there.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
import threading
import zipimport
from pathlib import Path
from typing import TYPE_CHECKING

import glue_secure

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PACKAGE_EXTENSIONS = (".zip", ".egg", ".jar")
"""Spark's own ``SparkContext.PACKAGE_EXTENSIONS``: it distributes these archives itself."""

_lock = threading.Lock()
_applications: set[str] = set()
_copy: Path | None = None


def wheel_archive() -> Path | None:
    """Return the archive that this package was imported from; None if Spark distributes it or if none."""
    spec = glue_secure.__spec__
    loader = spec.loader if spec is not None else None
    if not isinstance(loader, zipimport.zipimporter):
        return None
    archive = Path(loader.archive)
    return None if archive.suffix in PACKAGE_EXTENSIONS else archive


def ship_package(spark: SparkSession) -> bool:
    """Distribute this package to the session's executors, once per application.

    Call it before Python functions are created for the executors: they carry the list of files of that time.

    Args:
        spark: a classic session; Spark Connect has no Spark context.

    Returns:
        Whether the package was distributed now.
    """
    archive = wheel_archive()
    if archive is None:
        return False
    context = spark.sparkContext
    with _lock:
        if context.applicationId in _applications:
            return False
        context.addPyFile(str(_zip_of(archive)))
        _applications.add(context.applicationId)
    return True


def _zip_of(archive: Path) -> Path:
    """Return a private copy of the archive with the extension ``.zip``.

    It exists until this process ends, for executors that start late.
    """
    global _copy
    if _copy is None:
        content = archive.read_bytes()
        directory = Path(tempfile.mkdtemp(prefix="glue-secure-"))
        atexit.register(_remove, directory, os.getpid())
        _copy = directory / f"glue_secure-{hashlib.sha256(content).hexdigest()[:16]}.zip"
        _copy.write_bytes(content)
    return _copy


def _remove(directory: Path, process: int) -> None:
    if os.getpid() == process:  # not in a forked child
        shutil.rmtree(directory, ignore_errors=True)
