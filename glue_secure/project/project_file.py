"""The reader of ``glue_secure.toml``. Each error names the file and the key; unknown keys are errors."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

from glue_secure.connections.url import read_url
from glue_secure.core.allowed_connectors import ARGUMENT as ALLOWED_CONNECTORS
from glue_secure.core.arguments import (
    BOOKMARK_DECRYPT_KEYS,
    BOOKMARK_HIGH_WATER,
    BOOKMARKS,
    COLUMNS,
    DECISIVE,
    FINE_GRAINED,
    QUARANTINE,
    SECRET_NAMES,
    SUITES,
    WORKER_ENCRYPTION,
    JobArguments,
)
from glue_secure.core.documents import toml_parser
from glue_secure.core.errors import ControlError, UsageError, unread
from glue_secure.core.identifiers import KmsKeyArn, S3Uri, job_name
from glue_secure.core.json_documents import depth_as_value_error
from glue_secure.core.policy_arguments import (
    PACKAGED,
    POLICY,
    POLICY_SHA256,
    policy_digests,
    policy_locations,
)
from glue_secure.core.redaction import is_secret_name, redact_text
from glue_secure.core.spark_arguments import settings_of
from glue_secure.policyfile.reader import parse_policy
from glue_secure.project.model import (
    ARTIFACTS,
    DATA_SERVICES,
    EVIDENCE,
    SERVICE_LINKED,
    SSE_KMS,
    SSE_S3,
    AuditSettings,
    Bucket,
    Connection,
    Crawler,
    EvidenceSettings,
    Job,
    Project,
    Vpc,
    code_prefix,
    subnet_blocks,
)
from glue_secure.project.schedules import check_schedule
from glue_secure.project.versions import GLUE_VERSIONS

FILE_NAME = "glue_secure.toml"
WORKER_TYPES = ("G.1X", "G.2X", "G.4X", "G.8X", "G.12X", "G.16X", "R.1X", "R.2X", "R.4X", "R.8X")
# Templates use these names for keys, roles and stacks, and in ARNs.
_NAME = re.compile(r"[a-z][a-z0-9-]{1,30}[a-z0-9]\Z")
_JOB = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,30}\Z")
_CONNECTION = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}\Z")
_ALIAS = re.compile(r"[a-z][a-z0-9_]{0,30}\Z")
# A name, or the ARN of an existing secret.
_SECRET = re.compile(r"(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:)?[A-Za-z0-9/_+=.@-]{1,519}\Z")
# Of the Data Catalog, or of a table bucket.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-tables-buckets-naming.html
_TABLE = re.compile(
    r"([A-Za-z0-9_-]{1,255}\.[A-Za-z0-9_-]{1,255}"
    r"|s3tablescatalog/[a-z0-9][a-z0-9-]{1,61}[a-z0-9]/[a-z0-9_]{1,255}\.[a-z0-9_]{1,255})\Z"
)
_DATABASE = re.compile(r"[a-z0-9_]{1,255}\Z")
_ARGUMENT = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}\Z")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_MOST_POLICIES = 20
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
_LOG_GROUP = re.compile(r"[A-Za-z0-9._/#-]{1,400}\Z")
_LOG_GROUPS = ("custom-logGroup-prefix", "continuous-log-logGroup")
_SUITE = re.compile(r"[^$*?{}\s,]+\Z")
_COLUMN_POLICY = re.compile(r"[^$*?{}]{1,128}\Z")
_ANY = re.compile(r".+\Z")
_ENDPOINT_ID = re.compile(r"vpce-[0-9a-f]{8,17}\Z")
_VPC = re.compile(r"vpc-[0-9a-f]{8,17}\Z")
_SUBNET = re.compile(r"subnet-[0-9a-f]{8,17}\Z")
_ROUTE_TABLE = re.compile(r"rtb-[0-9a-f]{8,17}\Z")
_ZONE = re.compile(r"[a-z]{2,}(-[a-z0-9]+)+\Z")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}\Z", re.ASCII)
_BOUNDARY = re.compile(r"arn:aws[a-z-]*:iam::(aws|\d{12}):policy/[\w+=,.@/-]{1,512}\Z", re.ASCII)
# AWS managed policies that allow, for every resource and without a condition, kms:Decrypt, kms:CreateGrant,
# kms:PutKeyPolicy, iam:PutRolePolicy or s3:PutBucketPolicy. A test compares them with moto's copy of all.
_BROAD_POLICIES = frozenset((
    "AIDevOpsAgentActionsPolicy", "AdministratorAccess", "AdministratorAccess-Amplify",
    "AmazonCognitoUnAuthedIdentitiesSessionPolicy", "AmazonDynamoDBFullAccesswithDataPipeline",
    "AmazonEC2RoleforDataPipelineRole", "AmazonElasticMapReduceFullAccess",
    "AmazonElasticMapReduceforEC2Role", "AmazonMSKFullAccess", "AmazonS3FullAccess",
    "AmazonSecurityLakePermissionsBoundary", "IAMFullAccess", "PowerUserAccess",
    "SageMakerStudioAdminIAMPermissiveExecutionPolicy",
    "SageMakerStudioUserIAMPermissiveExecutionPolicy", "SystemAdministrator",
))  # fmt: skip
_ROLE_PATH = re.compile(r"/([\w+=,.@-]{1,64}/){0,8}\Z", re.ASCII)
_LAMBDA = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_:-]{1,140}\Z")
_CONFIGURATION = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
_ENVIRONMENT = re.compile(r"[a-z][a-z0-9_-]{0,30}\Z")
# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
_TAG = re.compile(r"(?!aws:)[\w .:/=+@-]{1,128}\Z")
_TAG_VALUE = re.compile(r"[\w .:/=+@-]{0,256}\Z")
_MODULE = re.compile(r"(?!/)(?!.*\.\.)[\w./-]+\Z")
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(root|(role|user)/[\w+=,.@/-]{1,512})\Z", re.ASCII)
_EXAMPLES = {
    _PRINCIPAL: "arn:aws:iam::111122223333:role/NAME",
    _ROLE: "arn:aws:iam::111122223333:role/NAME",
    _BOUNDARY: "arn:aws:iam::111122223333:policy/NAME",
    _LAMBDA: "arn:aws:lambda:eu-west-1:111122223333:function:NAME",
    _TABLE: "DATABASE.TABLE, or s3tablescatalog/BUCKET/NAMESPACE.TABLE",
    _SECRET: "NAME, or arn:aws:secretsmanager:eu-west-1:111122223333:secret:NAME",
}
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"(?=.{3,63}\Z)[a-z0-9](?:[a-z0-9-]|\.(?!\.))*[a-z0-9]\Z")
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_CONFIGURED = ("data", "bookmarks", "logs")
"""Purposes of the keys of the security configuration."""
_ENDPOINTS = ("dynamodb", "glue", "kms", "lakeformation", "logs", "s3", "s3tables", "secretsmanager", "sts")
_GATEWAYS = ("dynamodb", "s3")
"""Services whose endpoints are gateways, in route tables."""
# Arguments of glue-secure that a key of the job's table sets.
_SECURITY_KEYS = {
    BOOKMARKS: "bookmarks",
    BOOKMARK_DECRYPT_KEYS: "bookmark_decrypt_keys",
    BOOKMARK_HIGH_WATER: "high_water",
    COLUMNS: "columns",
    SUITES: "suites",
    QUARANTINE: "quarantine",
    WORKER_ENCRYPTION: "worker_encryption",
    FINE_GRAINED: "fine_grained",
    SECRET_NAMES: "secret_names",
    ALLOWED_CONNECTORS: "allowed_connectors",
    "job-bookmark-option": "bookmark",
    "extra-jars": "request_guard",
}
FIXED_ARGUMENTS = (
    "additional-python-modules", "python-modules-installer-option", "enable-continuous-cloudwatch-log",
    "TempDir", "job-language", "extra-py-files", "extra-jars", "scriptLocation",
)  # fmt: skip
"""Arguments that the project sets for every job."""


def read(path: Path, environment: str = "") -> Project:
    """Read a project file.

    Args:
        path: The file.
        environment: Name of a table ``[environments.NAME]`` whose keys replace those of the file; "" for the
            file without such a table.

    Raises:
        UsageError: The file cannot be read, is not TOML, has an invalid value or no such environment. The
            message has the line or the key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = unread(error)
        raise UsageError(
            str(path),
            found=reason,
            required="a project file",
            fix="create a project with glue-secure init NAME, or write the file (docs/templates.md)",
        ) from error
    return read_text(text, name=path.name, folder=path.parent, environment=environment)


