"""The zip of a job's own Python modules, for ``--extra-py-files``.

Spark gives the file to the executors as well; a wheel in this argument could be imported on the driver only.
"""

from __future__ import annotations

from pathlib import Path

from glue_secure.core.errors import UsageError
from glue_secure.project.archive import archive
from glue_secure.project.model import Job


def modules_zip(folder: Path, job: Job) -> bytes:
    """Return the zip of the modules and packages that a job's table names, the same for the same files.

    Each module or package is at the top of the zip: the script imports it by the last part of its path. Files
    and folders whose names begin with a dot are left out.

    Args:
        folder: Folder of the project file.
        job: The job.

    Raises:
        UsageError: A path does not exist, is not Python, or has a file that does not compile.
    """
    members: dict[str, bytes] = {}
    for name in job.modules:
        path = folder / name
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        found = {
            file.relative_to(path.parent).as_posix(): file
            for file in files
            if file.is_file()
            and _is_code(file.relative_to(path.parent))
            and (path.is_dir() or file.suffix == ".py")
        }
        if not any(member.endswith(".py") for member in found):
            required = f"a Python file, or a folder with Python files: {path}"
            raise UsageError(f"jobs.{job.name}.modules", found=f"{name}: no Python file", required=required)
        for member, file in found.items():
            if member in members:
                found_text = f"two files {member}"
                raise UsageError(f"jobs.{job.name}.modules", found=found_text, required="distinct names")
            members[member] = _content(file, job)
    return archive(sorted(members.items()))


def _is_code(path: Path) -> bool:
    return not any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def _content(file: Path, job: Job) -> bytes:
    content = file.read_bytes()
    if file.suffix == ".py":
        try:
            compile(content, str(file), "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            found = f"{file.name}: {type(error).__name__}: {error}"
            raise UsageError(f"jobs.{job.name}.modules", found=found, required="valid Python") from error
    return content
