"""Security configurations, and everything that takes one: GS-SEC-001, GS-SEC-003 to -006 and GS-SEC-012."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from glue_secure.audit import calls
from glue_secure.audit.calls import Request
from glue_secure.audit.estate import Absent, Estate, Shape, Unread
from glue_secure.audit.fixes import edited_job, quoted
from glue_secure.audit.job_starts import job_starts
from glue_secure.audit.job_starts import unread as unread_starts
from glue_secure.audit.model import AuditFinding, Resource, ResourceKind
from glue_secure.audit.references import RUNS, user_requests
from glue_secure.core.findings import failed, passed, unknown
from glue_secure.core.policy import check_configuration
from glue_secure.core.security_configuration import SecurityConfiguration

CONTROLS = ("GS-SEC-001", "GS-SEC-003", "GS-SEC-004", "GS-SEC-005", "GS-SEC-006", "GS-SEC-012")
_ACTIVE_SESSIONS = ("PROVISIONING", "READY", "STOPPING")
_MODES = ("GS-SEC-003", "GS-SEC-004", "GS-SEC-005")
_REQUIRED = "a security configuration with SSE-KMS for S3 and logs, and CSE-KMS for bookmarks"


@dataclass(frozen=True, slots=True)
class _Listed:
    """A listing of resources that take a security configuration.

    Attributes:
        call: lists the resources.
        kind: their kind.
        name: member with the resource's name.
        configuration: member with the name of its security configuration.
        fix: command that attaches one; ``{name}`` stands for the resource.
    """

    call: calls.Call
    kind: ResourceKind
    name: str
    configuration: str
    fix: str


LISTED = (
    _Listed(calls.JOBS, ResourceKind.JOB, "Name", "SecurityConfiguration",
            "attach one to the job (console: Job details, Security configuration)"),
    _Listed(calls.CRAWLERS, ResourceKind.CRAWLER, "Name", "CrawlerSecurityConfiguration",
            "aws glue update-crawler --name {name} --crawler-security-configuration CONFIGURATION"),
    _Listed(calls.ENDPOINTS, ResourceKind.ENDPOINT, "EndpointName", "SecurityConfiguration",
            "aws glue delete-dev-endpoint --endpoint-name {name}, and create it "
            "with --security-configuration"),
    _Listed(calls.SESSIONS, ResourceKind.SESSION, "Id", "SecurityConfiguration",
            "aws glue stop-session --id {name}, and create it with --security-configuration "
            "(%security_config in a notebook)"),
)  # fmt: skip


def requests(estate: Estate) -> Iterator[Request]:
    """Yield the calls of these checks."""
    yield Request(calls.CONFIGURATIONS)
    for listed in LISTED:
        yield Request(listed.call)
    for call in (calls.TRANSFORMS, calls.RULESETS):
        yield Request(call)
    yield Request(calls.RECOMMENDATIONS, most=RUNS)
    yield from user_requests(estate)
    yield Request(calls.STATISTICS, most=RUNS)
    for one in estate.known(calls.STATISTICS):
        yield Request(calls.STATISTICS_RUN, str(one))
        answer = estate.known_answer(calls.STATISTICS_RUN, str(one))
        if answer is not None:
            yield Request(calls.STATISTICS_SETTINGS, _table(answer["ColumnStatisticsTaskRun"]))
    for ruleset in estate.known(calls.RULESETS):
        yield Request(calls.RULESET, ruleset["Name"])
    for run in estate.known(calls.RECOMMENDATIONS):
        yield Request(calls.RECOMMENDATION, run["RunId"])


def evaluate(estate: Estate) -> Iterator[AuditFinding]:
    """Yield the findings of these checks."""
    audit = _Audit(estate)
    for listed in LISTED:
        yield from audit.listed(listed)
    yield from audit.runs()
    yield from audit.starts()
    yield from audit.statistics()
    yield from audit.transforms()
    yield from audit.data_quality()
    yield from audit.modes()


class _Audit:
    """The evaluation of one estate, which collects the users of each configuration for :meth:`modes`."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._configurations = estate.listing(calls.CONFIGURATIONS)
        self._names = {str(shape["Name"]) for shape in self._configurations.items}
        self._users: dict[str, set[str]] = {}
        self._of_data_quality: set[str] = set()

    def listed(self, listed: _Listed) -> Iterator[AuditFinding]:
        """Check jobs, crawlers, development endpoints and active interactive sessions."""
        listing = self._estate.listing(listed.call)
        for shape in listing.items:
            if listed.kind is ResourceKind.SESSION and shape.get("Status") not in _ACTIVE_SESSIONS:
                continue
            name = str(shape[listed.name])
            jobs = (name,) if listed.kind is ResourceKind.JOB else ()
            yield self._attached(
                Resource(listed.kind, name),
                str(shape.get(listed.configuration) or ""),
                edited_job(name, listed.fix)
                if listed.kind is ResourceKind.JOB
                else listed.fix.format(name=quoted(name)),
                jobs,
            )
        if listing.unread:
            yield self._estate.unknown("GS-SEC-001", self._every(listed.kind), listing.unread)

    def runs(self) -> Iterator[AuditFinding]:
        """Check the configuration that the newest runs of each job had, which StartJobRun can change."""
        for job in self._estate.known(calls.JOBS):
            name = str(job["Name"])
            resource = Resource(ResourceKind.RUNS, name)
            listing = self._estate.listing(calls.JOB_RUNS, name)
            if listing.unread:
                yield self._estate.unknown("GS-SEC-001", resource, listing.unread, (name,))
                continue
            configurations: dict[str | None, list[Shape]] = {}
            for run in listing.items:
                configurations.setdefault(_effective(run, job), []).append(run)
            for configuration, runs in configurations.items():
                yield self._of_runs(resource, configuration, runs, name)

    def _of_runs(
        self, resource: Resource, configuration: str | None, runs: list[Shape], job: str
    ) -> AuditFinding:
        found = f"{len(runs)} of the newest runs, the last of them {runs[0]['Id']}"
        if configuration is None:
            finding = unknown(
                "GS-SEC-001",
                f"{resource}, before the job changed",
                found=f"{found}: the runs name no configuration, and the job was changed after they started",
                required=_REQUIRED,
                fix=f"none for past runs; the finding ends after {RUNS} newer runs",
            )
            return self._estate.finding(finding, resource, (job,))
        fix = (
            "attach one to the job, and let no principal start it with another one; the finding ends after "
            f"{RUNS} newer runs"
        )
        return self._attached(resource, configuration, fix, (job,), found)

    def starts(self) -> Iterator[AuditFinding]:
        """Check the jobs that triggers, schedules and state machines start, under their own settings."""
        starts = job_starts(self._estate)
        started = {start.job for start in starts}
        attached = {
            str(job["Name"]): str(job.get("SecurityConfiguration") or "")
            for job in self._estate.known(calls.JOBS)
            if job["Name"] in started
        }
        for start in starts:
            jobs = (start.job,) if start.job else ()
            if start.configuration is None:
                finding = unknown(
                    "GS-SEC-001",
                    str(start.resource),
                    found=f"{start.note}: a security configuration that is computed when the job starts",
                    required=_REQUIRED,
                    fix=f"name it in {start.fix}, or leave it out",
                )
                yield self._estate.finding(finding, start.resource, jobs)
            elif not start.configuration and not start.job:
                found = f"{start.note}: the configuration of a job that is computed; all jobs are audited"
                yield self._estate.finding(
                    passed("GS-SEC-001", str(start.resource), found), start.resource, jobs
                )
            elif start.job not in attached and not start.configuration:
                why = self._estate.listing(calls.JOBS).unread
                if why is not None:  # Otherwise, the job does not exist, and nothing starts.
                    yield self._estate.unknown("GS-SEC-001", start.resource, why, jobs)
            else:
                yield self._attached(
                    start.resource,
                    start.configuration or attached.get(start.job, ""),
                    f"name an existing security configuration in {start.fix}, or remove it there"
                    if start.configuration
                    else f"attach one to job {start.job}, or name it in {start.fix}",
                    jobs,
                    start.note,
                )
        for resource, why in unread_starts(self._estate):
            yield self._estate.unknown("GS-SEC-001", resource, why)

    def statistics(self) -> Iterator[AuditFinding]:
        """Check the newest column statistics runs, and the settings of their tables."""
        listing = self._estate.listing(calls.STATISTICS)
        tables: dict[str, None] = {}
        for run in listing.items:
            resource = Resource(ResourceKind.STATISTICS, str(run))
            answer = self._estate.answer(calls.STATISTICS_RUN, str(run))
            if isinstance(answer, Absent):
                continue  # Deleted since it was listed.
            if isinstance(answer, Unread):
                yield self._estate.unknown("GS-SEC-001", resource, answer)
                continue
            shape = answer["ColumnStatisticsTaskRun"]
            tables[_table(shape)] = None
            fix = "start the next run with SecurityConfiguration (StartColumnStatisticsTaskRun)"
            yield self._attached(resource, str(shape.get("SecurityConfiguration") or ""), fix)
        for table in tables:
            database, name = table.split(calls.STATISTICS_SETTINGS.separator)
            resource = Resource(ResourceKind.TABLE, f"{database}/{name} column statistics")
            answer = self._estate.answer(calls.STATISTICS_SETTINGS, table)
            if isinstance(answer, Absent):
                continue  # The run was started without settings.
            if isinstance(answer, Unread):
                yield self._estate.unknown("GS-SEC-001", resource, answer)
                continue
            settings = answer["ColumnStatisticsTaskSettings"]
            fix = (
                "aws glue update-column-statistics-task-settings --database-name "
                f"{quoted(database)} --table-name {quoted(name)} --security-configuration CONFIGURATION"
            )
            yield self._attached(resource, str(settings.get("SecurityConfiguration") or ""), fix)
        if listing.unread:
            yield self._estate.unknown("GS-SEC-001", self._every(ResourceKind.STATISTICS), listing.unread)

    def transforms(self) -> Iterator[AuditFinding]:
        """Check the encryption of ML transforms, and the configuration of their task runs."""
        listing = self._estate.listing(calls.TRANSFORMS)
        for shape in listing.items:
            name = str(shape.get("Name") or shape["TransformId"])
            resource = Resource(ResourceKind.TRANSFORM, name)
            encryption = shape.get("TransformEncryption") or {}
            fix = (
                "create the transform again with TransformEncryption, and delete this one: "
                f"aws glue delete-ml-transform --transform-id {quoted(shape['TransformId'])}"
            )
            yield self._attached(resource, str(encryption.get("TaskRunSecurityConfigurationName") or ""), fix)
            data = encryption.get("MlUserDataEncryption") or {}
            mode, key = str(data.get("MlUserDataEncryptionMode") or "absent"), data.get("KmsKeyId")
            if mode == "SSE-KMS" and key:
                finding = passed("GS-SEC-012", str(resource), f"{mode} {key}")
            else:
                finding = failed(
                    "GS-SEC-012",
                    str(resource),
                    found=f"{mode} without a key" if mode == "SSE-KMS" else mode,
                    required="SSE-KMS with a customer managed key",
                    fix=fix,
                )
            yield self._estate.finding(finding, resource)
        if listing.unread:
            for control in ("GS-SEC-001", "GS-SEC-012"):
                yield self._estate.unknown(control, self._every(ResourceKind.TRANSFORM), listing.unread)

    def data_quality(self) -> Iterator[AuditFinding]:
        """Check the configuration of data quality rulesets and of recommendation runs."""
        for listed, call, kind, name, fix in (
            (calls.RULESETS, calls.RULESET, ResourceKind.RULESET, "Name",
             "create the ruleset again with DataQualitySecurityConfiguration"),
            (calls.RECOMMENDATIONS, calls.RECOMMENDATION, ResourceKind.RECOMMENDATION, "RunId",
             "start the next run with DataQualitySecurityConfiguration"),
        ):  # fmt: skip
            listing = self._estate.listing(listed)
            for shape in listing.items:
                resource = Resource(kind, str(shape[name]))
                answer = self._estate.answer(call, str(shape[name]))
                if isinstance(answer, Absent):
                    continue  # Deleted since it was listed.
                if isinstance(answer, Unread):
                    yield self._estate.unknown("GS-SEC-001", resource, answer)
                    continue
                configuration = str(answer.get("DataQualitySecurityConfiguration") or "")
                self._of_data_quality.add(configuration)
                yield self._attached(resource, configuration, fix)
            if listing.unread:
                yield self._estate.unknown("GS-SEC-001", self._every(kind), listing.unread)

    def modes(self) -> Iterator[AuditFinding]:
        """Check every mode of each security configuration of the account."""
        for shape in self._configurations.items:
            configuration = SecurityConfiguration.from_api(shape)
            resource = Resource(ResourceKind.CONFIGURATION, configuration.name)
            jobs = tuple(self._users.get(configuration.name, ()))
            delete = f"aws glue delete-security-configuration --name {quoted(configuration.name)}"
            for finding in check_configuration(configuration):
                if finding.fix:
                    finding = replace(finding, fix=f"{finding.fix}; then delete this one: {delete}")
                yield self._estate.finding(finding, resource, jobs)
            if configuration.data_quality is None and configuration.name in self._of_data_quality:
                finding = failed(
                    "GS-SEC-006",
                    f"{configuration.name} DataQualityEncryption",
                    found="absent, and data quality uses the configuration",
                    required="SSE-KMS with the ARN of a customer managed key",
                    fix="security configurations are immutable: create one with DataQualityEncryption and "
                    f"attach it; then delete this one: {delete}",
                )
                yield self._estate.finding(finding, resource, jobs)
        if self._configurations.unread:
            for control in (*_MODES, "GS-SEC-006"):
                yield self._estate.unknown(
                    control, self._every(ResourceKind.CONFIGURATION), self._configurations.unread
                )

    def _attached(
        self, resource: Resource, configuration: str, fix: str, jobs: tuple[str, ...] = (), found: str = ""
    ) -> AuditFinding:
        """Return GS-SEC-001: the resource names a security configuration that exists."""
        note = f"{found}: " if found else ""
        if not configuration:
            finding = failed(
                "GS-SEC-001",
                str(resource),
                found=f"{note}no security configuration",
                required=_REQUIRED,
                fix=fix,
            )
            return self._estate.finding(finding, resource, jobs)
        self._users.setdefault(configuration, set()).update(jobs)
        if configuration in self._names:
            finding = passed("GS-SEC-001", str(resource), f"{note}{configuration}")
        elif self._configurations.unread:
            return self._estate.unknown("GS-SEC-001", resource, self._configurations.unread, jobs)
        else:
            finding = failed(
                "GS-SEC-001",
                str(resource),
                found=f"{note}{configuration}, which does not exist",
                required=_REQUIRED,
                fix=fix,
            )
        return self._estate.finding(finding, resource, jobs)

    def _every(self, kind: ResourceKind) -> Resource:
        return Resource(kind, "(all)")


def _table(run: Shape) -> str:
    """Return the name of the table of a run for GetColumnStatisticsTaskSettings."""
    return calls.STATISTICS_SETTINGS.separator.join((str(run["DatabaseName"]), str(run["TableName"])))


def _effective(run: Shape, job: Shape) -> str | None:
    """Return the configuration of a run: its own, otherwise the job's; None if the job has changed since."""
    if run.get("SecurityConfiguration"):
        return str(run["SecurityConfiguration"])
    changed, started = job.get("LastModifiedOn"), run.get("StartedOn")
    if job.get("SecurityConfiguration") and changed and started and changed > started:
        return None
    return str(job.get("SecurityConfiguration") or "")
