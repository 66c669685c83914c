"""A deployed job as a project's script and entry of the project file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glue_secure.core.arguments import DECISIVE, JobArguments, without_dashes
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.project.project_file import FIXED_ARGUMENTS, WORKER_TYPES, read_text
from glue_secure.project.versions import GLUE_VERSIONS

_VERSIONS = tuple(version.name for version in GLUE_VERSIONS if version.takes_zip_of_wheels)
_BOOKMARKS = "job-bookmark-option"


@dataclass(frozen=True, slots=True)
class PulledJob:
    """What a project needs of a job's definition.

    Attributes:
        name: of the job.
        script: location of its script.
        command: ``glueetl``, ``gluestreaming`` or ``pythonshell``.
        arguments: default and non-overridable arguments of the script, without ``--``; none is a secret.
        secrets: names of the arguments that contain a secret.
        others: names of the arguments that the account or the project sets.
        glue: version of Glue.
        worker_type: type of the workers, or "".
        workers: their number, or 0.
        timeout: in minutes, or 0.
        bookmark: whether bookmarks are enabled.
        connections: names of its connections.
    """

    name: str
    script: S3Uri
    command: str
    arguments: Mapping[str, str]
    secrets: tuple[str, ...]
    others: tuple[str, ...]
    glue: str
    worker_type: str
    workers: int
    timeout: int
    bookmark: bool
    connections: tuple[str, ...]

    @classmethod
    def from_api(cls, name: str, job: Mapping[str, Any]) -> PulledJob:
        """Return the job of an answer of GetJob.

        Raises:
            UsageError: the job has no Python script in S3.
        """
        command = job.get("Command") or {}
        location = str(command.get("ScriptLocation") or "")
        if not location.endswith(".py"):
            raise UsageError(
                f"job {name}", found=f"the script {location!r}", required="a Python script in S3"
            )
        values = {
            **without_dashes(job.get("DefaultArguments")),
            **without_dashes(job.get("NonOverridableArguments")),
        }
        secrets = JobArguments(values).secret_names()
        reserved = {argument.replace("_", "-") for argument in (*DECISIVE, *FIXED_ARGUMENTS)}
        others = tuple(
            argument
            for argument in values
            if argument.replace("_", "-") in reserved or argument.startswith("glue-secure-")
        )
        return cls(
            name,
            S3Uri.parse(location),
            str(command.get("Name") or "glueetl"),
            {name: text for name, text in values.items() if name not in (*secrets, *others)},
            secrets,
            others,
            str(job.get("GlueVersion") or ""),
            str(job.get("WorkerType") or ""),
            int(job.get("NumberOfWorkers") or 0),
            int(job.get("Timeout") or 0),
            values.get(_BOOKMARKS) == "job-bookmark-enable",
            tuple((job.get("Connections") or {}).get("Connections") or ()),
        )

    def entry(self, script: str) -> str:
        """Return the table of the project file, as TOML.

        Args:
            script: path of the script, relative to the project.
        """
        lines = [f"[jobs.{self.name}]", f"script = {_toml(script)}"]
        if self.glue in _VERSIONS:
            lines.append(f"glue = {_toml(self.glue)}")
        elif self.glue:
            lines.append(f"# The job has Glue {self.glue}; the project file has {', '.join(_VERSIONS)}.")
        if self.worker_type in WORKER_TYPES:
            lines.append(f"worker_type = {_toml(self.worker_type)}")
        lines += [
            f"{key} = {value}"
            for key, value in (("workers", self.workers), ("timeout", self.timeout))
            if value
        ]
        if not self.bookmark:
            lines.append("bookmark = false")
        if self.connections:
            lines.append(f"# connections = {_toml(list(self.connections))}: add a table for each, see docs")
        if self.arguments:
            pairs = ", ".join(f"{name} = {_toml(text)}" for name, text in sorted(self.arguments.items()))
            lines.append(f"arguments = {{ {pairs} }}")
        lines.append("# Add reads and writes: the buckets of this file that the job reads and writes.")
        return "\n".join(lines) + "\n"


def with_entry(text: str, job: PulledJob, script: str) -> str:
    """Return the text of a project file with the job's table added.

    Raises:
        UsageError: the file has the job, is invalid, or cannot have the job.
    """
    if job.name in read_text(text).jobs:
        raise UsageError(f"job {job.name}", found="in the project file already", required="another job")
    added = f"{text.rstrip()}\n\n{job.entry(script)}"
    read_text(added)
    return added


def _toml(value: str | list[str]) -> str:
    return json.dumps(value, ensure_ascii=False)
