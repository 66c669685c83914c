"""The jars of the embedded account: pinned, fetched once, checked before use.

They come from Maven Central through the Ivy that pyspark ships. Each one's SHA-256 stands
in ``jars.py``; what does not match is removed and refused. A full check of 280 MB takes a second,
so its result is kept beside the jar with the jar's size and time, and holds while both do. That
note guards against damage, not against somebody who can write to the user's own cache.
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

from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.embedded import pki
from glue_secure.embedded.folders import cache_folder, locked, write_private
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.jars import POSTGRES, Artifact

Progress = Callable[[str], None]

IVY_SETTINGS_VARIABLE = "GLUE_SECURE_IVY_SETTINGS"
"""Names an Ivy settings file, for a network that reaches a mirror instead of Maven Central."""


def postgres_jar(system: str | None = None, machine: str | None = None) -> Artifact:
    """PostgreSQL for a machine, this one by default.

    Raises:
        UsageError: there is no embedded account for such a machine.
    """
    system, machine = system or platform.system(), machine or platform.machine()
    known = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine.lower(), machine.lower())
    if system != "Linux" or known not in POSTGRES:
        raise UsageError(
            "the embedded account does not run on this machine",
            found=f"{system} on {machine}",
            required="Linux on x86_64 or aarch64",
            fix="run it in a Linux virtual machine, or use a real account",
        )
    return POSTGRES[known]


def fetch(
    artifacts: Sequence[Artifact],
    java_home: Path,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Return the artifacts' files in the order given, fetching what the cache lacks.

    Several processes may call this at once: one fetches, the others wait for it.

    Raises:
        GlueSecureError: Maven Central did not answer, or a file is not the one that was pinned.
    """
    say = progress or no_progress
    folder = cache or cache_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(folder, lambda: say("waiting for another process that fetches the jars")):
        missing = [a for a in artifacts if not (folder / a.file_name).exists()]
        if missing:
            _resolve(missing, folder, java_home, say)
        for artifact in artifacts:
            check(artifact, folder / artifact.file_name)
    return tuple(folder / a.file_name for a in artifacts)


def check(artifact: Artifact, file: Path) -> None:
    """Compare a file with its pinned digest, and remove it when it differs.

    Raises:
        GlueSecureError: it differs.
    """
    facts = file.stat()
    note = file.with_name(file.name + ".checked")
    expected_note = f"{artifact.sha256} {facts.st_size} {facts.st_mtime_ns}\n"
    with suppress(OSError):
        if note.read_text(encoding="ascii", errors="replace") == expected_note:
            return
    found = _sha256(file)
    if found != artifact.sha256:
        file.unlink(missing_ok=True)
        note.unlink(missing_ok=True)
        raise GlueSecureError(
            f"{file.name} is not the file that glue-secure pins; it was removed\n"
            f"  found:    SHA-256 {found}\n"
            f"  required: SHA-256 {artifact.sha256}\n"
            f"  fix:      run the command again; if it comes back, find out who changes {artifact.group}:"
            f"{artifact.name}:{artifact.version} on its way here"
        )
    write_private(note, expected_note)


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _resolve(missing: Sequence[Artifact], folder: Path, java_home: Path, say: Progress) -> None:
    # The work folder lies in the cache, so that the last step is a rename inside one file system.
    work = Path(tempfile.mkdtemp(prefix=".resolve-", dir=folder))
    try:
        (work / "ivy.xml").write_text(ivy_module(missing), encoding="utf-8")
        pki.write_trust_store(work / "roots.p12", pki.system_roots())
        _run_ivy(work, java_home, sum(a.size for a in missing), say)
        for artifact in missing:
            arrived = work / "got" / artifact.file_name
            if not arrived.exists():
                raise _unresolved(work, f"Ivy ended well but brought no {artifact.file_name}")
            check(artifact, arrived)
            # A rename keeps size and time, so the note stays true.
            arrived.with_name(arrived.name + ".checked").replace(folder / f"{artifact.file_name}.checked")
            arrived.replace(folder / artifact.file_name)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def ivy_module(artifacts: Sequence[Artifact]) -> str:
    """The ``ivy.xml`` that asks for these artifacts and for nothing they depend on."""
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


def _run_ivy(work: Path, java_home: Path, total: int, say: Progress) -> None:
    command: list[str | Path] = [
        java_home / "bin" / "java",
        f"-Divy.default.ivy.user.dir={work / 'ivy'}",
        f"-Djavax.net.ssl.trustStore={work / 'roots.p12'}",
        f"-Djavax.net.ssl.trustStorePassword={pki.TRUST_STORE_PASSWORD}",
        *proxy_options(os.environ),
        *("-cp", installed_spark().bundled_jar("ivy-*.jar"), "org.apache.ivy.Main"),
        *("-cache", work / "ivy-cache", "-ivy", work / "ivy.xml", "-confs", "default"),
        *("-retrieve", f"{work / 'got'}/[artifact]-[revision](-[classifier]).[ext]"),
    ]
    if settings := os.environ.get(IVY_SETTINGS_VARIABLE, ""):
        command += ["-settings", settings]
    said = -1
    with (work / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=work)
        try:
            while process.poll() is None:
                time.sleep(0.5)
                arrived = _megabytes(min(_arrived(work), total))
                if arrived != said:
                    say(f"fetching jars, once: {arrived} of {_megabytes(total)} MB")
                    said = arrived
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode != 0:
        raise _unresolved(work, f"Ivy ended with code {process.returncode}")


def _unresolved(work: Path, what: str) -> GlueSecureError:
    lines = (work / "log").read_text(encoding="utf-8", errors="replace").splitlines()
    told = [line for line in lines if line.strip() and not set(line.strip()) <= set(".()kB0123456789 ")]
    return GlueSecureError(
        f"the jars of the embedded account could not be fetched: {what}\n"
        + "".join(f"    {line}\n" for line in told[-15:])
        + f"  required: Maven Central, or a mirror named by an Ivy settings file in {IVY_SETTINGS_VARIABLE}"
    )


def _arrived(work: Path) -> int:
    size = 0
    for file in (work / "ivy-cache").rglob("*.jar*"):
        with suppress(OSError):
            size += file.stat().st_size
    return size


def proxy_options(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The JVM's proxy options for ``https_proxy``, which the JVM does not read by itself."""
    named = environment.get("https_proxy") or environment.get("HTTPS_PROXY") or ""
    parts = urlsplit(named if "//" in named else f"//{named}")
    if not parts.hostname:
        return ()
    return (f"-Dhttps.proxyHost={parts.hostname}", f"-Dhttps.proxyPort={parts.port or 80}")


def _megabytes(size: int) -> int:
    return round(size / 1_000_000)


def no_progress(_: str) -> None:
    """Progress that nobody asked for."""
