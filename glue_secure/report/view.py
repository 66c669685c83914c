"""What the HTML report of a run shows: plain values, limited in number, from its evidence."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from glue_secure.core.controls import Control
from glue_secure.report.document import Document, count, encryptions, parse_time, records, text
from glue_secure.report.page import Section, sections
from glue_secure.report.results import Result, not_passed, results
from glue_secure.report.stored import NOT_ENDED, StoredRun

_Item = TypeVar("_Item")
MOST = 100
"""The most rows of a table. The page states the number of the rest."""
# Sections of the terminal page that the HTML page shows in the same way.
_SECTIONS = (
    "Policy files",
    "Tables and streams",
    "Data quality",
    "Columns",
    "Data Catalog",
    "Deleted or moved",
    "Parts of the evidence",
)
# Properties of the evidence that the page shows in a section of their own, or as a fact.
_SHOWN = {
    *("job", "run_id", "outcome", "error", "account", "account_id", "region", "runtime", "versions"),
    *("started", "finished", "security_configuration", "keys", "settings", "reads", "writes", "tls"),
    *("bookmark", "controls", "seconds", "schema", "housekeeping", "catalog", "proofs", "columns", "gates"),
    *(
        "stores",
        "request_guard",
        "policy",
        "caller",
        "script",
        "endpoints",
        "control_titles",
        "chain",
        "parts",
    ),
}

PASSED, TOLERATED, UNKNOWN, FAILED = "pass", "warn", "unknown", "fail"
"""States of a run, from best to worst; also the names of their colours in the style sheet."""
LABELS = {PASSED: "passed", TOLERATED: "reported", UNKNOWN: "not verified", FAILED: "not passed"}


@dataclass(frozen=True, slots=True)
class Limited(Generic[_Item]):
    """The first items of a list, and how many more there are."""

    items: tuple[_Item, ...]
    more: int

    @classmethod
    def of(cls, items: Iterable[_Item], most: int = MOST) -> Limited[_Item]:
        """Return the first ``most`` items."""
        every = tuple(items)
        return cls(every[:most], max(0, len(every) - most))


@dataclass(frozen=True, slots=True)
class Place:
    """A source or a target.

    Attributes:
        name: its location, table or ARN.
        facts: its format, bookmark and encryption.
        rows: number of rows, None if they were not counted.
        objects: number of objects, None for what has none.
        size: bytes, None if they are not known.
    """

    name: str
    facts: tuple[str, ...]
    rows: int | None
    objects: int | None
    size: int | None

    def plus(self, other: Place) -> Place:
        """Return this place with the rows, objects and bytes of another read or write of it."""
        return Place(
            self.name,
            tuple(dict.fromkeys((*self.facts, *other.facts)))[:5],
            _sum(self.rows, other.rows),
            _sum(self.objects, other.objects),
            _sum(self.size, other.size),
        )


@dataclass(frozen=True, slots=True)
class PassedControl:
    """A control whose checks all passed.

    Attributes:
        control: the control.
        checks: number of checks.
        resources: the first resources.
    """

    control: Control
    checks: int
    resources: Limited[str]


@dataclass(frozen=True, slots=True)
class Exemption:
    """An exception of a policy file.

    Attributes:
        control: id of the control.
        resource: pattern of the resources.
        ticket: ticket and owner.
        expires: its last day.
        days: days from the day of the report to its end, negative if it has ended; None if it states no date.
        uses: how many findings it tolerated.
        in_force: whether the run applied it.
    """

    control: str
    resource: str
    ticket: str
    expires: str
    days: int | None
    uses: int
    in_force: bool


@dataclass(frozen=True, slots=True)
class Connection:
    """The TLS facts of a connection.

    Attributes:
        name: name of the connection.
        host: host and port.
        protocol: TLS version, cipher, and what reported them.
        certificate: subject and issuer.
        fingerprint: SHA-256 of the certificate.
        expires: end of the certificate.
        days: days from the day of the report to that end, None if it is not known.
    """

    name: str
    host: str
    protocol: str
    certificate: str
    fingerprint: str
    expires: str
    days: int | None


@dataclass(frozen=True, slots=True)
class WrittenObject:
    """An object that a run wrote, and its encryption as it was read back."""

    uri: str
    encryption: str
    bucket_key: bool
    size: int | None


@dataclass(frozen=True, slots=True)
class RunView:
    """The page of a run.

    Attributes:
        state: ``pass``, ``warn``, ``unknown`` or ``fail``.
        headline: the verdict, in a sentence.
        message: the error of the run.
        facts: name and value: the run, its account and its document.
        figures: name and value of the most important numbers.
        failing: results that did not pass, the control that stopped the run first.
        passed: controls that passed.
        configuration: security configuration and policy.
        keys: purpose and ARN of each key.
        settings: Hadoop settings in force.
        versions: versions of libraries.
        sources: what was read.
        targets: what was written.
        encryption: number of objects for each algorithm and key.
        objects: the objects.
        connections: TLS facts.
        bookmark: the step of the bookmark.
        exemptions: exceptions of the policy file.
        sections: other tables.
        others: properties of the evidence that have no other section.
        seconds: duration of each phase.
    """

    job: str
    run_id: str
    state: str
    headline: str
    message: str
    facts: Sequence[tuple[str, str]]
    figures: Sequence[tuple[str, str]]
    failing: Limited[Result]
    passed: Sequence[PassedControl]
    configuration: Sequence[tuple[str, str]]
    keys: Sequence[tuple[str, str]]
    settings: Limited[tuple[str, str]]
    versions: Sequence[tuple[str, str]]
    sources: Limited[Place]
    targets: Limited[Place]
    encryption: Sequence[tuple[str, int]]
    objects: Limited[WrittenObject]
    connections: Limited[Connection]
    bookmark: Sequence[tuple[str, str]]
    exemptions: Limited[Exemption]
    sections: Sequence[tuple[Section, Limited[Sequence[str]]]]
    others: Sequence[tuple[str, str]]
    seconds: Sequence[tuple[str, str]]


def view(run: StoredRun, today: date) -> RunView:
    """Return the page of a run.

    Args:
        run: the run, with its document.
        today: the day of the report, UTC.
    """
    document = run.document
    found = results(document)
    tables = {section.title: section for section in sections(document)}
    sources, targets = [*places_read(document)], [*places_written(document)]
    objects = count_objects(document)
    return RunView(
        job=text(document.get("job")),
        run_id=text(document.get("run_id")),
        state=state(run, found),
        headline=headline(run, found),
        message=text((document.get("error") or {}).get("message")),
        facts=[*_facts(run)],
        figures=[
            ("checks passed", f"{sum(one.checks for one in found if one.passed):,}"),
            ("did not pass", f"{len(not_passed(found)):,}"),
            ("rows read", total(place.rows for place in sources)),
            ("rows written", total(place.rows for place in targets)),
            ("objects verified", f"{objects:,}"),
            ("TLS connections", f"{len(records(document, 'tls')) + len(records(document, 'endpoints')):,}"),
        ],
        failing=Limited.of(not_passed(found)),
        passed=_passed(found),
        configuration=[
            ("security configuration", text(document.get("security_configuration")) or "none"),
            ("policy", _policy_names(document)),
        ],
        keys=sorted(_pairs(document, "keys")),
        settings=Limited.of(sorted(_pairs(document, "settings")), 3 * MOST),
        versions=sorted(_pairs(document, "versions")),
        sources=Limited.of(sorted(sources, key=by_rows)),
        targets=Limited.of(sorted(targets, key=by_rows)),
        encryption=sorted(encryption_counts(document).items(), key=lambda pair: -pair[1]),
        objects=_objects(document, objects),
        connections=Limited.of(connections(document, today)),
        bookmark=tables["Bookmark"].rows if "Bookmark" in tables else (),  # type: ignore[arg-type]
        exemptions=Limited.of(exemptions(document, today)),
        sections=[(tables[title], Limited.of(tables[title].rows)) for title in _SECTIONS if title in tables],
        others=[*_others(document)],
        seconds=[
            (name, f"{value:.2f} s")
            for name, value in sorted((document.get("seconds") or {}).items(), key=lambda pair: -pair[1])
        ],
    )


def state(run: StoredRun, found: Sequence[Result]) -> str:
    """Return the state of a run."""
    open_results = [one for one in not_passed(found) if not one.reported]
    if run.outcome == NOT_ENDED:
        return UNKNOWN
    if run.outcome != "succeeded" or any(one.verdict == "FAIL" for one in open_results):
        stopped = next((one for one in found if one.stopped), None)
        return UNKNOWN if stopped is not None and stopped.verdict == "UNKNOWN" else FAILED
    if open_results or not found:
        return UNKNOWN
    return TOLERATED if not_passed(found) else PASSED


def headline(run: StoredRun, found: Sequence[Result]) -> str:
    """Return the verdict of a run, in a sentence."""
    if run.outcome == NOT_ENDED:
        return "Started, without a record of its end: the run is still running, or its process was killed"
    checks = sum(one.checks for one in found)
    stopped = next((one for one in found if one.stopped), None)
    if stopped is not None:
        reason = "could not be verified" if stopped.verdict == "UNKNOWN" else "failed"
        return f"{run.outcome.capitalize()}: {stopped.control} {reason}"
    if run.outcome != "succeeded":
        cause = text((run.document.get("error") or {}).get("type"))
        return f"{run.outcome.capitalize() or 'No outcome'}{f': {cause}' if cause else ''}"
    if not checks:
        return "Succeeded, without a record of checks"
    others = not_passed(found)
    if not others:
        return f"Succeeded: all {checks:,} checks passed"
    counts = {
        "failed": sum(one.verdict == "FAIL" and not one.reported for one in others),
        "could not be verified": sum(one.verdict == "UNKNOWN" and not one.reported for one in others),
        "tolerated": sum(one.reported and bool(one.exception) for one in others),
        "reported only": sum(one.reported and not one.exception for one in others),
    }
    return f"Succeeded: {', '.join(f'{count:,} {name}' for name, count in counts.items() if count)}"


def places_read(document: Document) -> Iterator[Place]:
    """Yield what a run read."""
    for each in records(document, "reads"):
        context = text(each.get("transformation_ctx"))
        facts = (text(each.get("format")), f"bookmark {context}" if context else "")
        is_s3 = text(each.get("source")).startswith("s3")
        yield Place(
            text(each.get("source")),
            tuple(filter(None, facts)),
            _number(each.get("rows")),
            _number(each.get("objects")) if is_s3 else None,
            _number(each.get("bytes")) if is_s3 else None,
        )


def places_written(document: Document) -> Iterator[Place]:
    """Yield what a run wrote."""
    for each in records(document, "writes"):
        objects = records(each, "objects")
        kind = text(each.get("kind"))
        facts = (
            text(each.get("format")),
            kind if kind not in ("", "s3", "jdbc") else "",
            ", ".join(sorted(encryptions(each, document))),
        )
        is_s3 = text(each.get("target")).startswith("s3")
        yield Place(
            text(each.get("target")),
            tuple(filter(None, facts)),
            _number(each.get("rows")),
            count(each, "objects", "proved") if is_s3 else None,
            # Bucket rules and receipts prove the encryption of objects, not their size.
            (_number(each.get("bytes")) or _size_of(objects) or None) if is_s3 else None,
        )


def count_objects(document: Document) -> int:
    """Return the number of objects that a run wrote."""
    return sum(count(write, "objects", "proved") for write in records(document, "writes"))


def encryption_counts(document: Document) -> Counter[str]:
    """Return each algorithm and key, and how many of the run's objects have them."""
    found: Counter[str] = Counter()
    for each in records(document, "writes"):
        found.update(encryptions(each, document))
    return found


