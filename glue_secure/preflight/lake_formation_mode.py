"""The mode in which a job uses Lake Formation, and the settings that it needs (GS-LF-009).

https://docs.aws.amazon.com/glue/latest/dg/lake-formation-access-control-models.html,
https://docs.aws.amazon.com/glue/latest/dg/security-access-control-fta.html,
https://docs.aws.amazon.com/glue/latest/dg/security-lf-enable-considerations.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from glue_secure.core.arguments import FINE_GRAINED, JobArguments
from glue_secure.core.findings import Finding, failed, passed
from glue_secure.core.spark_arguments import settings_of
from glue_secure.preflight.fine_grained import is_fine_grained

RESOLVER = "spark.hadoop.fs.s3.credentialsResolverClass"
EMRFS = ("spark.hadoop.fs.s3.impl", "com.amazon.ws.emr.hadoop.fs.EmrFileSystem")
WORKERS = 4
"""Fewest workers of a job with fine-grained access control."""
_FOLDERS = (
    "spark.hadoop.fs.s3.useDirectoryHeaderAsFolderObject",
    "spark.hadoop.fs.s3.folderObject.autoAction.disabled",
    "spark.sql.catalog.skipLocationValidationOnCreateTable.enabled",
    "spark.sql.catalog.createDirectoryAfterTable.enabled",
    "spark.sql.catalog.dropDirectoryBeforeTable.enabled",
)
"""What full table access of Hive tables needs beside the resolver, each ``true``."""
_CATALOG = re.compile(r"spark\.sql\.catalog\.[^.]+\.glue\.lakeformation-enabled\Z")


def check_mode(job: str, glue: str, arguments: JobArguments, workers: int | None) -> list[Finding]:
    """Return GS-LF-009 for a job that uses Lake Formation's credentials, and nothing for other jobs.

    Args:
        job: name of the job.
        glue: version of Glue, ``""`` if the job has none.
        arguments: the job's arguments.
        workers: number of workers, None if the job has none.

    Raises:
        UsageError: ``--conf`` or the argument of fine-grained access control is invalid.
    """
    settings = settings_of(arguments.get("conf") or "")
    fine_grained, full_table = is_fine_grained(arguments), is_full_table(arguments)
    if not fine_grained and not full_table:
        return []
    problems = list(_problems(glue, settings, fine_grained, full_table))
    if fine_grained:
        if workers is not None and workers < WORKERS:
            problems.append(
                (
                    f"{workers} workers",
                    f"{WORKERS} workers or more",
                    f"set NumberOfWorkers to {WORKERS}",
                )
            )
        if arguments.get("extra-jars"):
            found = "--extra-jars, which AWS Glue blocks under fine-grained access control"
            problems.append((found, "a job without it", "remove --extra-jars from the job's arguments"))
    resource = f"job {job!r}, Glue {glue or 'without a version'}"
    if not problems:
        return [
            passed(
                "GS-LF-009", resource, "fine-grained access control" if fine_grained else "full table access"
            )
        ]
    return [
        failed(
            "GS-LF-009",
            resource,
            found=found,
            required=required,
            fix=fix,
        )
        for found, required, fix in problems
    ]


def is_full_table(arguments: JobArguments) -> bool:
    """Return whether ``--conf`` has a setting of full table access. Raises UsageError if it is invalid."""
    settings = settings_of(arguments.get("conf") or "")
    if settings.get(RESOLVER, "").endswith(".AWSLakeFormationCredentialResolver"):
        return True
    return any(_CATALOG.match(name) and value.lower() == "true" for name, value in settings.items())


def _problems(
    glue: str, settings: Mapping[str, str], fine_grained: bool, full_table: bool
) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with a mode, what is required, and the fix."""
    match = re.match(r"(\d+)\.(\d+)\Z", glue)
    version = (int(match[1]), int(match[2])) if match else (0, 9)  # the default of jobs without a version
    if fine_grained and full_table:
        yield (
            "fine-grained access control and settings of full table access",
            "one mode for a job",
            f"remove --{FINE_GRAINED} from the job's arguments, or the settings of full table access",
        )
    if version < (5, 0):
        yield f"Glue {glue or '0.9'}", "Glue 5.0 or later", "set the job's GlueVersion to 5.1"
    if not full_table or RESOLVER not in settings:
        return
    if version >= (5, 1) and settings.get(EMRFS[0]) != EMRFS[1]:
        yield (
            f"{RESOLVER} without {EMRFS[0]}: S3A ignores it, and reads with the role's own permissions",
            f"{EMRFS[0]}={EMRFS[1]} as well",
            f"add to the job's --conf: {EMRFS[0]}={EMRFS[1]}",
        )
    missing = [name for name in _FOLDERS if settings.get(name, "").lower() != "true"]
    if missing:
        settings_to_add = " --conf ".join(f"{name}=true" for name in missing)
        yield (
            f"without {', '.join(missing)}",
            "each of these settings as true",
            f"add to the job's --conf: {settings_to_add}",
        )
