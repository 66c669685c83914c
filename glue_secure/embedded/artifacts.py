"""Fetch the pinned JARs of the embedded account once, and check them before use.

The JARs come from Maven Central through the Ivy in pyspark. ``jars.py`` has the SHA-256 of each; a file with
another digest is removed and rejected. Hashing 280 MB takes a second, so the result is stored beside the JAR
together with the JAR's size and modification time, and is valid while both are unchanged. This protects
against damaged files, not against an attacker who can write to the user's cache.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

from glue_secure.connections.tls import trust_store
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.embedded import pki
from glue_secure.embedded.folders import cache_folder, locked, write_private
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.jars import POSTGRES, Artifact

Progress = Callable[[str], None]

IVY_SETTINGS_VARIABLE = "GLUE_SECURE_IVY_SETTINGS"
"""Variable with the path of an Ivy settings file, for networks that use a mirror of Maven Central."""


def postgres_jar(system: str | None = None, machine: str | None = None) -> Artifact:
    """Return the PostgreSQL for an operating system and machine; default: this machine.

    Raises:
        UsageError: there is no PostgreSQL for this machine.
    """
    system, machine = system or platform.system(), machine or platform.machine()
    architecture = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine.lower(), machine.lower())
    if system != "Linux" or architecture not in POSTGRES:
        raise UsageError(
            "the embedded account does not run on this machine",
            found=f"{system} on {machine}",
            required="Linux on x86_64 or aarch64",
            fix="run it in a Linux virtual machine, or use a real account",
        )
    return POSTGRES[architecture]


def fetch(
    artifacts: Sequence[Artifact],
    java_home: Path,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Return the artifacts' files in the order of ``artifacts``, after fetching those missing in the cache.

    Several processes can call this at the same time: the first fetches, the others wait.

    Raises:
        GlueSecureError: Maven Central did not respond, or a file does not have the pinned digest.
    """
    report = progress or no_progress
    folder = cache or cache_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(folder, lambda: report("waiting for another process that fetches the JARs")):
        missing = [a for a in artifacts if not (folder / a.file_name).exists()]
        if missing:
            _resolve(missing, folder, java_home, report)
        for artifact in artifacts:
            check(artifact, folder / artifact.file_name)
    return tuple(folder / a.file_name for a in artifacts)


def check(artifact: Artifact, file: Path) -> None:
    """Compare a file with its pinned digest, and remove it if the digest differs.

    Raises:
        GlueSecureError: the digest differs.
    """
    status = file.stat()
    result_file = file.with_name(file.name + ".checked")
    result = f"{artifact.sha256} {status.st_size} {status.st_mtime_ns}\n"
    with suppress(OSError):
        if result_file.read_text(encoding="ascii", errors="replace") == result:
            return
    digest = sha256(file)
    if digest != artifact.sha256:
        file.unlink(missing_ok=True)
        result_file.unlink(missing_ok=True)
        raise GlueSecureError(
            f"{file.name} does not have the SHA-256 that glue-secure pins; it was removed\n"
            f"  found:    SHA-256 {digest}\n"
            f"  required: SHA-256 {artifact.sha256}\n"
            f"  fix:      run the command again; if the error persists, check which proxy or mirror serves "
            f"another {artifact.group}:{artifact.name}:{artifact.version}"
        )
    write_private(result_file, result)