def connections(document: Document, today: date) -> Iterator[Connection]:
    """Yield the TLS facts of a run's connections: to databases and brokers, then to AWS."""
    for each in (*records(document, "tls"), *records(document, "endpoints")):
        source = text(each.get("source"))
        protocol = " ".join(filter(None, (text(each.get("protocol")), text(each.get("cipher")))))
        yield Connection(
            text(each.get("connection")) or f"AWS {text(each.get('service'))}",
            text(each.get("host")),
            f"{protocol} ({source})" if source else protocol,
            ", issued by ".join(filter(None, (text(each.get("subject")), text(each.get("issuer"))))),
            text(each.get("fingerprint")),
            text(each.get("not_after"))[:10],
            days_left(each.get("not_after"), today),
        )


def exemptions(document: Document, today: date) -> Iterator[Exemption]:
    """Yield the exceptions of the policy files of a run."""
    policy = document.get("policy")
    for each in records(policy, "exceptions") if isinstance(policy, Mapping) else ():
        yield Exemption(
            text(each.get("control")),
            text(each.get("resource")),
            ", ".join(filter(None, (text(each.get("ticket")), text(each.get("owner"))))),
            text(each.get("expires")),
            days_left(each.get("expires"), today),
            _number(each.get("uses")) or 0,
            bool(each.get("in_force")),
        )


