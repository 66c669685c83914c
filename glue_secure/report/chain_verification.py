"""Verify stored evidence against the chains of its jobs (GS-EVD-003).

The entries are verified from the first to the newest: name, place, job, account, predecessor, time and
signature. Then each document is compared with its entry. In the location where the runs wrote it, S3's own
times, keys and versions are compared too; a copy has none of these.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from glue_secure.core.arguments import EVIDENCE_SIGNING_KEY
from glue_secure.core.chain import FOLDER, ChainEntry, entry_digest, entry_name
from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import digest
from glue_secure.core.evidence_parts import NAME as PART_NAME
from glue_secure.core.findings import Finding, Verdict, failed, passed, unknown
from glue_secure.core.json_documents import parse_json
from glue_secure.core.objects import CLOCK_DIFFERENCE, StoredObject
from glue_secure.report.document import parse_time
from glue_secure.report.signatures import VerificationKey, signature_problem
from glue_secure.report.stored import EvidenceFolder, Listed

CONTROL = "GS-EVD-003"
_READERS, _AHEAD = 32, 320
_DOCUMENT = re.compile(
    r"(?P<root>(?:.*/)?)(?P<document>job=(?P<job>[^/]+)/run=(?P<run>[^/]+)/"
    r"(?P<kind>evidence|_started)(?:-\d+)?\.json)\Z"
)
_PART = re.compile(rf"(?P<root>(?:.*/)?)(?P<document>job=(?P<job>[^/]+)/run=[^/]+/{PART_NAME})\Z")
_ENTRY = re.compile(
    rf"(?P<root>(?:.*/)?)job=(?P<job>[^/]+)/{FOLDER}/(?P<owner>\d{{12}}-[^/]+)/(?P<name>[^/]+)\Z"
)
_HEAD = re.compile(r"(?:(?P<job>.+)=)?(?P<sequence>[1-9]\d{0,11}):(?P<sha256>[0-9a-f]{64})\Z")
_FIND_OUT = (
    "find out who changed it, for instance in CloudTrail's data events, and rely on a copy that verifies "
    "with --copy-of"
)


@dataclass(frozen=True, slots=True)
class Head:
    """An entry that an auditor noted in an earlier verification, as ``[JOB=]SEQUENCE:SHA256``."""

    job: str
    sequence: int
    sha256: str

    @classmethod
    def parse(cls, text: str) -> Head:
        """Parse the text. Raises UsageError."""
        match = _HEAD.match(text)
        if match is None:
            raise UsageError(
                "--head", found=repr(text), required="[JOB=]SEQUENCE:SHA256, as `evidence verify` prints it"
            )
        return cls(match["job"] or "", int(match["sequence"]), match["sha256"])


@dataclass(frozen=True, slots=True)
class Scope:
    """What is verified, and against what.

    Attributes:
        keys: the keys that entries may be signed with; without one, signatures are not verified.
        heads: entries that must be in the chain.
        run: id of the only run whose documents are read, ``""`` for all. Its chain is verified whole.
        job: the only job, ``""`` for all.
        copy_of: location that the documents were copied from; ``""`` if S3 is where the runs wrote them.
    """

    keys: Sequence[VerificationKey] = ()
    heads: Sequence[Head] = ()
    run: str = ""
    job: str = ""
    copy_of: str = ""

    def covers(self, document: str) -> bool:
        """Return whether a document is read."""
        return not self.run or f"/run={self.run}/" in document


@dataclass(frozen=True, slots=True)
class ChainReport:
    """The result for one chain, or for documents without a chain.

    Attributes:
        job: name of the job.
        owner: account and region, ``""`` without a chain.
        location: location of the chain, or of the first document without one.
        entries: number of entries.
        documents: number of documents that were compared with their entries.
        parts: number of parts that were compared with their documents.
        signed: number of entries whose signature was verified.
        signing_keys: the keys that the entries name.
        head: ``SEQUENCE:SHA256`` of the newest entry, ``""`` without a chain.
        not_ended: ids of runs with an entry of their start and none of an end.
        unversioned: number of its entries, or of documents without a chain, that S3 stored without
            versioning; None if versions were not read.
        findings: what was found, in the order of the chain.
    """

    job: str
    owner: str
    location: str
    entries: int
    documents: int
    parts: int
    signed: int
    signing_keys: tuple[str, ...]
    head: str
    not_ended: tuple[str, ...]
    findings: tuple[Finding, ...]
    unversioned: int | None = 0


@dataclass(slots=True)
class _Job:
    """The objects of one job below one evidence location."""

    root: str
    job: str
    chains: dict[str, list[Listed]] = field(default_factory=lambda: defaultdict(list))
    documents: dict[str, Listed] = field(default_factory=dict)
    parts: dict[str, Listed] = field(default_factory=dict)


def verify_chains(
    folder: EvidenceFolder, scope: Scope, progress: Callable[[str], None] = lambda _: None
) -> list[ChainReport]:
    """Return the result of each chain below a location, and of the documents without one, by job.

    Args:
        folder: the location.
        scope: what to verify.
        progress: called with what is being done.

    Raises:
        UsageError: there is no evidence in the scope.
        VerificationError: an object cannot be read.
    """
    progress("listing evidence")
    jobs, problems = _inventory(folder, scope)
    noted = any(head.job and scope.job in ("", head.job) for head in scope.heads)
    if not jobs and (scope.run or not noted):
        raise UsageError(
            "evidence",
            found="none"
            + (f" of job {scope.job}" if scope.job else "")
            + (f" of run {scope.run}" if scope.run else ""),
            required="a location with evidence of runs",
            fix="verify without RUN and --job: an entry may name documents that were removed"
            if scope.run or scope.job
            else "glue-secure evidence list",
        )
    with ThreadPoolExecutor(_READERS, thread_name_prefix="glue-secure-verify") as pool:
        reports: list[ChainReport] = []
        chains: dict[str, list[_Chain]] = {job.job: [] for job in jobs}
        for job in jobs:
            chains[job.job] += [_Chain(folder, job, owner, scope) for owner in sorted(job.chains)]
            own = [chain for chain in chains[job.job] if chain.job is job]
            reports += _verify_job(folder, job, own, scope, problems, pool, progress)
    for name, finding in _check_heads(chains, scope):
        first = next((number for number, report in enumerate(reports) if report.job == name), None)
        if first is None:
            location = folder.location("")
            reports.append(ChainReport(name, "", location, 0, 0, 0, 0, (), "", (), (finding,)))
        else:
            reports[first] = replace(reports[first], findings=(*reports[first].findings, finding))
    return reports


def _inventory(folder: EvidenceFolder, scope: Scope) -> tuple[list[_Job], tuple[Finding, ...]]:
    jobs: dict[tuple[str, str], _Job] = {}
    listed, problems = folder.inventory()
    for each in listed:
        entry, document = _ENTRY.match(each.name), _DOCUMENT.match(each.name)
        part = _PART.match(each.name)
        match = entry or document or part
        if match is None or scope.job not in ("", match["job"]):
            continue
        job = jobs.setdefault((match["root"], match["job"]), _Job(match["root"], match["job"]))
        if entry is not None:
            job.chains[entry["owner"]].append(each)
        elif document is not None:
            job.documents[document["document"]] = each
        elif part is not None:
            job.parts[part["document"]] = each
    chosen = [job for _, job in sorted(jobs.items())]
    if scope.run:
        chosen = [job for job in chosen if any(f"/run={scope.run}/" in name for name in job.documents)]
    return chosen, problems


def _verify_job(
    folder: EvidenceFolder,
    job: _Job,
    chains: Sequence[_Chain],
    scope: Scope,
    problems: tuple[Finding, ...],
    pool: ThreadPoolExecutor,
    progress: Callable[[str], None],
) -> list[ChainReport]:
    for chain in chains:
        chain.verify(pool, progress)
    entries = [entry for chain in chains for entry in chain.entries.values()]
    named = {entry.document for entry in entries}
    runs = {entry.run_id for entry in entries}
    began = min(map(_time, entries), default=None)
    is_copy = folder.is_copy or bool(scope.copy_of)
    loose = [name for name in sorted(job.documents) if scope.covers(name) and name not in named]
    general = [
        *problems,
        *(_unchained(folder, job.documents[name], runs=runs, began=began, is_copy=is_copy) for name in loose),
    ]
    if not chains:
        location = folder.location(job.root + next(iter(sorted(job.documents)), ""))
        report = ChainReport(job.job, "", location, 0, 0, 0, 0, (), "", (), tuple(general))
        return [replace(report, unversioned=_unversioned([*job.documents.values()], scope))]
    reports = [chain.report() for chain in chains]
    reports[0] = replace(reports[0], findings=(*reports[0].findings, *general))
    return reports


class _Chain:
    """One chain while it is verified."""

    def __init__(self, folder: EvidenceFolder, job: _Job, owner: str, scope: Scope) -> None:
        self._folder, self.job, self._owner, self._scope = folder, job, owner, scope
        self._listed = sorted(job.chains[owner], key=lambda each: each.name, reverse=True)
        self.entries: dict[int, ChainEntry] = {}
        self.documents: dict[str, ChainEntry] = {}
        self.findings: list[Finding] = []
        self._signed = self._compared = self._parts = 0

    def verify(self, pool: ThreadPoolExecutor, progress: Callable[[str], None]) -> None:
        """Verify the entries in their order, then the documents that they name."""
        present = [each for each in self._listed if not each.is_deleted]
        for each in self._listed:
            if each.is_deleted:
                self._fail(each.name, "a delete marker", "an entry that was never deleted")
        bodies = self._read(pool, present)
        previous: ChainEntry | None = None
        for number, (each, stored) in enumerate(zip(present, bodies, strict=True), 1):
            if number % 100 == 0:
                progress(f"job {self.job.job}: {number} of {len(present)} entries")
            entry = self._parsed(each, stored)
            if entry is None:
                continue
            self._check_entry(each, stored, entry, previous)
            self.entries[entry.sequence] = previous = entry
        chosen = [
            (entry, self.job.documents.get(entry.document))
            for entry in self.entries.values()
            if self._scope.covers(entry.document)
        ]
        pairs = [(entry, listed) for entry, listed in chosen if listed is not None and not listed.is_deleted]
        bodies = self._read(pool, [listed for _, listed in pairs])
        for entry, listed in chosen:
            if listed is None or listed.is_deleted:
                found = "no such document" if listed is None else "a delete marker"
                name = self.job.root + entry.document
                self._fail(name, found, f"the document of entry {entry.sequence}, SHA-256 {entry.sha256}")
        for number, ((entry, listed), stored) in enumerate(zip(pairs, bodies, strict=True), 1):
            if number % 100 == 0:
                progress(f"job {self.job.job}: {number} of {len(pairs)} documents")
            self._check_document(listed, stored, entry, pool)
        self._compared = len(pairs)

    def _read(self, pool: ThreadPoolExecutor, listed: Sequence[Listed]) -> Iterator[StoredObject]:
        """Yield the objects in their order. At most ``_AHEAD`` of them are in memory."""
        for start in range(0, len(listed), _AHEAD):
            yield from pool.map(
                lambda each: self._folder.read_stored(each.name), listed[start : start + _AHEAD]
            )

    def report(self) -> ChainReport:
        """Return the result."""
        newest = self.entries[max(self.entries)] if self.entries else None
        ended = {entry.run_id for entry in self.entries.values() if "/evidence" in entry.document}
        started = {entry.run_id: None for entry in self.entries.values()}
        name = f"{self.job.root}job={self.job.job}/{FOLDER}/{self._owner}/"
        location = self._folder.location(name)
        if newest is not None and not any(one.verdict is not Verdict.PASS for one in self.findings):
            found = f"{len(self.entries)} entries, {self._compared} documents"
            found += f", {self._parts} parts" if self._parts else ""
            if self._scope.keys:
                self.findings.append(passed(CONTROL, location, f"{found}, signatures verified"))
            else:
                self.findings.append(self._unsigned(location, found))
        return ChainReport(
            job=self.job.job,
            owner=self._owner,
            location=location,
            entries=len(self.entries),
            documents=self._compared,
            parts=self._parts,
            signed=self._signed,
            signing_keys=tuple(
                sorted({each.signing_key for each in self.entries.values() if each.signing_key})
            ),
            head=f"{newest.sequence}:{entry_digest(newest)}" if newest else "",
            not_ended=tuple(run for run in started if run not in ended),
            findings=tuple(self.findings),
            unversioned=_unversioned(self._listed, self._scope),
        )

    def _unsigned(self, location: str, found: str) -> Finding:
        keys = sorted({each.signing_key for each in self.entries.values() if each.signing_key})
        if keys:
            return unknown(
                CONTROL,
                location,
                found=f"{found}: digests match, signatures were not verified",
                required="signatures that a key of the auditor verifies",
                fix=f"add --key {keys[0]}, if that is the key that the job is meant to sign with",
            )
        return unknown(
            CONTROL,
            location,
            found=f"{found}: digests match, not signed",
            required="signed entries: whoever may replace every object can make such a chain",
            fix=f"name a key in the job's argument --{EVIDENCE_SIGNING_KEY}",
        )

    def _parsed(self, each: Listed, stored: StoredObject) -> ChainEntry | None:
        try:
            entry = ChainEntry.parse(stored.body)
        except ValueError as error:
            self._fail(each.name, f"no entry of a chain ({error})", "an entry, as a run wrote it")
            return None
        if each.name.rpartition("/")[2] != entry_name(entry.sequence):
            self._fail(each.name, f"entry {entry.sequence} under this name", entry_name(entry.sequence))
            return None
        return entry

    def _check_entry(
        self, each: Listed, stored: StoredObject, entry: ChainEntry, previous: ChainEntry | None
    ) -> None:
        expected = previous.sequence + 1 if previous else 1
        if entry.sequence != expected:
            missing = (
                f"{expected} to {entry.sequence - 1}" if entry.sequence - 1 > expected else str(expected)
            )
            self._fail(
                each.name, f"entry {entry.sequence} after {expected - 1}", f"entry {missing} before it"
            )
        elif entry.previous != (entry_digest(previous) if previous else ""):
            found = f"previous entry {entry.previous or 'none'}"
            self._fail(each.name, found, entry_digest(previous) if previous else "no previous entry")
        owner = f"{entry.account_id}-{entry.region}"
        document = _DOCUMENT.match(entry.document)
        place = (document["job"], document["run"]) if document else ("", "")
        if (entry.job, owner, *place) != (self.job.job, self._owner, entry.job, entry.run_id):
            self._fail(
                each.name,
                f"an entry of job {entry.job} in {owner}, for {entry.document}",
                f"an entry of job {self.job.job} in {self._owner}",
            )
        if entry.document in self.documents:
            first = self.documents[entry.document].sequence
            self._fail(each.name, f"{entry.document}, which entry {first} names too", "another document")
        self.documents.setdefault(entry.document, entry)
        origins = [origin.rstrip("/") for origin in self._origins(entry)]
        if entry.prefix.rstrip("/") not in origins:
            self._fail(each.name, f"an entry that was written below {entry.prefix}", " or ".join(origins))
        if previous is not None and _time(previous) - _time(entry) > CLOCK_DIFFERENCE:
            self._fail(each.name, f"made at {entry.time}", f"not before its predecessor, {previous.time}")
        self._check_signature(each, entry, previous)
        self._check_storage(each, stored, entry)

    def _check_signature(self, each: Listed, entry: ChainEntry, previous: ChainEntry | None) -> None:
        if entry.signature == "":
            if previous is not None and previous.signature and self._is_refusal_of_key(entry):
                fix = "see its evidence: the run was refused, because its key did not sign"
                self._unknown(each.name, "not signed", "a signature", fix)
            elif previous is not None and previous.signature:
                required = f"a signature, as entry {previous.sequence} has one"
                self._fail(each.name, "not signed", f"{required}, unless the job names no key any more")
            elif self._scope.keys:
                self._unknown(each.name, "not signed", "a signature", "the job named no signing key then")
        elif self._scope.keys and not any(key.job in ("", entry.job) for key in self._scope.keys):
            self._unknown(
                each.name,
                f"signed with {entry.signing_key}, and no --key is for this job",
                "a signature that a key of the auditor verifies",
                f"add --key {entry.job}={entry.signing_key}, if the job is meant to sign with that key",
            )
        elif self._scope.keys:
            if problem := signature_problem(entry, self._scope.keys):
                self._fail(each.name, problem, "a signature of a key of --key")
            else:
                self._signed += 1

    def _is_refusal_of_key(self, entry: ChainEntry) -> bool:
        """Return whether an entry's document says that the run stopped because of its signing key."""
        listed = self.job.documents.get(entry.document)
        if listed is None or listed.is_deleted:
            return False
        body = self._folder.read_stored(listed.name).body
        document = _document(body)
        error = document.get("error")
        control = error.get("control") if isinstance(error, dict) else None
        return (
            digest(body) == entry.sha256 and control == "GS-EVD-002" and not _chain_of(document).get("start")
        )

    def _check_storage(
        self, each: Listed, stored: StoredObject, entry: ChainEntry, *, since: datetime | None = None
    ) -> None:
        """Compare what S3 knows of an object with its entry. A copy is not compared.

        Args:
            each: the object.
            stored: its content.
            entry: the entry of the object, or of the document that names it.
            since: when the run started, for an object that it wrote before the entry; None for an object
                that it wrote together with the entry.
        """
        if self._folder.is_copy or self._scope.copy_of:
            return
        if (stored.algorithm, stored.key) != ("aws:kms", entry.encryption_key):
            found = f"{stored.algorithm or 'no encryption'} {stored.key}".strip()
            self._fail(each.name, f"encrypted with {found}", f"aws:kms {entry.encryption_key}")
        if each.versions > 1:
            self._fail(each.name, f"{each.versions} versions", "one version: runs never overwrite evidence")
        is_late = each.stored - _time(entry) > CLOCK_DIFFERENCE
        if is_late or (since or _time(entry)) - each.stored > CLOCK_DIFFERENCE:
            self._fail(
                each.name, f"stored at {each.stored.isoformat()}", f"the time of its entry, {entry.time}"
            )

    def _origins(self, entry: ChainEntry) -> tuple[str, ...]:
        """Return the locations that an entry may name: where it is, or that of the copied documents."""
        copy_of = self._scope.copy_of
        if copy_of:
            return copy_of, f"{copy_of.rstrip('/')}/{self._folder.relative(self.job.root)}"
        if not self._folder.is_copy:
            return (self._folder.location(self.job.root),)
        return (next(iter(self.entries.values()), entry).prefix,)

    def _check_document(
        self, listed: Listed, stored: StoredObject, entry: ChainEntry, pool: ThreadPoolExecutor
    ) -> None:
        found = digest(stored.body)
        if found != entry.sha256:
            self._fail(listed.name, f"SHA-256 {found}", f"{entry.sha256}, by entry {entry.sequence}")
            return
        self._check_storage(listed, stored, entry)
        document = _document(stored.body)
        names = {"job": entry.job, "run_id": entry.run_id}
        if "/evidence" in entry.document:
            names |= {"account_id": entry.account_id, "region": entry.region}
        for name, value in names.items():
            if document.get(name) != value:
                self._fail(listed.name, f"{name} {document.get(name)!r}", f"{value!r}, by its entry")
        if "/evidence" not in entry.document:
            return
        # A role that signs again what it changed later cannot give the entry an earlier time in S3.
        finished = parse_time(document.get("finished"))
        if finished is None or abs(_time(entry) - finished) > CLOCK_DIFFERENCE:
            found = f"a run that finished at {document.get('finished')}"
            self._fail(listed.name, found, f"the time of its entry, {entry.time}")
        self._check_parts(document, entry, pool)
        start = _chain_of(document)
        number = start.get("start")
        if not isinstance(number, int):
            self._fail(listed.name, "no chain with the number of the run's first entry", "chain.start")
        elif number:
            first = self.entries.get(number)
            if first is None or entry_digest(first) != start.get("start_sha256"):
                self._fail(
                    listed.name,
                    f"entry {number} is {entry_digest(first) if first else 'missing'}",
                    f"{start.get('start_sha256')}, which the run wrote when it started",
                )

    def _check_parts(self, document: Mapping[str, Any], entry: ChainEntry, pool: ThreadPoolExecutor) -> None:
        """Compare the parts that a document names with it."""
        folder = entry.document.rpartition("/")[0]
        named = {f"{folder}/{part.get('name')}": str(part.get("sha256")) for part in _parts_of(document)}
        present = {
            name: self.job.parts[name]
            for name in named
            if name in self.job.parts and not self.job.parts[name].is_deleted
        }
        for name in named.keys() - present.keys():
            found = "a delete marker" if name in self.job.parts else "no such part"
            self._fail(self.job.root + name, found, f"SHA-256 {named[name]}, by {entry.document}")
        bodies = self._read(pool, [*present.values()])
        for (name, listed), stored in zip(present.items(), bodies, strict=True):
            self._parts += 1
            found = digest(stored.body)
            if found != named[name]:
                self._fail(listed.name, f"SHA-256 {found}", f"{named[name]}, by {entry.document}")
                continue
            started = parse_time(document.get("started"))
            self._check_storage(listed, stored, entry, since=started)

    def _fail(self, name: str, found: str, required: str) -> None:
        location = self._folder.location(name)
        self.findings.append(failed(CONTROL, location, found=found, required=required, fix=_FIND_OUT))

    def _unknown(self, name: str, found: str, required: str, fix: str) -> None:
        location = self._folder.location(name)
        self.findings.append(unknown(CONTROL, location, found=found, required=required, fix=fix))