def read_text(text: str, *, name: str = FILE_NAME, folder: Path = Path(), environment: str = "") -> Project:
    """Read the text of a project file. Raises like :func:`read`.

    Args:
        text: The text.
        name: Of the file, for errors.
        folder: Paths of policy files are relative to it.
        environment: As of :func:`read`.
    """
    parse = toml_parser(name)
    try:
        with depth_as_value_error():
            values = parse(text)
    except ValueError as error:  # TOMLDecodeError, or a number of more than 4300 digits
        # The library's message ends with line and column.
        raise UsageError(name, found=redact_text(str(error)), required="TOML") from error
    tables = _environments(values, name)
    if environment and environment not in tables:
        known = ", ".join(tables) or "none"
        raise UsageError("--environment", found=repr(environment), required=f"one of the file's: {known}")
    projects = {"": _project(tables[""], folder)} if not environment else {}
    # Errors in each environment are reported with the file, not only when the environment is deployed.
    projects |= {one: _project(table, folder) for one, table in tables.items() if one}
    return replace(projects[environment], environment=environment)


def _environments(values: dict[str, Any], file: str) -> dict[str, _Table]:
    """Return the file's values, "", and those merged with each environment, by the environment's name."""
    base = {key: value for key, value in values.items() if key != "environments"}
    tables = {"": _Table(file, "", base)}
    for name, table in _Table(file, "", values).tables("environments", _ENVIRONMENT):
        _require_names_of_the_file(base, table)

        def named(path: str, name: str = name, over: Mapping[str, Any] = table.values) -> str:
            parent = path.rpartition(".")[0]
            is_of_environment = _has(over, path) or (
                bool(parent) and _has(over, parent) and not _has(base, path)
            )
            return f"environments.{name}.{path}" if is_of_environment else path

        tables[name] = _Table(file, "", _merged(base, table.values), named)
    return tables


