"""The special parameters of AWS Glue, and what ``glue-secure run`` does with each.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError

ADDITIONAL_MODULES = "additional-python-modules"
CONF = "conf"
DATALAKE_FORMATS = "datalake-formats"
DRIVER_VARIABLES = "customer-driver-env-vars"
EXECUTOR_VARIABLES = "customer-executor-env-vars"
EXTRA_FILES = "extra-files"
EXTRA_JARS = "extra-jars"
EXTRA_PY_FILES = "extra-py-files"
INSTALLER_OPTION = "python-modules-installer-option"
USER_JARS_FIRST = "user-jars-first"


class Treatment(str, Enum):
    """What ``glue-secure run`` does with a parameter."""

    SERVED = "served"
    NO_EFFECT = "no effect"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class JobParameter:
    """A special parameter of AWS Glue.

    Attributes:
        name: without ``--``.
        treatment: what ``glue-secure run`` does with it.
        text: how it is served, or why it has no effect or is rejected.
    """

    name: str
    treatment: Treatment
    text: str


def _table(treatment: Treatment, rows: Mapping[str, str]) -> tuple[JobParameter, ...]:
    return tuple(JobParameter(name, treatment, text) for name, text in rows.items())


JOB_PARAMETERS = (
    *_table(
        Treatment.SERVED,
        {
            ADDITIONAL_MODULES: "pip installs what the environment lacks into a cached folder on PYTHONPATH. "
            "Names, wheels, `.gluewheels.zip` and, with the installer option `-r`, a requirements file",
            CONF: "settings for spark-submit; more than one as in Glue (`a=b --conf c=d`), or `--conf` again",
            DRIVER_VARIABLES: 'environment variables of the script: `CUSTOMER_A=1,CUSTOMER_B="2,3"`',
            EXECUTOR_VARIABLES: "environment variables of the executors",
            DATALAKE_FORMATS: "`iceberg`, `delta`, `hudi`: JARs of Maven Central, pinned by SHA-256, and the "
            "settings that AWS documents for the format, unless `--conf` has them. `delta` has its Python "
            "package too",
            "enable-glue-datacatalog": "passed to the script's run",
            "enable-lakeformation-fine-grained-access": "[DynamicFrames are rejected](lake-formation.md)",
            EXTRA_FILES: "copied to a new working directory, in which the script runs",
            EXTRA_JARS: "appended to the class path of driver and executors",
            EXTRA_PY_FILES: "`.py`, `.zip`, `.egg` and `.whl` files on the path of driver and executors. "
            "Modules in AWS's bucket of AWS Glue Studio's transforms are served by glue-secure",
            "job-bookmark-option": "as in Glue; disabled without it ([bookmarks.md](bookmarks.md))",
            "job-bookmark-from": "as `--job-bookmark-to` ([bookmarks.md](bookmarks.md))",
            "job-bookmark-to": "with `--job-bookmark-from`",
            "JOB_NAME": "the job; a job that is not registered is registered with the script",
            INSTALLER_OPTION: "options of pip, except those that install elsewhere",
            "TempDir": "passed to the script",
            USER_JARS_FIRST: "`true`: the extra JARs come first on the class path",
        },
    ),
    *_table(
        Treatment.NO_EFFECT,
        {
            "auto-scale-within-microbatch": "one machine does not scale",
            "continuous-log-conversionPattern": "logs are on standard error",
            "continuous-log-logGroup": "logs are on standard error",
            "continuous-log-logStreamPrefix": "logs are on standard error",
            "custom-logGroup-prefix": "logs are on standard error",
            "custom-logStream-prefix": "logs are on standard error",
            "disable-proxy-v2": "there is no proxy",
            "enable-auto-scaling": "one machine does not scale",
            "enable-continuous-cloudwatch-log": "logs are on standard error",
            "enable-continuous-log-filter": "logs are on standard error",
            "enable-continuous-logging": "logs are on standard error",
            "enable-data-lineage": "no lineage is sent",
            "enable-job-insights": "there are no insights",
            "enable-metrics": "there are no CloudWatch metrics",
            "enable-observability-metrics": "there are no CloudWatch metrics",
            "enable-rename-algorithm-v2": "S3A's committer is used",
            "enable-s3-parquet-optimized-committer": "S3A's committer is used",
            "enable-spark-ui": "the Spark UI is off",
            "executor-cores": "`--master` of `glue-secure run` sets the cores",
            "scriptLocation": "the script is the argument of `glue-secure run`",
            "spark-event-logs-path": "no event log is written",
            "use-postgres-driver": "PostgreSQL's driver is always used",
        },
    ),
    *_table(
        Treatment.REJECTED,
        {
            "class": "Scala jobs are not supported",
            "encryption-type": "GS-SEC-009: the security configuration decides",
            "job-language": "only `python`; Scala jobs are not supported",
            "write-shuffle-files-to-s3": "GS-SPK-003: a shuffle in S3 would not have the run's key",
            "write-shuffle-spills-to-s3": "GS-SPK-003",
        },
    ),
)
"""Every special parameter that AWS documents."""


def without_effect(arguments: JobArguments) -> tuple[JobParameter, ...]:
    """Return the parameters among a job's arguments that ``glue-secure run`` accepts without effect."""
    return tuple(
        parameter
        for parameter in JOB_PARAMETERS
        if parameter.treatment is Treatment.NO_EFFECT and arguments.get(parameter.name) is not None
    )


def require_python(arguments: JobArguments) -> None:
    """Reject the arguments of a Scala job.

    Raises:
        UsageError: ``--class``, or ``--job-language`` with another value than ``python``.
    """
    language = (arguments.get("job-language") or "python").lower()
    found = f"--job-language {language}" if language != "python" else ""
    if arguments.get("class") is not None:
        found = "--class"
    if found:
        raise UsageError(
            "glue-secure run", found=found, required="a Python script", fix=f"omit {found.split()[0]}"
        )


def separated(arguments: JobArguments, name: str) -> tuple[str, ...]:
    """Return the values of an argument with several values separated by commas."""
    return tuple(part.strip() for part in (arguments.get(name) or "").split(",") if part.strip())


def as_markdown() -> str:
    """Return the generated page ``docs/job-parameters.md``."""
    lines = [
        "# Job parameters",
        "",
        "What `glue-secure run` does with the",
        "[special parameters of AWS Glue](https://docs.aws.amazon.com/glue/latest/dg/"
        "aws-glue-programming-etl-glue-arguments.html).",
        "Generated from `glue_secure/core/job_parameters.py`.",
        "",
        "Files are local paths or S3 locations of the embedded account. An argument of the command line",
        "overrides the default argument of the registered job. Arguments without effect are named on",
        "standard error. A parameter that is not in this table is passed to the script.",
        "",
    ]
    for treatment, heading in (
        (Treatment.SERVED, "Served"),
        (Treatment.NO_EFFECT, "Without effect"),
        (Treatment.REJECTED, "Rejected"),
    ):
        lines += [f"## {heading}", "", "| parameter | effect |", "|---|---|"]
        rows = [row for row in JOB_PARAMETERS if row.treatment is treatment]
        lines += [
            f"| `--{row.name}` | {row.text} |" for row in sorted(rows, key=lambda row: row.name.lower())
        ]
        lines.append("")
    return "\n".join(lines)
