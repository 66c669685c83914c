"""The control plane: AWS Glue's API, as far as a run asks it."""

from __future__ import annotations

from typing import Any

from glue_secure.aws.answers import translated
from glue_secure.core.catalog import CatalogTable
from glue_secure.core.connection import GlueConnection
from glue_secure.core.security_configuration import SecurityConfiguration
from glue_secure.core.service import ServiceError


class GlueControlPlane:
    """Reads jobs, runs, configurations, connections and tables. Satisfies ``ports.ControlPlane``."""

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def attached_configuration(self, job_name: str, run_id: str | None) -> str | None:
        """The run's configuration (StartJobRun may override the job's), else the job's."""
        if run_id is not None:
            with translated("GetJobRun"):
                run = self._client.get_job_run(JobName=job_name, RunId=run_id)["JobRun"]
            if run.get("SecurityConfiguration"):
                return str(run["SecurityConfiguration"])
        else:
            run = {}
        with translated("GetJob"):
            job = self._client.get_job(JobName=job_name)["Job"]
        if not job.get("SecurityConfiguration"):
            return None
        changed, started = job.get("LastModifiedOn"), run.get("StartedOn")
        if changed and started and changed > started:
            # The run names none, and the job may have got its configuration only after the run began.
            raise ServiceError(
                f"the run names no security configuration, and the job was changed at {changed}, "
                f"after the run's start at {started}",
                code="JobChangedAfterStart",
                operation="GetJob",
            )
        return str(job["SecurityConfiguration"])

    def security_configuration(self, name: str) -> SecurityConfiguration:
        """GetSecurityConfiguration."""
        with translated("GetSecurityConfiguration"):
            answer = self._client.get_security_configuration(Name=name)
        return SecurityConfiguration.from_api(answer["SecurityConfiguration"])

    def connection(self, name: str) -> GlueConnection:
        """GetConnection, without the password: it comes from Secrets Manager."""
        with translated("GetConnection"):
            answer = self._client.get_connection(Name=name, HidePassword=True)
        return GlueConnection.from_api(answer["Connection"])

    def table(self, database: str, name: str) -> CatalogTable:
        """GetTable."""
        with translated("GetTable"):
            answer = self._client.get_table(DatabaseName=database, Name=name)
        return CatalogTable.from_api(answer["Table"])
