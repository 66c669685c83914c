"""S3 locations of a project file whose buckets the file does not declare."""

from __future__ import annotations

from collections.abc import Iterator

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.project.model import Project


def undeclared_locations(project: Project) -> tuple[str, ...]:
    """Return a warning for each location in arguments and certificates whose bucket no table declares.

    Jobs with an existing role are not included, as its owner writes its policies.
    """
    declared = {bucket.name for bucket in project.buckets.values()}
    found = {}
    for key, location in _locations(project):
        try:
            bucket = S3Uri.parse(location).bucket
        except UsageError:
            continue
        if bucket not in declared:
            found[key, bucket] = (
                f"{key}: no table [buckets] declares {bucket}, so the generated policies of role and key do "
                "not cover it; declare the bucket, or correct its name"
            )
    return tuple(found.values())


def _locations(project: Project) -> Iterator[tuple[str, str]]:
    jobs = [job for job in project.jobs.values() if not job.role]
    for job in jobs:
        for name, value in job.arguments.items():
            for location in value.split(","):
                yield f"jobs.{job.name}.arguments.{name}", location.strip()
    for name in dict.fromkeys(name for job in jobs for name in job.connections):
        yield f"connections.{name}.certificate", project.connections[name].certificate
