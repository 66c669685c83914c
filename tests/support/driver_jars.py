"""JAR files that state the version of a driver as its own JAR does."""

from __future__ import annotations

import tempfile
import zipfile
from functools import cache
from pathlib import Path

from glue_secure.connections.engines.engine import DatabaseEngine
from glue_secure.connections.engines.registry import ENGINES


def write_jar(path: Path, **entries: str) -> Path:
    """Write a JAR; ``__`` in a name stands for ``/`` and is not needed for a manifest."""
    with zipfile.ZipFile(path, "w") as jar:
        for name, text in entries.items():
            jar.writestr("META-INF/MANIFEST.MF" if name == "manifest" else name.replace("__", "/"), text)
    return path


def driver_jar(engine: DatabaseEngine, folder: Path, version: str = "") -> Path:
    """Write a JAR with the metadata of the engine's driver; default: the version that errors recommend."""
    release = engine.driver_release
    version = version or release.recommended
    path = folder / f"{engine.name}-{version}.jar"
    if release.properties_file:
        return write_jar(path, **{release.properties_file: f"version={version}\n"})
    titles = {
        "postgresql": ("Implementation-Title: PostgreSQL JDBC Driver", "Implementation-Version"),
        "mysql": ("Implementation-Title: MySQL Connector/J", "Implementation-Version"),
        "mariadb": ("Bundle-SymbolicName: mariadb-java-client", "Bundle-Version"),
        "sqlserver": ("Bundle-SymbolicName: com.microsoft.sqlserver.mssql-jdbc", "Bundle-Version"),
        "oracle": ("Implementation-Vendor: Oracle Corporation", "Implementation-Version"),
    }
    title, header = titles[engine.name]
    return write_jar(path, manifest=f"Manifest-Version: 1.0\n{title}\n{header}: {version}\n")


@cache
def recommended_jar(class_name: str) -> Path | None:
    """Return a JAR of the driver with that class, in the version that errors recommend."""
    engine = next((engine for engine in ENGINES if engine.driver == class_name), None)
    return driver_jar(engine, Path(tempfile.mkdtemp(prefix="glue-secure-drivers-"))) if engine else None
