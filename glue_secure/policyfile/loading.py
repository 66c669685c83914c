"""Load the policy files that a job's arguments name, and check that each is the reviewed one (GS-POL-001)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import PurePosixPath
from typing import Any

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, enforce, failed, passed, stop, unknown
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.objects import StoredObject
from glue_secure.core.policy_arguments import (
    PACKAGED,
    POLICY,
    POLICY_SHA256,
    policy_digests,
    policy_locations,
)
from glue_secure.core.ports import Catalog, KeyService, ObjectStore
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.policyfile.levels import combine
from glue_secure.policyfile.model import PolicyFile
from glue_secure.policyfile.reader import MOST_BYTES, parse_policy


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """One policy file.

    Attributes:
        location: S3 location, or ``package:PACKAGE/FILE``.
        sha256: SHA-256 of its bytes, hexadecimal.
        version: S3's version id, ``""`` without one.
        integrity: what shows that the file is the reviewed one.
        policy: its content.
    """

    location: str
    sha256: str
    version: str
    integrity: str
    policy: PolicyFile

    def as_mapping(self) -> dict[str, str]:
        """Return the record for the evidence."""
        return {
            "location": self.location,
            "level": self.policy.level.value,
            "name": self.policy.name,
            "sha256": self.sha256,
            "version": self.version,
            "integrity": self.integrity,
        }


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """The policy of a run.

    Attributes:
        files: the files, in the order of the argument; empty for the default.
        policy: all levels combined; the targets have prefixes.
        missing_tables: tables of targets that the Data Catalog does not have.
        tables: location of each other table of a target.
    """

    files: tuple[LoadedFile, ...] = ()
    policy: PolicyFile = field(default_factory=PolicyFile)
    missing_tables: tuple[str, ...] = ()
    tables: Mapping[str, S3Uri] = field(default_factory=dict)

    def as_mapping(
        self, uses: Mapping[str, int], exceptions: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any] | None:
        """Return the record for the evidence; None for the default.

        Args:
            uses: entry → number of objects that it decided about.
            exceptions: the exceptions, with the days that each has left and its uses.
        """
        if not self.files:
            return None
        return {
            "files": [file.as_mapping() for file in self.files],
            "used": dict(sorted(uses.items())),
            "missing_tables": list(self.missing_tables),
            "exceptions": list(exceptions),
        }


def load_policy(
    arguments: JobArguments, *, objects: ObjectStore, keys: KeyService, catalog: Catalog, account: str
) -> tuple[LoadedPolicy, tuple[Finding, ...]]:
    """Return the policy of a run and the findings of GS-POL-001; the default without the argument.

    Args:
        arguments: the job's arguments.
        objects: S3.
        keys: AWS KMS, for files without a digest in the arguments.
        catalog: the Data Catalog, for targets that are tables.
        account: the run's AWS account.

    Raises:
        UsageError: an argument or a file is invalid, or a lower level loosens what an upper one states.
        RefusedError: GS-POL-001, a file is not the reviewed one.
        VerificationError: GS-POL-001, a file or the location of a table cannot be read.
    """
    locations = policy_locations(arguments)
    digests = policy_digests(arguments, len(locations))
    files: list[LoadedFile] = []
    findings: list[Finding] = []
    for location, digest in zip(locations, digests, strict=True):
        file, checked = _load(location, digest, objects, keys, account)
        files.append(file)
        findings += checked
    stated = [file.policy for file in files]
    tables, missing = _located([table for one in stated for table in one.tables], catalog)
    return LoadedPolicy(tuple(files), combine(stated, tables), missing, tables), tuple(findings)


def moved_tables(loaded: LoadedPolicy, catalog: Catalog) -> tuple[PolicyFile, tuple[S3Uri, ...]]:
    """Return the policy with the locations that tables of targets have now, and the locations that are new.

    Raises:
        UsageError: a table's target loosens another one at the new location.
        VerificationError: GS-POL-001, the location of a table cannot be read.
    """
    stated = [file.policy for file in loaded.files]
    tables, _ = _located([table for one in stated for table in one.tables], catalog)
    new = tuple(place for table, place in tables.items() if loaded.tables.get(table) != place)
    return (combine(stated, tables) if new else loaded.policy), new


def _load(
    location: str, digest: str, objects: ObjectStore, keys: KeyService, account: str
) -> tuple[LoadedFile, tuple[Finding, ...]]:
    stored = _packaged(location) if location.startswith(PACKAGED) else _object(location, objects)
    found = hashlib.sha256(stored.body).hexdigest()
    if digest:
        finding = check_digest(location, found, digest)
    elif location.startswith(PACKAGED):
        finding = passed("GS-POL-001", location, f"SHA-256 {found}, part of the job's packages")
    else:
        finding = check_key_of_policy(location, stored, keys, account)
    findings = enforce([finding])
    if len(stored.body) > MOST_BYTES:
        raise UsageError(location, found=f"{len(stored.body)} bytes", required=f"at most {MOST_BYTES}")
    try:
        text = stored.body.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(location, found="bytes that are not UTF-8", required="a policy file") from None
    as_json = PurePosixPath(location).suffix.lower() == ".json"
    policy = parse_policy(text, location, as_json=as_json)
    return LoadedFile(location, found, stored.version, finding.found, policy), findings


def check_digest(location: str, found: str, required: str) -> Finding:
    """Check that a policy file has the SHA-256 of the arguments (GS-POL-001)."""
    if found == required:
        return passed("GS-POL-001", location, f"SHA-256 {found}, as --{POLICY_SHA256} requires")
    return failed(
        "GS-POL-001",
        location,
        found=f"SHA-256 {found}",
        required=f"SHA-256 {required}, which --{POLICY_SHA256} names",
        fix=f"review the file; then set --{POLICY_SHA256} {found} in the job's arguments",
    )


def check_key_of_policy(location: str, stored: StoredObject, keys: KeyService, account: str) -> Finding:
    """Check that a policy file without a digest is under a customer managed key of the account (GS-POL-001).

    The key policy then decides who can replace the file.
    """
    found = f"{stored.algorithm or 'no encryption'} {stored.key}".strip()
    key: KmsKey | None = None
    if stored.algorithm in ("aws:kms", "aws:kms:dsse") and stored.key:
        try:
            key = keys.describe(stored.key)
        except (ServiceError, UsageError) as error:
            return unknown(
                "GS-POL-001",
                location,
                found=f"{found}; {error}",
                required="the answer of DescribeKey for the key of the policy file",
                fix=f"give the job's role kms:DescribeKey on that key, or set --{POLICY_SHA256}",
                aws_code=error.aws_code if isinstance(error, UsageError) else error.code,
            )
    if key is not None and (key.manager, key.arn.account) == ("CUSTOMER", account):
        return passed("GS-POL-001", location, f"{found}, a customer managed key of the account")
    digest = hashlib.sha256(stored.body).hexdigest()
    return failed(
        "GS-POL-001",
        location,
        found=found,
        required="SSE-KMS under a customer managed key of the account, or a SHA-256 in the arguments",
        fix=f"set --{POLICY_SHA256} {digest} in the job's arguments, after a review of the file",
    )


def _object(location: str, objects: ObjectStore) -> StoredObject:
    try:
        return objects.read(S3Uri.parse(location), most=MOST_BYTES + 1)
    except ServiceError as error:
        stop(
            unknown(
                "GS-POL-001",
                location,
                found=str(error),
                required=f"the policy file that --{POLICY} names",
                fix="give the job's role s3:GetObject on the object and kms:Decrypt on its key, or upload it",
                aws_code=error.code,
            )
        )


def _packaged(location: str) -> StoredObject:
    package, _, name = location.removeprefix(PACKAGED).partition("/")
    try:
        body = resources.files(package).joinpath(name).read_bytes()
    except (ModuleNotFoundError, TypeError, OSError) as error:  # TypeError: a module, not a package
        raise UsageError(
            f"--{POLICY}",
            found=f"{location}: {type(error).__name__}",
            required="a file of a package that the job imports",
            fix="add the package to --additional-python-modules or --extra-py-files",
        ) from None
    return StoredObject(body, "")


def _located(tables: list[str], catalog: Catalog) -> tuple[Mapping[str, S3Uri], tuple[str, ...]]:
    """Return the location of each table, and the tables that do not exist."""
    located: dict[str, S3Uri] = {}
    missing = []
    for table in dict.fromkeys(tables):
        database, _, name = table.partition(".")
        try:
            location = catalog.table(database, name).location
            located[table] = S3Uri.parse(location)
        except NotFound:
            missing.append(table)
        except (ServiceError, UsageError) as error:
            stop(
                unknown(
                    "GS-POL-001",
                    f"table {table} of a target",
                    found=str(error) if isinstance(error, ServiceError) else error.found,
                    required="the table's S3 location",
                    fix="give the job's role glue:GetTable on the table, or name a prefix in the entry",
                    aws_code=error.code if isinstance(error, ServiceError) else None,
                )
            )
    return located, tuple(missing)