def _require_names_of_the_file(base: Mapping[str, Any], environment: _Table) -> None:
    """Require that an environment replaces entries of the file, or adds one that is used or complete."""
    merged = _merged(base, environment.values)
    others = [value for key, value in merged.items() if key not in ("buckets", "connections")]
    for kind, own_key in (("buckets", ""), ("connections", ""), ("jobs", "script"), ("crawlers", "database")):
        entries, known = environment.values.get(kind), base.get(kind, {})
        if not isinstance(entries, dict) or not isinstance(known, dict):
            continue
        for name, entry in entries.items():
            if name in known or (own_key and not (isinstance(entry, dict) and own_key not in entry)):
                continue
            if not own_key and _has_text(others, name):
                continue
            similar = difflib.get_close_matches(name, known, 1)
            required = (
                f"{similar[0]}?" if similar else f"one of the file's {kind}: {', '.join(known) or 'none'}"
            )
            new = f"; a new one needs {own_key or 'a job that names it'}"
            environment.fail(
                f"{kind}.{name}", f"a name that [{kind}] of the file does not have", required + new
            )


def _has_text(value: object, text: str) -> bool:
    """Return whether a value of nested tables and lists is the text."""
    if isinstance(value, dict):
        return any(_has_text(each, text) for each in value.values())
    return any(_has_text(each, text) for each in value) if isinstance(value, list) else value == text


