"""The evidence of runs as it is stored, in S3 or in a local folder.

A location has ``job=JOB/run=RUN_ID/evidence.json``, ``evidence-2.json`` for a second attempt, and
``_started.json`` for each start; see :mod:`glue_secure.run.evidence_store`.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from glue_secure.core.controls import is_reported_only
from glue_secure.core.errors import UsageError, VerificationError
from glue_secure.core.evidence import canonical_json, digest
from glue_secure.core.evidence_parts import NAME as PART_NAME
from glue_secure.core.evidence_parts import SUFFIX, lines_of
from glue_secure.core.findings import Finding, unknown
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.json_documents import parse_json
from glue_secure.core.objects import ObjectVersion, StoredObject
from glue_secure.core.ports import ObjectStore
from glue_secure.core.service import ServiceError
from glue_secure.report.shape import misplaced

NOT_ENDED = "not ended"
"""The outcome of a start without evidence: the run is still running, or its process was killed."""
UNREADABLE = "unreadable"
"""The outcome of an attempt among others whose document cannot be read, or is none."""

_NAME = re.compile(
    r"(?:.*/)?job=(?P<job>[^/]+)/run=(?P<run>[^/]+)/(?P<kind>evidence|_started)(?:-\d+)?\.json\Z"
)
_SCHEMAS = "glue-secure/evidence/"
_CONTROL = "GS-EVD-001"
_READERS, _AHEAD = 16, 100


@dataclass(frozen=True, slots=True)
class Listed:
    """An object of a location, with the number of its versions.

    Attributes:
        name: its name.
        stored: when its newest version was stored, UTC.
        versions: number of versions; 1 if the location keeps none.
        is_deleted: whether the newest version is a delete marker.
        is_versioned: whether S3 stored it with versioning; None if its versions were not read.
    """

    name: str
    stored: datetime
    versions: int = 1
    is_deleted: bool = False
    is_versioned: bool | None = None


class EvidenceFolder(Protocol):
    """A location with the evidence of many runs."""

    @property
    def is_copy(self) -> bool:
        """Whether the location has neither S3's times and versions nor its encryption."""

    def inventory(self) -> tuple[Iterable[Listed], tuple[Finding, ...]]:
        """Return every object below the location, deleted ones too, and findings about what S3 denied."""

    def read_stored(self, name: str) -> StoredObject:
        """Return an object with its encryption."""

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Yield the name of each object below the location, and when it was stored, UTC."""

    def read(self, name: str) -> bytes:
        """Return an object."""

    def relative(self, name: str) -> str:
        """Return the name of an object below the location."""

    def location(self, name: str) -> str:
        """Return the location of an object, as text."""


@dataclass(frozen=True, slots=True)
class S3Folder:
    """Evidence in S3. Its methods raise VerificationError for what S3 does not return."""

    prefix: S3Uri
    objects: ObjectStore

    @property
    def is_copy(self) -> bool:
        """False: S3 has its own times, versions and encryption of each object."""
        return False

    def inventory(self) -> tuple[Iterable[Listed], tuple[Finding, ...]]:
        """Return every object with its versions; without them if the caller may not list versions."""
        found: dict[str, list[ObjectVersion]] = {}
        try:
            for each in self.objects.versions(self.prefix):
                found.setdefault(each.uri.key, []).append(each)
        except ServiceError as error:
            finding = unknown(
                "GS-EVD-003",
                str(self.prefix),
                found=f"versions that cannot be listed ({error})",
                required="a listing of versions, which shows objects that were replaced or deleted",
                fix="allow s3:ListBucketVersions",
                aws_code=error.code,
            )
            return [Listed(name, stored) for name, stored in self.names()], (finding,)
        listed = []
        for key, versions in found.items():
            newest = next((each for each in versions if each.is_latest), versions[0])
            is_versioned = all(each.version != "null" for each in versions)
            listed.append(
                Listed(key, newest.last_modified, len(versions), newest.is_delete_marker, is_versioned)
            )
        return listed, ()

    def read_stored(self, name: str) -> StoredObject:
        """Return the object with that key."""
        try:
            return self.objects.read(S3Uri(self.prefix.bucket, name))
        except ServiceError as error:
            raise _unreadable(self.location(name), error, "s3:GetObject and kms:Decrypt") from error

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Yield the key of each object below the prefix, and its time."""
        try:
            for entry in self.objects.list(self.prefix):
                yield entry.uri.key, entry.last_modified
        except ServiceError as error:
            raise _unreadable(str(self.prefix), error, "s3:ListBucket") from error

    def read(self, name: str) -> bytes:
        """Return the content of the object with that key."""
        return self.read_stored(name).body

    def relative(self, name: str) -> str:
        """Return a key without the prefix."""
        return name.removeprefix(self.prefix.as_prefix())

    def location(self, name: str) -> str:
        """Return the S3 location of a key."""
        return str(S3Uri(self.prefix.bucket, name))


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A copy of evidence on the local disk. Its methods raise UsageError for what cannot be read."""

    path: Path

    @property
    def is_copy(self) -> bool:
        """True: a folder is a copy."""
        return True

    def inventory(self) -> tuple[Iterable[Listed], tuple[Finding, ...]]:
        """Return every file."""
        return [Listed(name, stored) for name, stored in self.names()], ()

    def read_stored(self, name: str) -> StoredObject:
        """Return a file, without encryption."""
        return StoredObject(self.read(name), etag="")

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Yield the path of each file below the folder, and its modification time."""
        if not self.path.is_dir():
            raise UsageError(str(self.path), found="no such folder", required="a folder with evidence")
        for path in sorted([*self.path.rglob("*.json"), *self.path.rglob(f"*{SUFFIX}")]):
            try:
                modified = path.stat().st_mtime
            except OSError as error:  # a link to a missing file
                found = error.strerror or "not readable"
                raise UsageError(str(path), found=found, required="a complete copy") from error
            yield str(path), datetime.fromtimestamp(modified, timezone.utc)

    def read(self, name: str) -> bytes:
        """Return a file."""
        try:
            return Path(name).read_bytes()
        except OSError as error:
            raise UsageError(name, found=error.strerror or "not readable", required="a document") from error

    def relative(self, name: str) -> str:
        """Return a path below the folder."""
        return name.removeprefix(f"{self.path}/")

    def location(self, name: str) -> str:
        """Return the path."""
        return name


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One attempt of a run.

    Attributes:
        job: name of the job.
        run_id: id of the run.
        stored: when the document was stored; of an attempt without one, when it started. UTC.
        name: the document's name in its location, ``""`` for an attempt without evidence.
        document: the document, once it was read; empty before.
        location: where the document was read, as text.
        sha256: of the document as it is stored, hexadecimal.
    """

    job: str
    run_id: str
    stored: datetime
    name: str = ""
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    location: str = ""
    sha256: str = ""

    @property
    def outcome(self) -> str:
        """The outcome of the document, or :data:`NOT_ENDED`."""
        return str(self.document.get("outcome", "")) if self.name else NOT_ENDED


def stored_runs(folder: EvidenceFolder) -> list[StoredRun]:
    """Return every attempt of every run below the location, newest first, without their documents."""
    ends: dict[tuple[str, str], list[StoredRun]] = defaultdict(list)
    starts: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for name, stored in folder.names():
        if (match := _NAME.match(name)) is None:
            continue
        run = match["job"], match["run"]
        if match["kind"] == "evidence":
            ends[run].append(StoredRun(*run, stored, name))
        else:
            starts[run].append(stored)
    attempts = [attempt for found in ends.values() for attempt in found]
    for run, times in starts.items():
        # Starts and ends are counted, because the second of two attempts may be the only one with an end.
        without_end = len(times) - len(ends.get(run, ()))
        attempts += [StoredRun(*run, stored) for stored in sorted(times)[-without_end:] if without_end > 0]
    return sorted(attempts, key=lambda each: (each.stored, each.job, each.run_id), reverse=True)


def named_run(name: str) -> StoredRun:
    """Return the attempt whose document has that name, as far as the name says."""
    match = _NAME.match(name)
    job, run = (match["job"], match["run"]) if match else ("", "")
    return StoredRun(job, run, datetime.fromtimestamp(0, timezone.utc), name)


def with_documents(
    folder: EvidenceFolder, runs: Sequence[StoredRun], progress: Callable[[int], None] = lambda _: None
) -> Iterator[StoredRun]:
    """Yield the runs in their order with their documents, of which 16 are read at a time.

    A caller that stops early has at most a hundred documents read in vain. An attempt whose document cannot
    be read, or is none, has the outcome :data:`UNREADABLE` and the finding GS-EVD-001.

    Args:
        folder: the location.
        runs: from :func:`stored_runs`.
        progress: called with the number of documents read.
    """

    def read(run: StoredRun) -> StoredRun:
        try:
            return read_document(folder, run) if run.name else run
        except (VerificationError, UsageError) as error:
            location = folder.location(run.name)
            return replace(run, document=_document_of(error, run, location), location=location)

    with ThreadPoolExecutor(_READERS, thread_name_prefix="glue-secure-evidence") as pool:
        for start in range(0, len(runs), _AHEAD):
            for number, run in enumerate(pool.map(read, runs[start : start + _AHEAD]), start + 1):
                progress(number)
                yield run


def read_document(folder: EvidenceFolder, run: StoredRun) -> StoredRun:
    """Return the attempt with its document.

    Raises:
        VerificationError, UsageError: the document cannot be read, or is none (GS-EVD-001).
    """
    body, location = folder.read(run.name), folder.location(run.name)
    return replace(run, document=parse_document(body, location), location=location, sha256=digest(body))


def read_objects(folder: EvidenceFolder, run: StoredRun) -> Iterator[dict[str, Any]]:
    """Yield every object that an attempt wrote, purged or moved, as a line of a part of evidence.

    The lines of the document come first, then those of its parts.

    Raises:
        VerificationError, UsageError: a part cannot be read, or is not the one that the document names
            (GS-EVD-001).
    """
    for record, properties in (("writes", ("objects", "proved")), ("housekeeping", ("objects", "failed"))):
        for number, item in enumerate(run.document.get(record) or ()):
            for name in properties:
                for value in item.get(name) or ():
                    yield {"record": record, "number": number, "property": name, "value": value}
    for part in run.document.get("parts") or ():
        name = f"{run.name.rpartition('/')[0]}/{part.get('name')}"
        is_name = re.fullmatch(PART_NAME, str(part.get("name")))
        body = folder.read(name) if is_name else b""
        if digest(body) != part.get("sha256"):
            raise VerificationError(
                control=_CONTROL,
                resource=folder.location(name),
                found=f"SHA-256 {digest(body)}" if is_name else "a name that no run gives",
                required=f"{part.get('sha256')}, by {run.location}",
                fix=f"glue-secure evidence verify {run.run_id}",
            )
        yield from lines_of(body)


def not_passed(document: Mapping[str, Any]) -> list[str]:
    """Return the ids of the controls that did not pass, sorted, with the one that stopped the run.

    Findings that :func:`is_reported` are left out.
    """
    found = {
        each.get("control")
        for each in document.get("controls") or ()
        if each.get("verdict") != "PASS" and not is_reported(each, document)
    }
    found.add(_stopping_control(document))
    return sorted(str(control) for control in found if control)


def reported(document: Mapping[str, Any]) -> list[str]:
    """Return the ids of the controls with findings that are reported only, sorted."""
    return sorted(
        {str(each.get("control")) for each in document.get("controls") or () if is_reported(each, document)}
    )


def is_reported(finding: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    """Return whether a finding of the document did not pass, and is no violation of the policy.

    An exception of the policy file tolerates it, or it is reported only (:func:`is_reported_only`) and its
    control did not stop the run.
    """
    control, verdict = str(finding.get("control")), str(finding.get("verdict"))
    if finding.get("exception"):
        return verdict != "PASS"
    return is_reported_only(control, verdict) and control != _stopping_control(document)


def _stopping_control(document: Mapping[str, Any]) -> str | None:
    control = (document.get("error") or {}).get("control")
    return str(control) if control else None


def signing_key(document: Mapping[str, Any]) -> str:
    """Return the ARN of the key that the run signed with, ``""`` if its evidence is not signed.

    Only :mod:`.chain_verification` decides whether the signature is right.
    """
    return str((document.get("chain") or {}).get("signing_key") or "")


def parse_document(body: bytes, location: str) -> Mapping[str, Any]:
    """Return the document in ``body``. Raises VerificationError (GS-EVD-001) if it is no evidence."""
    try:
        document = parse_json(body)
    except ValueError:
        document = None
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not str(schema).startswith(_SCHEMAS):
        found = "no JSON document" if document is None else f"a document of schema {schema!r}"
    else:
        part = misplaced(document)
        found = f"a damaged document: {part} is not what the schema says" if part else ""
    if found or not isinstance(document, dict):
        raise VerificationError(
            control=_CONTROL,
            resource=location,
            found=found,
            required=f"evidence of glue-secure ({_SCHEMAS}1)",
            fix="name the evidence of a run, or find out who wrote this object",
        )
    return document


def _document_of(error: VerificationError | UsageError, run: StoredRun, location: str) -> Mapping[str, Any]:
    """Return a document that says only why there is none."""
    finding = unknown(
        _CONTROL, location, found=error.found, required=error.required, fix=error.fix or f"read {location}"
    )
    return {
        "job": run.job,
        "run_id": run.run_id,
        "outcome": UNREADABLE,
        "started": run.stored.isoformat(),
        "error": {"type": type(error).__name__, "control": _CONTROL, "message": error.found},
        "controls": [json.loads(canonical_json(finding))],
    }


def _unreadable(location: str, error: ServiceError, permission: str) -> VerificationError:
    return VerificationError(
        control=_CONTROL,
        resource=location,
        found=str(error),
        required="evidence that can be read",
        fix=f"check the location, and allow {permission}",
        aws_code=error.code,
    )
