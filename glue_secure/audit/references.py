"""The keys, buckets and log groups that the resources of an estate name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from glue_secure.audit import calls
from glue_secure.audit.calls import Request
from glue_secure.audit.estate import Estate, Shape, Unread, derived
from glue_secure.audit.job_starts import job_starts
from glue_secure.audit.job_starts import requests as start_requests
from glue_secure.audit.job_starts import unread as unread_starts
from glue_secure.core.arguments import (
    BOOKMARK_URI,
    EVIDENCE_KEY,
    EVIDENCE_SIGNING_KEY,
    EVIDENCE_URI,
    JobArguments,
    without_dashes,
)
from glue_secure.core.catalog_encryption import CatalogEncryption
from glue_secure.core.log_groups import log_groups
from glue_secure.core.security_configuration import SecurityConfiguration

RUNS = 20
"""Number of past runs of a job, and of recommendation runs, that are audited."""
SCRIPT_ARGUMENT = "scriptLocation"
"""Argument that overrides ScriptLocation of a job's command.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
"""
SIGNING = "evidence signing"
"""Purpose of a key that signs, and does not encrypt."""
OWN_PURPOSES = frozenset(
    {"script", SCRIPT_ARGUMENT, "TempDir", "spark-event-logs-path", "extra-py-files", "extra-jars",
     "extra-files", EVIDENCE_URI, BOOKMARK_URI, "assets"}
)  # fmt: skip
"""Uses of a bucket for the job's own code and state: such a bucket must belong to the account."""
_OF_AWS = re.compile(r"aws-glue-studio-transforms-\d{12}-prod-[a-z0-9-]+\Z")
_LOCATION = re.compile(r"s3[an]?://(?P<bucket>[^/]*)", re.IGNORECASE)
# The names that botocore accepts, of buckets in us-east-1 from before March 2018 as well.
_BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}\Z")
_SEPARATED = re.compile(r"[,\s]+")


@dataclass(slots=True)
class Use:
    """How resources use a key or a bucket.

    Attributes:
        purposes: what it is used for.
        jobs: names of the jobs that use it.
    """

    purposes: set[str] = field(default_factory=set)
    jobs: set[str] = field(default_factory=set)


def arguments_of(job: Shape) -> JobArguments:
    """Return the arguments of a job definition. The non-overridable ones win."""
    return JobArguments(
        {
            **without_dashes(job.get("DefaultArguments")),
            **without_dashes(job.get("NonOverridableArguments")),
        }
    )


def arguments_of_run(job: Shape, arguments: Mapping[str, str] | None) -> JobArguments:
    """Return the arguments of a run that was, or will be, started with some of its own."""
    return JobArguments(
        {
            **without_dashes(job.get("DefaultArguments")),
            **without_dashes(arguments),
            **without_dashes(job.get("NonOverridableArguments")),
        }
    )


def distinct_arguments(runs: Iterable[Shape]) -> Iterator[Mapping[str, str]]:
    """Yield the arguments of runs, equal ones once: the runs of a schedule often have the same."""
    seen = set()
    for run in runs:
        arguments: Mapping[str, str] = run.get("Arguments") or {}
        items = frozenset(arguments.items())
        if items not in seen:
            seen.add(items)
            yield arguments


@derived
def configurations(estate: Estate) -> dict[str, SecurityConfiguration]:
    """Return the account's security configurations by name."""
    shapes = map(SecurityConfiguration.from_api, estate.known(calls.CONFIGURATIONS))
    return {configuration.name: configuration for configuration in shapes}


def jobs_by_configuration(estate: Estate) -> dict[str, set[str]]:
    """Return the names of the jobs that each security configuration is attached to."""
    users: dict[str, set[str]] = {}
    for job in estate.known(calls.JOBS):
        if job.get("SecurityConfiguration"):
            users.setdefault(str(job["SecurityConfiguration"]), set()).add(str(job["Name"]))
    return users


def catalog_settings(estate: Estate) -> CatalogEncryption | None:
    """Return the encryption settings of the Data Catalog, None if they are not known."""
    answer = estate.known_answer(calls.CATALOG_SETTINGS)
    return CatalogEncryption.from_api(answer["DataCatalogEncryptionSettings"]) if answer else None