def days_left(end: object, today: date) -> int | None:
    """Return the days from ``today`` to a date in ISO 8601; None if there is no date."""
    moment = parse_time(end)
    return None if moment is None else (moment.date() - today).days


def by_rows(place: Place) -> tuple[int, str]:
    """Return the sort key that puts the place with the most rows first."""
    return -(place.rows or 0), place.name


def total(numbers: Iterable[int | None]) -> str:
    """Return the sum as text; "not counted" if a number is None."""
    every = list(numbers)
    return "not counted" if None in every else f"{sum(filter(None, every)):,}"


def _facts(run: StoredRun) -> Iterator[tuple[str, str]]:
    document = run.document
    guard = document.get("request_guard") or {}
    chain = sorted((document.get("chain") or {}).items())
    pairs = (
        ("job", document.get("job")),
        ("run", document.get("run_id")),
        ("account", f"{text(document.get('account_id'))} ({text(document.get('account'))})"),
        ("region", document.get("region")),
        ("runtime", document.get("runtime")),
        ("caller", document.get("caller")),
        ("script", (document.get("script") or {}).get("location")),
        ("SHA-256 of the script", (document.get("script") or {}).get("sha256")),
        ("started", document.get("started")),
        ("finished", document.get("finished")),
        *((f"request guard: {name.replace('_', ' ')}", value) for name, value in sorted(guard.items())),
        ("document", run.location),
        ("SHA-256 of the document", run.sha256),
        *((f"chain: {name.replace('_', ' ')}", text(value)) for name, value in chain),
        ("schema", document.get("schema")),
    )
    return ((name, text(value)) for name, value in pairs if value not in (None, ""))


