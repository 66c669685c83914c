"""Install the modules of ``--additional-python-modules`` with pip, into a cached folder.

As in Glue, pip installs what the environment lacks, or has in another version than the modules need. The
environment of the user does not change: pip first reports what it would install there, and these packages
are then installed into the folder. The folder is used again while modules, options, Python and the installed
packages are the same. It can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.core.job_parameters import ADDITIONAL_MODULES, INSTALLER_OPTION
from glue_secure.core.redaction import redact_text
from glue_secure.embedded.artifacts import sha256
from glue_secure.embedded.folders import cache_folder, locked

ZIP_OF_WHEELS = ".gluewheels.zip"
_REQUIREMENTS = ("-r", "--requirement")
# Options that would change the user's environment, or the target folder.
_REJECTED = re.compile(
    r"(-t|--target|--user|--prefix|--root|-e|--editable|--break-system-packages|--python|--report|--dry-run)"
    r"(=.*)?\Z"
)
_VARIABLES = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PYTHONPATH")


def installer_options(text: str) -> tuple[str, ...]:
    """Return the options of ``--python-modules-installer-option``.

    Raises:
        UsageError: an option would install elsewhere.
    """
    options = tuple(shlex.split(text))
    for option in options:
        if _REJECTED.match(option):
            raise UsageError(
                f"--{INSTALLER_OPTION}",
                found=option,
                required="options of pip install that do not set where it installs",
                fix=f"omit {option.partition('=')[0]}",
            )
    return options


def install(
    modules: Sequence[str],
    options: Sequence[str] = (),
    *,
    cache: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Return a folder for PYTHONPATH with the modules that the environment lacks.

    Args:
        modules: requirements (``pyjokes==0.6.0``), or paths of wheels, zips of wheels or requirements files.
        options: options of pip, from :func:`installer_options`.
        cache: folder of the cached folders; default: the user's.
        progress: called with messages about the progress.

    Raises:
        UsageError: pip could not find or install a module.
    """
    root = cache or cache_folder().with_name("python-modules")
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = root / _key(modules, options)
    report = progress or (lambda _: None)
    with locked(root, lambda: report("waiting for another process that installs Python modules")):
        if not folder.exists():
            report(f"installing Python modules, once: {', '.join(Path(name).name for name in modules)}")
            work = Path(tempfile.mkdtemp(prefix=".install-", dir=root))
            try:
                _install(modules, tuple(options), work)
                (work / "modules").rename(folder)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return folder


def _install(modules: Sequence[str], options: tuple[str, ...], work: Path) -> None:
    others = [option for option in options if option not in _REQUIREMENTS]
    by_file = any(option in _REQUIREMENTS for option in options)
    words: list[str] = []
    for module in modules:
        if module.endswith(ZIP_OF_WHEELS):
            wheels = _unpacked(module, work)
            others += ["--find-links", str(wheels)]
            words += ["--requirement", str(wheels / "requirements.txt")]
        else:
            words += [*(["--requirement"] if by_file else []), module]
    report = work / "report.json"
    _pip("install", "--dry-run", "--report", str(report), *others, *words)
    packages = json.loads(report.read_text(encoding="utf-8"))["install"]
    target = work / "modules"
    target.mkdir(mode=0o700)
    if packages:
        pins = work / "pins.txt"
        pins.write_text("".join(f"{line}\n" for line in _pins(packages)), encoding="utf-8")
        _pip("install", "--no-deps", "--target", str(target), *others, "--requirement", str(pins))


def _unpacked(archive: str, work: Path) -> Path:
    folder = Path(tempfile.mkdtemp(dir=work))
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    return folder / "wheels"


def _pins(packages: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a line of a requirements file for each package of pip's report, with hashes if all have one."""
    pins = []
    for package in packages:
        info, metadata = package["download_info"], package["metadata"]
        digest = info.get("archive_info", {}).get("hashes", {}).get("sha256", "")
        name = metadata["name"]
        is_direct = package["is_direct"]
        pins.append((f"{name} @ {info['url']}" if is_direct else f"{name}=={metadata['version']}", digest))
    if all(digest for _, digest in pins):
        return [f"{pin} --hash=sha256:{digest}" for pin, digest in pins]
    return [pin for pin, _ in pins]


def _pip(*words: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in _VARIABLES}
    done = subprocess.run(
        (sys.executable, "-m", "pip", *words, "--quiet", "--disable-pip-version-check", "--no-input"),
        env={**environment, "PIP_USER": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip()][-6:]
        raise UsageError(
            f"--{ADDITIONAL_MODULES}",
            found="pip failed: " + "\n            ".join(redact_text(line) for line in lines),
            required="modules that pip can install from an index, wheels, or a requirements file",
        )


def _key(modules: Sequence[str], options: Sequence[str]) -> str:
    digests = {name: sha256(Path(name)) for name in modules if Path(name).is_file()}
    facts = (
        [(Path(name).name, digests[name]) if name in digests else name for name in modules],
        list(options),
        [sys.version, sys.platform, sys.executable],
        sorted({f"{one.name}=={one.version}" for one in distributions()}),
    )
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
