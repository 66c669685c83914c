"""The package sends itself to the executors when the driver imported it from a wheel.

Spark puts a ``.whl`` of ``--py-files`` (and so Glue's ``--extra-py-files``) on the driver's path alone:
executors load what ends in ``SparkContext.PACKAGE_EXTENSIONS``, which a wheel does not. A wheel is a zip
archive, so a copy under that name serves. Only this package travels: what it depends on (boto3, the AWS
Encryption SDK, cryptography) is used on the driver, and has to be installed there.
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
from typing import Any

import glue_secure

SPARKS_OWN = (".zip", ".egg", ".jar")
"""``SparkContext.PACKAGE_EXTENSIONS``: Spark brings these to the executors itself."""

_lock = threading.Lock()
_shipped: set[str] = set()
_copy: Path | None = None


def wheel_archive() -> Path | None:
    """The archive that this package was imported from, when Spark does not bring it to the executors."""
    spec = glue_secure.__spec__
    loader = spec.loader if spec is not None else None
    if not isinstance(loader, zipimport.zipimporter):
        return None
    archive = Path(loader.archive)
    return None if archive.suffix in SPARKS_OWN else archive


def ship_package(spark: Any) -> bool:
    """Give the session's executors this package; whether there was anything to do.

    Functions made before this call may have noted an older list of files, so it comes first: when a
    context or a run is made. A second call for the same application does nothing.

    Args:
        spark: a classic session (``pyspark.sql.SparkSession``); Spark Connect has no Spark context.
    """
    archive = wheel_archive()
    if archive is None:
        return False
    context = spark.sparkContext
    with _lock:
        if context.applicationId in _shipped:
            return False
        context.addPyFile(str(_zip_of(archive)))
        _shipped.add(context.applicationId)
    return True


def _zip_of(archive: Path) -> Path:
    """A private copy with a name that Spark takes; it lasts as long as this process, for late executors."""
    global _copy
    if _copy is None:
        content = archive.read_bytes()
        folder = Path(tempfile.mkdtemp(prefix="glue-secure-"))
        atexit.register(_remove, folder, os.getpid())
        _copy = folder / f"glue_secure-{hashlib.sha256(content).hexdigest()[:16]}.zip"
        _copy.write_bytes(content)
    return _copy


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # not in a forked child
        shutil.rmtree(folder, ignore_errors=True)