def _unversioned(listed: Sequence[Listed], scope: Scope) -> int | None:
    """Return how many objects S3 stored without versioning, None if versions were not read or compared."""
    if scope.copy_of or any(each.is_versioned is None for each in listed):
        return None
    return sum(not each.is_versioned for each in listed)


def _without_start(folder: EvidenceFolder, listed: Listed, *, is_copy: bool) -> str:
    """Return why evidence may have no entry at all, "" if its run had an entry of its start."""
    document = _document(folder.read_stored(listed.name).body)
    chain = _chain_of(document)
    if not chain:
        return "written by a version that made none" if is_copy else ""
    if chain.get("start") == 0 and document.get("outcome") != "succeeded":
        return "the run was stopped before its start was recorded, and its entry could not be written"
    return ""


def _check_heads(chains: Mapping[str, Sequence[_Chain]], scope: Scope) -> Iterator[tuple[str, Finding]]:
    """Yield a job and a finding for each noted entry that no chain of the job has.

    Raises:
        UsageError: an entry was noted without its job, and there are several.
    """
    for head in scope.heads:
        if not head.job and len(chains) != 1:
            raise UsageError(
                "--head",
                found=f"{head.sequence}:{head.sha256} without a job, and {len(chains)} jobs",
                required="JOB=SEQUENCE:SHA256, or one job",
                fix="add --job JOB",
            )
        job = head.job or next(iter(chains))
        if scope.job not in ("", job) or (scope.run and job not in chains):
            continue
        entries = [chain.entries for chain in chains.get(job, ())]
        found = [entry_digest(each[head.sequence]) for each in entries if head.sequence in each]
        if head.sha256 not in found:
            newest = max((max(each, default=0) for each in entries), default=0)
            yield (
                job,
                failed(
                    CONTROL,
                    f"chain of job {job}",
                    found=f"entry {head.sequence} is {' and '.join(found)}"
                    if found
                    else f"no entry {head.sequence}; the newest is {newest}",
                    required=f"{head.sequence}:{head.sha256}, as noted earlier",
                    fix="the chain was rolled back or replaced: " + _FIND_OUT,
                ),
            )