@derived
def named_keys(estate: Estate) -> dict[str, Use]:
    """Return the use of each key by the ARN, id or alias that names it."""
    uses: dict[str, Use] = {}

    def name(key: str, purpose: str, jobs: Iterable[str] = ()) -> None:
        if key:
            use = uses.setdefault(key, Use())
            use.purposes.add(purpose)
            use.jobs.update(jobs)

    users = jobs_by_configuration(estate)
    for configuration in configurations(estate).values():
        jobs: Iterable[str] = users.get(configuration.name, ())
        for setting in configuration.s3:
            name(setting.key, "s3", jobs)
        for purpose, optional in (
            ("cloudwatch", configuration.cloudwatch),
            ("job-bookmarks", configuration.job_bookmarks),
            ("data-quality", configuration.data_quality),
        ):
            name(optional.key if optional else "", purpose, jobs)
    settings = catalog_settings(estate)
    if settings is not None:
        name(settings.key, "catalog")
        name(settings.password_key, "connection passwords")
    for transform in estate.known(calls.TRANSFORMS):
        data = (transform.get("TransformEncryption") or {}).get("MlUserDataEncryption") or {}
        name(str(data.get("KmsKeyId") or ""), "ML transform")
    for job in estate.known(calls.JOBS):
        arguments = arguments_of(job)
        name(arguments.get(EVIDENCE_KEY) or "", "evidence", (str(job["Name"]),))
        name((arguments.get(EVIDENCE_SIGNING_KEY) or "").partition(",")[0], SIGNING, (str(job["Name"]),))
    for bucket, use in named_buckets(estate).items():
        _, key = bucket_default(estate, bucket)
        name(key, f"default of bucket {bucket}", use.jobs)
    return uses


def bucket_default(estate: Estate, bucket: str) -> tuple[str, str]:
    """Return algorithm and key of a bucket's default encryption, ``""`` for what is not named or known.

    A key that is named by its id or alias is one of the bucket's Region, which may be another than the
    audit's: it is returned as an ARN.
    """
    algorithm, key = _default(estate.known_answer(calls.BUCKET_ENCRYPTION, bucket))
    region = bucket_regions(estate).get(bucket, "")
    if key and not key.startswith("arn:") and region not in ("", estate.region):
        name = key if key.startswith("alias/") else f"key/{key}"
        key = f"arn:{estate.partition}:kms:{region}:{estate.account}:{name}"
    return algorithm, key


@derived
def bucket_regions(estate: Estate) -> dict[str, str]:
    """Return the AWS Region of each bucket of the account, "" if it is not known."""
    return {str(one.get("Name")): str(one.get("BucketRegion") or "") for one in estate.known(calls.BUCKETS)}


def _default(answer: Shape | None) -> tuple[str, str]:
    rules: Sequence[Any] = ((answer or {}).get("ServerSideEncryptionConfiguration") or {}).get("Rules") or ()
    default = (rules[0].get("ApplyServerSideEncryptionByDefault") or {}) if len(rules) == 1 else {}
    return str(default.get("SSEAlgorithm") or ""), str(default.get("KMSMasterKeyID") or "")


def key_arn(estate: Estate, name: str) -> str:
    """Return the ARN of the key that a text names, the text itself if DescribeKey gave no answer."""
    answer = estate.known_answer(calls.KEY, name)
    return str((answer or {}).get("KeyMetadata", {}).get("Arn") or name)


def named_buckets(estate: Estate) -> dict[str, Use]:
    """Return the use of each bucket: of jobs' scripts and arguments, runs, triggers, crawlers, and assets.

    Buckets of AWS that contain the transforms of AWS Glue Studio are left out. A location counts also if its
    key has empty segments, or if its bucket has a name that Amazon S3 accepted before 2018.
    """
    return _named(estate)[0]


def unreadable_locations(estate: Estate) -> dict[str, Use]:
    """Return the use of each location in S3 whose bucket has a name that no bucket can have."""
    return _named(estate)[1]