def sha256(file: Path) -> str:
    """Return the digest of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _resolve(missing: Sequence[Artifact], folder: Path, java_home: Path, report: Progress) -> None:
    # The work folder is inside the cache, so that the last step is a rename within one file system.
    work = Path(tempfile.mkdtemp(prefix=".resolve-", dir=folder))
    try:
        (work / "ivy.xml").write_text(ivy_module(missing), encoding="utf-8")
        pki.write_trust_store(work / "roots.p12", pki.system_roots())
        _run_ivy(work, java_home, sum(a.size for a in missing), report)
        for artifact in missing:
            file = work / "retrieved" / artifact.file_name
            if not file.exists():
                raise _unresolved(work, f"Ivy succeeded but did not retrieve {artifact.file_name}")
            check(artifact, file)
            # A rename does not change size and modification time, so the stored result stays valid.
            file.with_name(file.name + ".checked").replace(folder / f"{artifact.file_name}.checked")
            file.replace(folder / artifact.file_name)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def ivy_module(artifacts: Sequence[Artifact]) -> str:
    """Return an ``ivy.xml`` that requests these artifacts without their dependencies."""
    dependencies = "\n".join(
        f"    <dependency org={quoteattr(a.group)} name={quoteattr(a.name)} rev={quoteattr(a.version)}"
        + (
            f' transitive="false"><artifact name={quoteattr(a.name)} type="jar" ext="jar"'
            f" m:classifier={quoteattr(a.classifier)}/></dependency>"
            if a.classifier
            else ' transitive="false"/>'
        )
        for a in artifacts
    )
    return (
        '<ivy-module version="2.0" xmlns:m="http://ant.apache.org/ivy/extra">\n'
        '  <info organisation="glue-secure" module="local"/>\n'
        '  <configurations defaultconfmapping="*->default,master()"><conf name="default"/></configurations>\n'
        f"  <dependencies>\n{dependencies}\n  </dependencies>\n</ivy-module>\n"
    )


def _run_ivy(work: Path, java_home: Path, total: int, report: Progress) -> None:
    command: list[str | Path] = [
        java_home / "bin" / "java",
        f"-Divy.default.ivy.user.dir={work / 'ivy'}",
        f"-Djavax.net.ssl.trustStore={work / 'roots.p12'}",
        f"-Djavax.net.ssl.trustStorePassword={trust_store.PASSWORD}",
        *proxy_options(os.environ),
        *("-cp", installed_spark().bundled_jar("ivy-*.jar"), "org.apache.ivy.Main"),
        *("-cache", work / "ivy-cache", "-ivy", work / "ivy.xml", "-confs", "default"),
        *("-retrieve", f"{work / 'retrieved'}/[artifact]-[revision](-[classifier]).[ext]"),
    ]
    if settings := os.environ.get(IVY_SETTINGS_VARIABLE, ""):
        command += ["-settings", settings]
    reported = -1
    with (work / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=work)
        try:
            while process.poll() is None:
                time.sleep(0.5)
                fetched = _megabytes(min(_fetched_bytes(work), total))
                if fetched != reported:
                    report(f"fetching JARs, once: {fetched} of {_megabytes(total)} MB")
                    reported = fetched
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode != 0:
        raise _unresolved(work, f"Ivy ended with code {process.returncode}")


def _unresolved(work: Path, reason: str) -> GlueSecureError:
    lines = (work / "log").read_text(encoding="utf-8", errors="replace").splitlines()
    messages = [line for line in lines if line.strip() and not set(line.strip()) <= set(".()kB0123456789 ")]
    return GlueSecureError(
        f"the JARs of the embedded account could not be fetched: {reason}\n"
        + "".join(f"    {line}\n" for line in messages[-15:])
        + "  required: access to Maven Central, or to a mirror\n"
        + f"  fix:      for a mirror, set {IVY_SETTINGS_VARIABLE} to the path of an Ivy settings file"
    )


def _fetched_bytes(work: Path) -> int:
    size = 0
    for file in (work / "ivy-cache").rglob("*.jar*"):
        with suppress(OSError):
            size += file.stat().st_size
    return size


def proxy_options(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return JVM options for the proxy in ``https_proxy``, because the JVM does not read the variable."""
    proxy = environment.get("https_proxy") or environment.get("HTTPS_PROXY") or ""
    parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    if not parts.hostname:
        return ()
    return (f"-Dhttps.proxyHost={parts.hostname}", f"-Dhttps.proxyPort={parts.port or 80}")


def _megabytes(size: int) -> int:
    return round(size / 1_000_000)


def no_progress(_: str) -> None:
    """Discard a progress message."""