def _has(values: Mapping[str, Any], path: str) -> bool:
    """Return whether nested tables have a dotted path."""
    for key in path.split("."):
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def _merged(values: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, value in over.items():
        present = merged.get(key)
        both = isinstance(present, dict) and isinstance(value, dict)
        merged[key] = _merged(present, value) if both and present is not None else value
    return merged


class _Table:
    """A table of the file. The getters record the keys that were read; the other keys are unknown.

    Args:
        file: Name of the file, for errors.
        path: Dotted key of the table, ``""`` for the top level.
        values: Values of the table.
        named: Returns the dotted key for errors, which differs for the keys of an environment.
    """

    def __init__(
        self, file: str, path: str, values: Mapping[str, Any], named: Callable[[str], str] = str
    ) -> None:
        self._file, self._path, self._values, self._named = file, path, values, named
        self._known: list[str] = []

    @property
    def values(self) -> Mapping[str, Any]:
        """All values of the table, whether read or not."""
        return self._values

    def text(self, key: str, pattern: re.Pattern[str] | None = None, default: str | None = None) -> str:
        value = self._get(key, str, "a text", default)
        if key in self._values and pattern is not None and not pattern.match(value):
            self.fail(key, repr(value), f"a text like {_shown(pattern)}")
        return str(value)

    def parsed(self, key: str, parser: Callable[[str], object], default: str | None = None) -> str:
        """Return a text that a parser accepts."""
        value = self.text(key, None, default)
        return self.checked(key, value, parser) if key in self._values else value

    def checked(self, key: str, value: str, parser: Callable[[str], object]) -> str:
        """Return a text that a parser accepts, which ``key`` names in errors."""
        try:
            parser(value)
        except UsageError as error:
            self.fail(key, error.found, error.required)
        return value

    def number(self, key: str, minimum: int, maximum: int, default: int) -> int:
        value = self._get(key, int, "a whole number", default)
        if not minimum <= value <= maximum:
            self.fail(key, str(value), f"{minimum} to {maximum}")
        return int(value)

    def numbers(self, key: str, minimum: int, maximum: int) -> list[int]:
        values = self._get(key, list, "a list", [])
        for value in values:
            if type(value) is not int or not minimum <= value <= maximum:
                self.fail(key, repr(value), f"numbers from {minimum} to {maximum}")
        return list(dict.fromkeys(values))

    def flag(self, key: str, default: bool) -> bool:
        return bool(self._get(key, bool, "true or false", default))

    def choice(self, key: str, choices: Collection[str], default: str) -> str:
        value = self.text(key, None, default)
        if value not in choices:
            self.fail(key, repr(value), ", ".join(filter(None, choices)))
        return value

    def texts(self, key: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
        values = self._get(key, list, "a list of texts", [])
        for value in values:
            if not isinstance(value, str) or not pattern.match(value):
                self.fail(key, repr(value), f"texts like {_shown(pattern)}")
        if len(set(values)) != len(values):
            self.fail(key, "a duplicate entry", "distinct entries")
        return tuple(values)

    def names(self, key: str, known: Iterable[str], kind: str) -> tuple[str, ...]:
        """Return texts that name entries of another table."""
        values = self.texts(key, _ANY)
        known = tuple(known)
        for value in values:
            if value not in known:
                self.fail(key, repr(value), f"{kind} of this file: {', '.join(known) or 'there are none'}")
        return values

    def table(self, key: str) -> _Table | None:
        if key not in self._values:
            self._known.append(key)
            return None
        return self._below(key, self._get(key, dict, "a table", None))

    def tables(self, key: str, pattern: re.Pattern[str]) -> list[tuple[str, _Table]]:
        """Return name and content of each table below ``key``."""
        return [(name, self._below(f"{key}.{name}", value)) for name, value in self._entries(key, pattern)]

    def named_texts(self, key: str, pattern: re.Pattern[str]) -> dict[str, str]:
        """Return name and value of each text below ``key``."""
        texts = {}
        for name, value in self._entries(key, pattern):
            if not isinstance(value, str):
                self.fail(f"{key}.{name}", _kind(value), "a text")
            texts[name] = value
        return texts

    def texts_or_tables(self, key: str, pattern: re.Pattern[str]) -> list[tuple[str, str | _Table]]:
        """Return name and content of each entry below ``key``, a text or a table."""
        return [
            (name, value if isinstance(value, str) else self._below(f"{key}.{name}", value))
            for name, value in self._entries(key, pattern)
        ]

    def reject_unknown(self) -> None:
        """Raise for the first key that was not read."""
        for key in self._values:
            if key not in self._known:
                similar = difflib.get_close_matches(key, self._known, 1)
                self.fail(key, "an unknown key", f"{similar[0]}?" if similar else ", ".join(self._known))

    def fail(self, key: str, found: str, required: str) -> NoReturn:
        name = self._named(self._name(key))
        raise UsageError(f"{self._file}: {name}", found=found, required=required)

    def _get(self, key: str, kind: type, required: str, default: Any) -> Any:
        self._known.append(key)
        if key not in self._values:
            if default is None:
                self.fail(key, "missing", required)
            return default
        value = self._values[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fail(key, _kind(value), required)
        return value

    def _entries(self, key: str, pattern: re.Pattern[str]) -> list[tuple[str, Any]]:
        values = self._get(key, dict, "a table", {})
        for name in values:
            if not pattern.match(name):
                self.fail(f"{key}.{name}", "an invalid name", f"a name like {_shown(pattern)}")
        return list(values.items())

    def _below(self, key: str, value: Any) -> _Table:
        if not isinstance(value, dict):
            self.fail(key, _kind(value), "a table")
        return _Table(self._file, self._name(key), value, self._named)

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key


def _shown(pattern: re.Pattern[str]) -> str:
    """Return an example of a pattern, or the pattern itself where it is short."""
    return _EXAMPLES.get(pattern) or pattern.pattern.removesuffix(r"\Z")


def _kind(value: object) -> str:
    """Return the kind of a value, not the value itself, which may be a secret in the wrong key."""
    kinds = {
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return kinds.get(type(value), type(value).__name__)


def _project(top: _Table, folder: Path) -> Project:
    project = top.table("project")
    if project is None:
        top.fail("project", "missing", "a table [project] with a name")
    name = project.text("name", _NAME)
    catalog_settings = project.flag("catalog_settings", True)
    operators = project.texts("operators", _PRINCIPAL)
    tags = _tags(project)
    boundary = project.text("permissions_boundary", _BOUNDARY, "")
    role_path = project.text("role_path", _ROLE_PATH, "/")
    configuration = project.text("security_configuration", _CONFIGURATION, "")
    creates_log_groups = project.flag("log_groups", True)
    evidence = _evidence(top.table("evidence"))
    buckets = _buckets(top)
    policy, policy_sha256, policy_files = _policy(project, f"{code_prefix(buckets)}/policy", folder)
    project.reject_unknown()
    _require_policy(top, buckets, policy)
    keys = _keys(top.table("keys"), configuration, catalog_settings)
    connections = {
        connection: _connection(connection, table, name)
        for connection, table in top.tables("connections", _CONNECTION)
    }
    jobs = {job: _job(job, table, buckets, connections) for job, table in top.tables("jobs", _JOB)}
    if not jobs:
        top.fail("jobs", "missing", "at least one table [jobs.NAME]")
    _require_limits(top, jobs, boundary)
    vpc = _vpc(top.table("vpc"), connections, jobs)
    crawlers = {name: _crawler(name, table, buckets) for name, table in top.tables("crawlers", _JOB)}
    audit = _audit(top.table("audit"), jobs, vpc)
    top.reject_unknown()
    # The role of a crawler is named like that of a job.
    like_jobs = {**jobs, **{f"{crawler}-crawler": None for crawler in crawlers}}
    _reject_collisions(top, name, buckets, connections, like_jobs)
    return Project(
        name,
        buckets,
        connections,
        jobs,
        vpc,
        catalog_settings,
        policy,
        policy_sha256,
        operators,
        evidence,
        policy_files,
        tags,
        boundary,
        role_path,
        keys,
        configuration,
        creates_log_groups,
        crawlers,
        audit,
    )


def _tags(table: _Table) -> dict[str, str]:
    """Return the tags of a table's key ``tags``."""
    tags = table.named_texts("tags", _TAG)
    for name, value in tags.items():
        if not _TAG_VALUE.match(value):
            table.fail(f"tags.{name}", repr(value), f"a text like {_shown(_TAG_VALUE)}")
    return tags


def _keys(table: _Table | None, configuration: str, catalog_settings: bool) -> dict[str, str]:
    """Return the ARN of each existing key, by purpose."""
    keys: dict[str, str] = {}
    if table is not None:
        purposes = (*_CONFIGURED, *(("catalog",) if catalog_settings else ()))
        given = {purpose: table.parsed(purpose, KmsKeyArn.parse, "") for purpose in purposes}
        table.reject_unknown()
        keys = {purpose: arn for purpose, arn in given.items() if arn}
    missing = [purpose for purpose in _CONFIGURED if purpose not in keys] if configuration else []
    if missing:
        raise UsageError(
            f"{FILE_NAME}: keys.{missing[0]}",
            found="missing",
            required=f"the key for {missing[0]} of the existing configuration {configuration}",
        )
    return keys


def _require_policy(top: _Table, buckets: Mapping[str, Bucket], policy: str) -> None:
    """Require a policy file for a created bucket with another encryption than the data key's."""
    for bucket in buckets.values():
        if not policy and not bucket.existing and (bucket.key or bucket.encryption != SSE_KMS):
            key = "key" if bucket.key else "encryption"
            required = (
                "project.policy with a target for the bucket: without one, a run writes under the data key"
            )
            top.fail(f"buckets.{bucket.alias}.{key}", "without a policy file", required)


def _reject_collisions(
    top: _Table,
    project: str,
    buckets: Mapping[str, Bucket],
    connections: Mapping[str, Connection],
    jobs: Mapping[str, object],
) -> None:
    """Reject names that would be equal in AWS or in a template."""
    # Names of roles differ in more than case, logical ids of CloudFormation in letters or digits.
    for key, names in (("buckets", buckets), ("connections", connections), ("jobs", jobs)):
        seen: dict[str, str] = {}
        for name in names:
            plain = re.sub(r"[^a-z0-9]", "", name.lower())
            if plain in seen:
                top.fail(
                    f"{key}.{name}", f"a name like {seen[plain]}", "names that differ in letters or digits"
                )
            seen[plain] = name
    for name in connections:
        if re.sub(r"[^a-z0-9]", "", name.lower()) in ("network", f"{project.replace('-', '')}network"):
            top.fail(f"connections.{name}", "the name of the project's network connection", "another name")
    if any(re.sub("_", "", alias) == "accesslogs" for alias in buckets):
        top.fail("buckets.access_logs", "the name of the bucket of access logs", "another name")
    secrets: dict[str, str] = {}
    for connection in connections.values():
        if connection.secret in secrets:
            found = f"the secret of {secrets[connection.secret]}"
            top.fail(f"connections.{connection.name}.secret", found, "another name")
        secrets[connection.secret] = connection.name


def _evidence(table: _Table | None) -> EvidenceSettings:
    if table is None:
        return EvidenceSettings()
    settings = EvidenceSettings(
        table.choice("lock", ("", "governance", "compliance"), ""),
        table.number("days", 1, 36500, 365),
        table.flag("sign", True),
        table.parsed("key", KmsKeyArn.parse, ""),
        table.texts("auditors", _PRINCIPAL),
    )
    table.reject_unknown()
    return settings


def _require_limits(top: _Table, jobs: Mapping[str, Job], boundary: str) -> None:
    """Raise if a job has a policy that allows it to use the data or keys of all jobs, without a boundary."""
    if boundary and not _is_broad(boundary):
        return
    for job in jobs.values():
        for broad in filter(_is_broad, job.policies):
            top.fail(
                f"jobs.{job.name}.policies",
                f"{broad}, which allows the use or change of every key, role or bucket",
                "a policy for the sources of the job, or a limit in project.permissions_boundary",
            )


def _is_broad(policy: str) -> bool:
    """Return whether an ARN is that of an AWS managed policy of ``_BROAD_POLICIES``."""
    return ":iam::aws:" in policy and policy.rpartition("/")[2] in _BROAD_POLICIES


def _audit(table: _Table | None, jobs: Mapping[str, Job], vpc: Vpc | None) -> AuditSettings:
    if table is None:
        return AuditSettings()
    settings = AuditSettings(table.text("job", _JOB, ""), table.flag("alerts", False))
    table.reject_unknown()
    if not settings.job:
        return settings
    job = jobs.get(settings.job)
    if job is None:
        table.fail("job", repr(settings.job), f"a job of the file: {', '.join(jobs)}")
    if job.role:
        table.fail("job", f"{settings.job!r}, with an existing role", "a job whose role the template creates")
    if not job.schedule:
        table.fail("job", f"{settings.job!r}, without a schedule", f"jobs.{settings.job}.schedule")
    if vpc is not None and not vpc.id:
        table.fail(
            "job",
            f"{settings.job!r}, in a VPC without a route to AWS IAM",
            "an existing VPC with such a route, or a project of its own without [vpc]",
        )
    return settings


def _policy(project: _Table, prefix: str, folder: Path) -> tuple[str, str, dict[str, bytes]]:
    """Return the policy files of every job and their digests, as their arguments name them.

    A file of the project gets a location below the prefix that contains its digest, so that no deployment
    replaces the file that runs of another one use.

    Returns:
        Locations, digests, and the content of the project's own files by location.
    """
    files, digests = project.text("policy", None, ""), project.text("policy_sha256", None, "")
    if not files:
        if digests:
            project.fail("policy_sha256", "without policy", "policy and policy_sha256")
        return "", "", {}
    contents: dict[str, bytes] = {}
    pinned: list[tuple[str, str]] = []
    stated = [digest.strip() for digest in digests.split(",") if digest.strip()]
    for name in map(str.strip, files.split(",")):
        digest = stated.pop(0) if stated and _is_elsewhere(name) else ""
        if not _is_elsewhere(name):
            content = _policy_file(project, folder, name)
            digest = sha256(content).hexdigest()
            name = f"{prefix}/{digest}{Path(name).suffix}"
            contents[name] = content
        pinned.append((name, digest))
    if stated or not all(digest for _, digest in pinned):
        required = "one SHA-256 for each policy file that is not a file of the project, which pins it"
        project.fail("policy_sha256", repr(digests) if digests else "missing", required)
    files, digests = (",".join(texts) for texts in zip(*pinned, strict=True))
    given = JobArguments({POLICY: files, POLICY_SHA256: digests})
    try:
        locations = policy_locations(given)
        for location in locations:
            if location.startswith("s3://"):
                _object_location(location)
        policy_digests(given, len(locations))
    except UsageError as error:
        key = "policy_sha256" if POLICY_SHA256 in error.resource else "policy"
        project.fail(key, error.found, error.required)
    return files, digests, contents


def _is_elsewhere(name: str) -> bool:
    return "://" in name or name.startswith(PACKAGED)


def _policy_file(project: _Table, folder: Path, name: str) -> bytes:
    """Return the content of a valid policy file of the project. Raises UsageError."""
    path = folder / name
    if path.suffix not in (".toml", ".json"):
        project.fail("policy", repr(name), "s3://BUCKET/KEY, package:PACKAGE/FILE, or a file .toml or .json")
    try:
        content = path.read_bytes()
        parse_policy(content.decode("utf-8"), name, as_json=path.suffix == ".json")
    except (OSError, UnicodeDecodeError) as error:
        project.fail("policy", f"{name}: {unread(error)}", "a policy file beside the project file")
    return content


def _buckets(top: _Table) -> dict[str, Bucket]:
    buckets: dict[str, Bucket] = {}
    for alias, entry in top.texts_or_tables("buckets", _ALIAS):
        bucket = Bucket(alias, entry) if isinstance(entry, str) else _bucket(alias, entry)
        if not _is_bucket_name(bucket.name):
            required = "a bucket name, as Amazon S3 accepts it for a new bucket"
            top.fail(f"buckets.{alias}", repr(bucket.name), required)
        for other in buckets.values():
            if other.name == bucket.name:
                top.fail(f"buckets.{alias}", f"the bucket of {other.alias}", "another bucket")
        buckets[alias] = bucket
    for alias in (ARTIFACTS, EVIDENCE):
        if alias not in buckets:
            top.fail(f"buckets.{alias}", "missing", "a bucket name")
    return buckets


def _is_bucket_name(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        reserved = name.startswith(_RESERVED_STARTS) or name.endswith(_RESERVED_ENDS)
        return _BUCKET.match(name) is not None and not reserved
    return False


def _bucket(alias: str, table: _Table) -> Bucket:
    bucket = Bucket(
        alias,
        table.text("name"),
        table.flag("existing", False),
        table.parsed("key", KmsKeyArn.parse, ""),
        table.flag("lake_formation", False),
        table.texts("readers", _PRINCIPAL),
        table.texts("producers", _PRINCIPAL),
        table.text("registration_role", None, ""),
        table.choice("encryption", (SSE_KMS, SSE_S3), SSE_KMS),
    )
    table.reject_unknown()
    role = bucket.registration_role
    if role not in ("", SERVICE_LINKED) and not _PRINCIPAL.match(role):
        table.fail("registration_role", repr(role), f"{SERVICE_LINKED}, or the ARN of a role")
    if bucket.existing and (bucket.readers or bucket.producers or role):
        name = next(key for key in ("readers", "producers", "registration_role") if getattr(bucket, key))
        table.fail(
            name,
            "for an existing bucket, whose policy and key no template changes",
            "a bucket that the template creates; of another, change the policies of bucket and key",
        )
    if bucket.lake_formation and (not bucket.existing or alias in (ARTIFACTS, EVIDENCE)):
        table.fail(
            "lake_formation",
            f"true for {alias!r}, which the jobs read and write with their own S3 permissions"
            if bucket.existing
            else "true for a bucket that the template creates",
            "an existing bucket whose location is registered with Lake Formation",
        )
    other = bucket.key or bucket.encryption != SSE_KMS
    if other and alias in (ARTIFACTS, EVIDENCE) and not bucket.existing:
        key = "key" if bucket.key else "encryption"
        table.fail(
            key, "for code, or for evidence and bookmarks", "the keys of the project: [keys], evidence.key"
        )
    if bucket.encryption != SSE_KMS and (bucket.existing or bucket.key):
        found = "with a key" if bucket.key else "for an existing bucket, which no template changes"
        table.fail("encryption", found, "a bucket that the template creates, without a key")
    return bucket


def _object_location(value: str) -> None:
    """Require an S3 location that names the same objects in a policy and in a template."""
    S3Uri.parse(value)
    if set(value) & set("$*?{}"):
        raise UsageError("location", found=repr(value), required="an S3 location without $, *, ?, { and }")


def _connection(name: str, table: _Table, project: str) -> Connection:
    url = table.text("url")
    try:
        port = read_url(url).port
    except ControlError as error:
        # ``found`` shows no part of the URL that may be a password.
        table.fail("url", f"{error.control}: {error.found}", f"{error.required}; {error.fix}")
    connection = Connection(
        name,
        url,
        port,
        table.text("secret", _SECRET, f"{project}/{name}"),
        table.parsed("certificate", _object_location, ""),
        table.parsed("secret_key", KmsKeyArn.parse, ""),
        table.text("rotation", _LAMBDA, ""),
        table.number("rotation_days", 1, 1000, 30),
    )
    table.reject_unknown()
    if connection.secret_key and connection.has_own_secret:
        table.fail(
            "secret_key", "for a secret that the template creates", "secret = ARN, of an existing secret"
        )
    if connection.rotation and not connection.has_own_secret:
        table.fail("rotation", "for an existing secret, which no template changes", "no rotation")
    return connection


def _job(
    name: str, table: _Table, buckets: Mapping[str, Bucket], connections: Mapping[str, Connection]
) -> Job:
    job_name(name)
    script = table.text("script")
    if not script.endswith(".py") or Path(script).is_absolute() or ".." in Path(script).parts:
        table.fail("script", repr(script), "the path of a Python file, relative to the project")
    arguments = table.named_texts("arguments", _ARGUMENT)
    reserved = {argument.replace("_", "-") for argument in (*DECISIVE, *FIXED_ARGUMENTS)}
    for argument in arguments:
        spelled = argument.replace("_", "-")
        if spelled in _SECURITY_KEYS:
            found = "an argument that no run may override"
            table.fail(
                f"arguments.{argument}", found, f"the key {_SECURITY_KEYS[spelled]} of the job's table"
            )
        if spelled in reserved or spelled.startswith("glue-secure-"):
            found = "an argument that the project sets for every job"
            table.fail(f"arguments.{argument}", found, "another name")
        if is_secret_name(argument):
            table.fail(
                f"arguments.{argument}", "an argument for a secret", "the name of a secret in a connection"
            )
        if "\0" in arguments[argument]:
            table.fail(f"arguments.{argument}", repr(arguments[argument]), "a text without U+0000")
        if argument in _LOG_GROUPS and not _LOG_GROUP.match(arguments[argument]):
            # A wildcard would let the role write to other log groups.
            table.fail(
                f"arguments.{argument}", repr(arguments[argument]), f"a name like {_shown(_LOG_GROUP)}"
            )
    try:
        settings_of(arguments.get("conf", ""))
    except UsageError as error:
        table.fail("arguments.conf", error.found, error.required)
    versions = [version.name for version in GLUE_VERSIONS if version.takes_zip_of_wheels]
    job = Job(
        name,
        script,
        table.names("reads", buckets, "a bucket"),
        table.names("writes", buckets, "a bucket"),
        table.names("connections", connections, "a connection"),
        table.texts("reads_tables", _TABLE),
        table.texts("writes_tables", _TABLE),
        table.choice("glue", versions, "5.1"),
        table.choice("worker_type", WORKER_TYPES, "G.1X"),
        table.number("workers", 2, 299, 2),
        table.number("timeout", 1, 10080, 60),
        table.flag("bookmark", True),
        arguments,
        _security(table),
        {
            policy: table.checked(f"column_keys.{policy}", key, KmsKeyArn.parse)
            for policy, key in table.named_texts("column_keys", _COLUMN_POLICY).items()
        },
        table.flag("request_guard", False),
        table.text("role", _ROLE, ""),
        table.number("retries", 0, 10, 0) if "retries" in table.values else None,
        table.choice("execution_class", ("", "STANDARD", "FLEX"), ""),
        table.parsed("schedule", check_schedule, ""),
        _tags(table),
        table.texts("modules", _MODULE),
        table.text("requirements", _MODULE, ""),
        table.texts("policies", _BOUNDARY),
    )
    if job.policies and job.role:
        table.fail("policies", "for an existing role, which no template changes", "a role of the template")
    if len(job.policies) > _MOST_POLICIES:
        table.fail("policies", str(len(job.policies)), f"{_MOST_POLICIES} at most, a quota of IAM")
    for alias in {ARTIFACTS, EVIDENCE} & set(job.writes):
        table.fail("writes", repr(alias), "a bucket that has neither code nor evidence")
    for alias in job.writes:
        if buckets[alias].lake_formation:
            table.fail(
                "writes",
                f"{alias!r}, which Lake Formation governs",
                "another bucket: glue-secure verifies written objects with the role's own S3 permissions",
            )
    table.reject_unknown()
    return job


def _crawler(name: str, table: _Table, buckets: Mapping[str, Bucket]) -> Crawler:
    crawler = Crawler(
        name,
        table.names("reads", buckets, "a bucket"),
        table.text("database", _DATABASE),
        table.parsed("schedule", check_schedule, ""),
    )
    if not crawler.reads:
        table.fail("reads", "none", "at least one bucket")
    for alias in crawler.reads:
        if alias in (ARTIFACTS, EVIDENCE) or buckets[alias].lake_formation:
            table.fail("reads", repr(alias), "buckets of data that Lake Formation does not govern")
    table.reject_unknown()
    return crawler


def _security(table: _Table) -> dict[str, str]:
    """Return the arguments of glue-secure that the job's table sets, without ``--``."""

    def joined(key: str) -> str:
        return ",".join(table.texts(key, _ANY))

    suites = table.texts("suites", _SUITE)
    for suite in suites:
        if suite.startswith("s3://"):
            table.checked("suites", suite, _object_location)
    high_water = table.text("high_water", None, "")
    given = {
        # The default of the argument, which SecureJob refuses where it is given.
        BOOKMARKS: table.choice("bookmarks", ("portable", "native"), "native").replace("native", ""),
        BOOKMARK_DECRYPT_KEYS: joined("bookmark_decrypt_keys"),
        BOOKMARK_HIGH_WATER: f"dynamodb:{high_water}" if high_water else "",
        COLUMNS: table.parsed("columns", _object_location, ""),
        SUITES: ",".join(suites),
        QUARANTINE: table.parsed("quarantine", _object_location, ""),
        WORKER_ENCRYPTION: table.choice("worker_encryption", ("required", "reported"), "reported"),
        FINE_GRAINED: "true" if table.flag("fine_grained", False) else "",
        SECRET_NAMES: joined("secret_names"),
        ALLOWED_CONNECTORS: joined("allowed_connectors"),
    }
    security = {name: value for name, value in given.items() if value}
    arguments = JobArguments(security)
    for name, parse in (
        (BOOKMARK_DECRYPT_KEYS, arguments.bookmark_decrypt_keys),
        (BOOKMARK_HIGH_WATER, arguments.bookmark_high_water),
        (ALLOWED_CONNECTORS, arguments.allowed_connectors),
    ):
        try:
            parse()
        except UsageError as error:
            table.fail(_SECURITY_KEYS[name], error.found, error.required)
    return security


def _vpc(table: _Table | None, connections: Mapping[str, Connection], jobs: Mapping[str, Job]) -> Vpc | None:
    if table is None:
        return None
    existing = table.text("id", _VPC, "")
    cidr = table.text("cidr", None if existing else _ANY, "" if existing else None)
    named = table.texts("availability_zones", _ZONE)
    endpoints = table.texts("existing_endpoints", _ANY)
    for endpoint in endpoints:
        if endpoint not in _ENDPOINTS:
            table.fail("existing_endpoints", repr(endpoint), f"some of {', '.join(_ENDPOINTS)}")
    if existing:
        subnets, route_tables, zones = (
            table.texts("subnets", _SUBNET),
            table.texts("route_tables", _ROUTE_TABLE),
            0,
        )
        if not subnets:
            table.fail("subnets", "none", "at least one, in the VPC named by id")
        if len(named) != len(subnets):
            table.fail("availability_zones", str(len(named)), "the zone of each subnet, in the same order")
        gateways = {"s3"} | (
            {"dynamodb"} if any(job.all_arguments.bookmark_high_water() for job in jobs.values()) else set()
        )
        if missing := sorted(gateways - set(endpoints)) if not route_tables else []:
            required = f"those of the subnets, for the endpoint of {missing[0]}"
            table.fail("route_tables", "none", f"{required}, or {missing[0]} in existing_endpoints")
    else:
        zones = table.number("zones", 1, 3, len(named) or 2)
        subnets, route_tables = (), ()
        if named and len(named) != zones:
            table.fail("availability_zones", str(len(named)), f"{zones}, as zones says")
        if endpoints:
            table.fail(
                "existing_endpoints", "for a VPC that the template creates", "the key id, of an existing VPC"
            )
    flow_logs = table.flag("flow_logs", not existing)
    if flow_logs and existing:
        table.fail("flow_logs", "true for an existing VPC", "a VPC that the template creates")
    own_principals_only = table.flag("own_principals_only", False)
    is_required = table.flag("required", False)
    endpoints_required = table.flag("endpoints_required", False)
    endpoint_ids = table.texts("endpoint_ids", _ENDPOINT_ID)
    if endpoint_ids and not endpoints_required:
        table.fail("endpoint_ids", "without endpoints_required", "endpoints_required = true")
    if endpoints_required and len(endpoint_ids) < len(without := set(endpoints) & set(DATA_SERVICES)):
        required = f"the ids of the existing endpoints for {', '.join(sorted(without))}"
        table.fail("endpoint_ids", str(len(endpoint_ids)), required)
    databases = table.text("databases", None, cidr)
    ports = tuple(table.numbers("ports", 1, 65535))
    if not databases and (ports or any(connection.port != 443 for connection in connections.values())):
        table.fail("databases", "missing", "the address range of the databases, like 10.0.0.0/8")
    for key, text in (("cidr", cidr), ("databases", databases)):
        if not text:
            continue
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            table.fail(key, repr(text), "an IPv4 network, like 10.20.0.0/16")
        if network.version != 4 or not 8 <= network.prefixlen <= 24:
            table.fail(key, repr(text), "an IPv4 network of /8 to /24")
    if not existing and ipaddress.ip_network(cidr).prefixlen < 16:
        table.fail("cidr", repr(cidr), "/16 to /24, the sizes of a VPC")
    table.reject_unknown()
    if not existing:
        _require_addresses(table, cidr, zones, jobs)
    return Vpc(
        cidr,
        zones,
        existing,
        subnets,
        named,
        route_tables,
        endpoints,
        databases,
        flow_logs,
        own_principals_only,
        is_required,
        endpoints_required,
        endpoint_ids,
        ports,
    )


def _require_addresses(table: _Table, cidr: str, zones: int, jobs: Mapping[str, Job]) -> None:
    """Require that the subnet of the connections has an address for each worker of the largest job."""
    job = max(jobs.values(), key=lambda job: job.workers)
    # AWS reserves five addresses of each subnet, and each interface endpoint has one.
    interfaces = len(_ENDPOINTS) - len(_GATEWAYS)
    free = ipaddress.ip_network(subnet_blocks(cidr, zones)[0]).num_addresses - 5 - interfaces
    if job.workers > free:
        found = f"{cidr!r}, whose subnets have addresses for {free} workers"
        table.fail("cidr", found, f"a larger network: job {job.name} has {job.workers} workers")