def _policy_names(document: Document) -> str:
    files = records(document.get("policy") or {}, "files")
    return ", ".join(text(each.get("name")) or text(each.get("location")) for each in files) or "the default"


def _passed(found: Iterable[Result]) -> list[PassedControl]:
    groups: dict[str, list[Result]] = {}
    for one in found:
        groups.setdefault(one.control, []).append(one)
    return [
        PassedControl(
            group[0].known,
            sum(one.checks for one in group),
            Limited.of((f"{one.resource}: {one.found}" for one in group), 3),
        )
        for _, group in sorted(groups.items())
        if all(one.passed for one in group)
    ]


def _objects(document: Document, total: int) -> Limited[WrittenObject]:
    """Return the first objects; the others are counted, not converted, because there may be 100,000."""
    found: list[WrittenObject] = []
    for write in records(document, "writes"):
        for each in records(write, "objects")[: MOST - len(found)]:
            found.append(
                WrittenObject(
                    text(each.get("uri")),
                    f"{each.get('algorithm') or 'none'} {each.get('key') or ''}".strip(),
                    bool(each.get("bucket_key")),
                    _number(each.get("size")),
                )
            )
    return Limited(tuple(found), total - len(found))


def _others(document: Document) -> Iterator[tuple[str, str]]:
    """Yield what this version does not know, and what has no section, so that the page omits nothing."""
    for name, value in sorted(document.items()):
        if name not in _SHOWN and value not in (None, "", [], {}):
            yield (
                name,
                text(
                    value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
                ),
            )


def _pairs(document: Document, name: str) -> list[tuple[str, str]]:
    value = document.get(name)
    return [(text(key), text(item)) for key, item in value.items()] if isinstance(value, Mapping) else []


def _size_of(objects: Iterable[Mapping[str, Any]]) -> int:
    """Return the size of all objects of a write, as documents of earlier versions list them."""
    return sum(_number(encryption.get("size")) or 0 for encryption in objects)


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None
