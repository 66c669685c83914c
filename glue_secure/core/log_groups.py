"""Names of the log groups that AWS Glue writes to under a security configuration."""

from __future__ import annotations

from glue_secure.core.arguments import JobArguments


def log_groups(configuration: str, role: str, arguments: JobArguments) -> tuple[str, ...]:
    """Return the log groups that Glue may write to under a security configuration, ``/*`` for several.

    AWS documents ``NAME-CONFIGURATION`` for the default and for custom groups; accounts also have groups
    named for configuration and role. Which one a job uses depends on its Glue version.
    https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging-enable.html

    Args:
        configuration: Name of the security configuration.
        role: Name of the job's role.
        arguments: Arguments of the job.
    """
    prefix = arguments.get("custom-logGroup-prefix")
    custom = arguments.get("continuous-log-logGroup")
    streams = ("error", "output")
    names = [f"{(prefix or '/aws-glue/jobs').rstrip('/')}/{stream}-{configuration}" for stream in streams]
    names.append(f"{custom or '/aws-glue/jobs/logs-v2'}-{configuration}")
    names += [f"{prefix or f'/aws-glue/jobs/{configuration}-role/{role}'}/{stream}" for stream in streams]
    return (*names, custom) if custom else tuple(names)