@derived
def _named(estate: Estate) -> tuple[dict[str, Use], dict[str, Use]]:
    uses: dict[str, Use] = {}
    unreadable: dict[str, Use] = {}

    def name(location: str, purpose: str, jobs: Iterable[str] = ()) -> None:
        match = _LOCATION.match(location.strip())
        if match is None:
            return
        bucket = match["bucket"]
        if not _BUCKET.match(bucket):
            use = unreadable.setdefault(location.strip(), Use())
        elif _OF_AWS.match(bucket):
            return
        else:
            use = uses.setdefault(bucket, Use())
        use.purposes.add(purpose)
        use.jobs.update(jobs)

    for job in estate.known(calls.JOBS):
        job_name = str(job["Name"])
        name(str((job.get("Command") or {}).get("ScriptLocation") or ""), "script", (job_name,))
        for purpose, location in _locations(arguments_of(job).values):
            name(location, purpose, (job_name,))
        for arguments in distinct_arguments(estate.known(calls.JOB_RUNS, job_name)):
            for purpose, location in _locations(without_dashes(arguments)):
                name(location, purpose, (job_name,))
    for start in job_starts(estate):
        for purpose, location in _locations(without_dashes(start.arguments)):
            name(location, purpose, (start.job,) if start.job else ())
    for crawler in estate.known(calls.CRAWLERS):
        for target in (crawler.get("Targets") or {}).get("S3Targets") or ():
            name(str(target.get("Path") or ""), "crawler")
    assets = assets_bucket(estate)
    if assets in uses or assets in bucket_regions(estate):
        uses.setdefault(assets, Use()).purposes.add("assets")
    return uses, unreadable


def assets_bucket(estate: Estate) -> str:
    """Return the name of the bucket that AWS Glue Studio creates for scripts, and that anyone can guess."""
    return f"aws-glue-assets-{estate.account}-{estate.region}"


def unread_users(estate: Estate) -> Iterator[Unread]:
    """Yield why jobs, runs, starts or crawlers, and so the buckets they name, are unknown; a call once."""
    for call in (calls.JOBS, calls.CRAWLERS):
        unread = estate.listing(call).unread
        if unread:
            yield unread
    calls_of_starts: dict[str, Unread] = {}
    for _, why in unread_starts(estate):
        calls_of_starts.setdefault(why.call.name, why)
    yield from calls_of_starts.values()
    runs = (estate.listing(calls.JOB_RUNS, name).unread for name in job_names(estate))
    first = next(filter(None, runs), None)
    if first is not None:
        yield first


def user_requests(estate: Estate) -> Iterator[Request]:
    """Yield the calls that find the users of buckets and keys."""
    for call in (calls.JOBS, calls.CRAWLERS, calls.CONFIGURATIONS):
        yield Request(call)
    yield from start_requests(estate)
    yield from run_requests(estate)


def run_requests(estate: Estate) -> Iterator[Request]:
    """Yield the calls that list the newest runs of each job."""
    return (Request(calls.JOB_RUNS, name, most=RUNS) for name in job_names(estate))


@derived
def job_names(estate: Estate) -> list[str]:
    """Return the names of the jobs."""
    return [str(job["Name"]) for job in estate.known(calls.JOBS)]


def _locations(arguments: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for argument, value in arguments.items():
        for part in _SEPARATED.split(value):
            if _LOCATION.match(part):
                yield argument, part


def job_log_groups(job: Shape) -> tuple[str, ...]:
    """Return the names of the log groups that a job may write to, ``/*`` for several."""
    arguments = arguments_of(job)
    configuration = str(job.get("SecurityConfiguration") or "")
    role = str(job.get("Role") or "").rpartition("/")[2]
    if configuration:
        return log_groups(configuration, role, arguments)
    prefix = (arguments.get("custom-logGroup-prefix") or "/aws-glue/jobs").rstrip("/")
    custom = arguments.get("continuous-log-logGroup") or "/aws-glue/jobs/logs-v2"
    return f"{prefix}/error", f"{prefix}/output", custom
