"""Texts of fixes. Names of resources are quoted for a shell: AWS permits spaces, quotes and semicolons."""

from __future__ import annotations

import json
import shlex


def quoted(name: object) -> str:
    """Return a name as one word of a shell command."""
    return shlex.quote(str(name))


def inline(document: object) -> str:
    """Return a JSON document as one word of a shell command."""
    return shlex.quote(json.dumps(document))


def edited_job(job: object, change: str) -> str:
    """Return how to change the definition of a job: UpdateJob drops what a request leaves out."""
    return (
        f"{change}: print the job with aws glue get-job --job-name {quoted(job)}, edit it, and write all of "
        f"it back with aws glue update-job --job-name {quoted(job)} --job-update file://job.json"
    )