def _unchained(
    folder: EvidenceFolder, listed: Listed, *, runs: set[str], began: datetime | None, is_copy: bool
) -> Finding:
    """Return the finding about a document that no entry names.

    Args:
        folder: the location.
        listed: the document.
        runs: ids of the runs that have an entry.
        began: time of the job's first entry, None without one.
        is_copy: whether S3's times of the documents are not known.
    """
    location = folder.location(listed.name)
    match = _DOCUMENT.match(listed.name)
    if listed.is_deleted:
        return failed(
            CONTROL, location, found="a delete marker", required="evidence that stays", fix=_FIND_OUT
        )
    if began is None or (not is_copy and began - listed.stored > CLOCK_DIFFERENCE):
        why = "written before the chain began, by a version that made none"
    elif match is None or match["run"] in runs or match["kind"] == "_started":
        why = "the process may have ended between the document and its entry"
    else:
        why = _without_start(folder, listed, is_copy=is_copy)
    if not why:
        return failed(
            CONTROL,
            location,
            found="a document that no entry names, of a run that has no entry",
            required="an entry for each document",
            fix="find out who wrote it: a run has an entry before its evidence",
        )
    return unknown(
        CONTROL,
        location,
        found=f"a document that no entry names: {why}",
        required="an entry for each document",
        fix="compare it with the run's log; nothing else proves what it says",
    )


def _time(entry: ChainEntry) -> datetime:
    """Return the time of an entry; 1970 if its text is no time, so that it differs from every real time."""
    return parse_time(entry.time) or datetime.fromtimestamp(0, timezone.utc)


def _chain_of(document: Mapping[str, Any]) -> Mapping[str, Any]:
    chain = document.get("chain")
    return chain if isinstance(chain, dict) else {}


def _parts_of(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    parts = document.get("parts")
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else ()


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = parse_json(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
