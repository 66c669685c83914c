"""What a job needs beside its script: files, modules, JARs, table formats and settings of its arguments."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.job_parameters import (
    ADDITIONAL_MODULES,
    CONF,
    DATALAKE_FORMATS,
    DRIVER_VARIABLES,
    EXECUTOR_VARIABLES,
    EXTRA_FILES,
    EXTRA_JARS,
    EXTRA_PY_FILES,
    INSTALLER_OPTION,
    USER_JARS_FIRST,
    require_python,
    separated,
)
from glue_secure.core.options import truth
from glue_secure.core.spark_arguments import PLUGINS, settings_of, with_plugin
from glue_secure.embedded import artifacts, python_modules, table_formats
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.clients import clients, error_code
from glue_secure.embedded.environment import requested_guard
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.spark_files import SERIAL_COLLECTOR, spark_defaults
from glue_secure.engines.spark.guard_jar import guard_jar

_DRIVER_PATH, _EXECUTOR_PATH = "spark.driver.extraClassPath", "spark.executor.extraClassPath"
# Settings that the embedded account needs. A job's own value is added to the account's.
_CLASS_PATHS = (_DRIVER_PATH, _EXECUTOR_PATH)
_JAVA_OPTIONS = ("spark.driver.extraJavaOptions", "spark.executor.extraJavaOptions")
_COLLECTOR = re.compile(r"-XX:\+Use\w+GC\b")
# NAME=value, or NAME="value with, commas"
_VARIABLE = re.compile(r'\s*(?P<name>[A-Za-z_]\w*)=(?:"(?P<quoted>[^"]*)"|(?P<plain>[^,"]*))\s*(?:,|\Z)')
# AWS's bucket of the modules for transforms of AWS Glue Studio, which jobs of Studio name.
_STUDIO_TRANSFORM = re.compile(r"s3://aws-glue-studio-transforms-\d{12}-prod-[a-z0-9-]+/gs_\w+\.py")
_MODULE_FILES = (".whl", ".zip", ".gz", ".txt", ".egg")


@dataclass(frozen=True, slots=True)
class SubmitOptions:
    """The options of spark-submit that ``glue-secure run`` has as well. Locations may be in S3.

    Attributes:
        packages: Maven coordinates, ``group:name:version``, which Spark resolves.
        jars: JARs.
        py_files: Python files and archives.
        files: files for the working directory of each executor.
        conf: settings, ``name=value``.
    """

    packages: tuple[str, ...] = ()
    jars: tuple[str, ...] = ()
    py_files: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    conf: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobFiles:
    """How a run gets what it needs beside its script.

    Attributes:
        options: options for spark-submit.
        python_path: entries for PYTHONPATH, first to last.
        environment: further environment variables. They may contain secrets.
        working_directory: a new folder with the extra files; None to run in the current directory.
        folder: temporary folder of the fetched files, to be removed after the run; None if there is none.
    """

    options: tuple[str, ...] = ()
    python_path: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    working_directory: Path | None = None
    folder: Path | None = None


def prepare(
    account: EmbeddedAccount,
    arguments: JobArguments,
    submit: SubmitOptions | None = None,
    *,
    progress: Callable[[str], None] | None = None,
) -> JobFiles:
    """Fetch and install what a job's arguments name.

    Args:
        account: a running embedded account, in which S3 locations are.
        arguments: the resolved arguments of the run.
        submit: options of the command line.
        progress: called with messages about the progress.

    Raises:
        UsageError: a file does not exist, a module cannot be installed, or an argument is invalid.
    """
    require_python(arguments)
    submit = submit or SubmitOptions()
    fetch = _Fetcher(account)
    try:
        return _prepare(account, arguments, submit, fetch, progress)
    except BaseException:
        fetch.remove()
        raise


def _prepare(
    account: EmbeddedAccount,
    arguments: JobArguments,
    submit: SubmitOptions,
    fetch: _Fetcher,
    progress: Callable[[str], None] | None,
) -> JobFiles:
    python_path = [
        *_python_path(fetch, EXTRA_PY_FILES, separated(arguments, EXTRA_PY_FILES)),
        *_python_path(fetch, "py-files", submit.py_files),
    ]
    modules = [
        fetch.local(ADDITIONAL_MODULES, name) if _is_file(name) else name
        for name in separated(arguments, ADDITIONAL_MODULES)
    ]
    if modules:
        options = python_modules.installer_options(arguments.get(INSTALLER_OPTION) or "")
        python_path.append(
            python_modules.install([str(name) for name in modules], options, progress=progress)
        )
    format_jars = _format_jars(account, _formats(arguments), progress)
    # This JAR has the Python package ``delta``.
    python_path += [jar for jar in format_jars if jar.name.startswith("delta-spark")]
    jars = [
        *(fetch.local(EXTRA_JARS, name) for name in separated(arguments, EXTRA_JARS)),
        *(fetch.local("jars", name) for name in submit.jars),
    ]
    files = [fetch.local("files", name) for name in submit.files]
    words = [*_spark_options(account, arguments, submit, jars, format_jars)]
    if files:
        words += ["--files", ",".join(str(path) for path in files)]
    if submit.packages:
        words += ["--packages", ",".join(submit.packages)]
        if ivy := os.environ.get(artifacts.IVY_SETTINGS_VARIABLE):
            words += ["--conf", f"spark.jars.ivySettings={ivy}"]
    return JobFiles(
        options=tuple(words),
        python_path=tuple(python_path),
        environment=_variables(arguments, DRIVER_VARIABLES),
        working_directory=_working_directory(fetch, separated(arguments, EXTRA_FILES)),
        folder=fetch.folder,
    )


def _spark_options(
    account: EmbeddedAccount,
    arguments: JobArguments,
    submit: SubmitOptions,
    jars: Sequence[Path],
    format_jars: Sequence[Path],
) -> list[str]:
    """Return ``--jars`` and ``--conf`` options. What the embedded account needs is in each of them."""
    given = settings_of(" --conf ".join([arguments.get(CONF) or "", *submit.conf]))
    formats = _formats(arguments)
    settings = {**table_formats.settings(formats), **given}
    for name, value in _variables(arguments, EXECUTOR_VARIABLES).items():
        settings[f"spark.executorEnv.{name}"] = value
    first = truth(f"--{USER_JARS_FIRST}", arguments.get(USER_JARS_FIRST) or "false")
    options = ["--jars", ",".join(str(jar) for jar in jars)] if jars else []
    if not settings and not first:
        return options
    guard = guard_jar() if requested_guard(os.environ) else None
    defaults = spark_defaults(account, guard)
    if format_jars or (jars and first) or any(name in given for name in _CLASS_PATHS):
        for name in _CLASS_PATHS:
            users = [given[name]] if name in given else []
            sparks = [defaults[name]] if first else [defaults[name], *users]
            before = [*map(str, jars), *users] if first else []
            path = table_formats.class_path(sparks, format_jars, installed_spark().line)
            settings[name] = os.pathsep.join([*before, path])
    for name in _JAVA_OPTIONS:
        if name in given:
            # Java does not start with two garbage collectors.
            own = (
                defaults[name].replace(SERIAL_COLLECTOR, "")
                if _COLLECTOR.search(given[name])
                else defaults[name]
            )
            settings[name] = f"{own} {given[name]}"
    if PLUGINS in given and guard is not None:
        settings |= settings_of(with_plugin(f"{PLUGINS}={given[PLUGINS]}", defaults[PLUGINS]))
    return [*options, *(word for name, value in settings.items() for word in ("--conf", f"{name}={value}"))]


def _formats(arguments: JobArguments) -> list[str]:
    return [name.lower() for name in separated(arguments, DATALAKE_FORMATS)]


def _format_jars(
    account: EmbeddedAccount, formats: Sequence[str], progress: Callable[[str], None] | None
) -> tuple[Path, ...]:
    if not formats:
        return ()
    wanted = table_formats.jars(formats, installed_spark().line)
    return artifacts.fetch(wanted, account.java_home, progress=progress)


def _python_path(fetch: _Fetcher, argument: str, locations: Sequence[str]) -> list[Path]:
    """Return entries for PYTHONPATH: a folder for each module and wheel, the files of other archives."""
    entries = []
    for location in locations:
        if _STUDIO_TRANSFORM.fullmatch(location):
            continue  # served by glue_secure.dynamicframe.studio_transforms
        file = fetch.local(argument, location)
        suffix = file.suffix.lower()
        if suffix == ".py":
            folder = fetch.new_folder()
            shutil.copy(file, folder / file.name)
            entries.append(folder)
        elif suffix == ".whl":
            # Unpacked, because modules in C cannot be imported from an archive.
            folder = fetch.new_folder()
            with _archive(argument, file) as archive:
                archive.extractall(folder)
            entries.append(folder)
        elif suffix in (".zip", ".egg"):
            _archive(argument, file).close()
            entries.append(file)
        else:
            raise UsageError(
                f"--{argument}", found=location, required="files that end with .py, .zip, .egg or .whl"
            )
    return entries


def _archive(argument: str, file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except zipfile.BadZipFile:
        raise UsageError(
            f"--{argument}", found=f"{file.name}, which is not a zip archive", required="a zip archive"
        ) from None


def _working_directory(fetch: _Fetcher, locations: Sequence[str]) -> Path | None:
    if not locations:
        return None
    folder = fetch.new_folder()
    for location in locations:
        file = fetch.local(EXTRA_FILES, location)
        shutil.copy(file, folder / file.name)
    return folder


def _variables(arguments: JobArguments, name: str) -> dict[str, str]:
    """Return the environment variables that an argument sets.

    Raises:
        UsageError: the value has another form.
    """
    text = (arguments.get(name) or "").strip()
    variables: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _VARIABLE.match(text, position)
        if match is None:
            raise UsageError(
                f"--{name}",
                found=f"an entry without a name or with unbalanced quotes at character {position + 1}",
                required='NAME=value,NAME="value with, commas"',
            )
        variables[match["name"]] = match["plain"] if match["quoted"] is None else match["quoted"]
        position = match.end()
    return variables


def _is_file(module: str) -> bool:
    """Return whether an additional module is a file: in S3, or a path with a separator or a known ending."""
    return module.startswith(("s3://", "s3a://", "/", "./", "../", "~")) or (
        module.endswith(_MODULE_FILES) and "://" not in module and "@" not in module
    )


class _Fetcher:
    """Copies objects of the embedded account into a temporary folder of the run."""

    def __init__(self, account: EmbeddedAccount) -> None:
        self._account = account
        self.folder: Path | None = None

    def new_folder(self) -> Path:
        """Return a new folder below the run's temporary folder."""
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="job-files-", dir=self._account.scratch))
        return Path(tempfile.mkdtemp(dir=self.folder))

    def local(self, argument: str, location: str) -> Path:
        """Return the absolute path of a local file, or of a copy of an object in S3.

        Raises:
            UsageError: there is no such file or object.
        """
        if not location.startswith(("s3://", "s3a://", "s3n://")):
            path = Path(location).expanduser().absolute()
            if not path.is_file():
                raise UsageError(
                    f"--{argument}", found=f"{location}: no such file", required="a file, or s3://BUCKET/KEY"
                )
            return path
        uri = S3Uri.parse(location)
        s3 = clients(self._account)("s3")
        try:
            body = s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"]
        except s3.exceptions.ClientError as error:
            if error_code(error) not in ("NoSuchKey", "NoSuchBucket"):
                raise
            raise UsageError(
                f"--{argument}",
                found=f"{location}, which does not exist in the embedded account",
                required="an object of the embedded account, or a local file",
                fix=f"pass the path of the local file: --{argument} {Path(uri.key).name}",
            ) from None
        path = self.new_folder() / Path(uri.key).name
        with path.open("wb") as file:
            shutil.copyfileobj(body, file)
        return path

    def remove(self) -> None:
        """Remove the folder."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def joined_path(entries: Iterable[Path], present: str) -> str:
    """Return a value of PYTHONPATH: the entries, then those that are present."""
    return os.pathsep.join([*(str(entry) for entry in entries), *([present] if present else [])])
