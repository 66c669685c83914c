"""The page of one run: its evidence as tables, the verdict first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from glue_secure.report.document import Document, count, encryptions, records, text
from glue_secure.report.stored import is_reported


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the page.

    Attributes:
        title: what it shows.
        columns: headings; empty for pairs of name and value.
        rows: the cells, as text.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def sections(document: Document) -> Iterator[Section]:
    """Yield the tables of the page below the verdict. Tables without rows are left out.

    Args:
        document: the evidence of a run, of any version of the schema.
    """
    for section in (
        Section("Run", (), _run(document)),
        Section(
            "Controls that did not pass",
            ("control", "verdict", "resource", "found", "required", "fix", "exception"),
            [
                _cells(each, "control", "verdict", "resource", "found", "required", "fix", "exception")
                for each in records(document, "controls")
                if each.get("verdict") != "PASS" and not is_reported(each, document)
            ],
        ),
        Section(
            "Controls that are reported only",
            ("control", "verdict", "resource", "found", "fix", "exception"),
            [
                _cells(each, "control", "verdict", "resource", "found", "fix", "exception")
                for each in records(document, "controls")
                if is_reported(each, document)
            ],
        ),
        Section(
            "Policy files",
            ("file", "level", "SHA-256", "version", "integrity"),
            [
                _cells(each, "location", "level", "sha256", "version", "integrity")
                for each in records(document.get("policy") or {}, "files")
            ],
        ),
        Section(
            "Exceptions",
            ("control", "resource", "ticket", "owner", "expires", "days left", "in force", "uses"),
            [
                _cells(
                    each,
                    *("control", "resource", "ticket", "owner"),
                    *("expires", "days_left", "in_force", "uses"),
                )
                for each in records(document.get("policy") or {}, "exceptions")
            ],
        ),
        Section(
            "Read",
            (
                "source",
                "format",
                "objects",
                "bytes",
                "rows",
                "bookmark",
                "encryption of the inspected objects",
            ),
            [
                (
                    *_cells(each, "source", "format", "objects", "bytes", "rows", "transformation_ctx"),
                    ", ".join(
                        f"{kind.get('objects')} {kind.get('algorithm') or 'none'} {kind.get('key')}".strip()
                        for kind in records(each, "encryption")
                    ),
                )
                for each in records(document, "reads")
            ],
        ),
        Section(
            "Written",
            ("target", "format", "rows", "objects", "encryption", "verified by"),
            [
                (
                    *_cells(each, "target", "format", "rows"),
                    str(count(each, "objects", "proved")),
                    _encryption(each, document),
                    text(each.get("verified_by")),
                )
                for each in records(document, "writes")
            ],
        ),
        Section(
            "Connections",
            ("connection", "host", "TLS", "cipher", "certificate", "valid until"),
            [
                _cells(each, "connection", "host", "protocol", "cipher", "subject", "not_after")
                for each in records(document, "tls")
            ],
        ),
        Section(
            "AWS endpoints",
            ("service", "host", "TLS", "cipher", "issuer", "valid until"),
            [
                _cells(each, "service", "host", "protocol", "cipher", "issuer", "not_after")
                for each in records(document, "endpoints")
            ],
        ),
        Section(
            "Tables and streams",
            ("ARN", "access", "encryption", "key"),
            [_cells(each, "arn", "access", "encryption", "key") for each in records(document, "stores")],
        ),
        Section("Bookmark", (), _bookmark(document)),
        Section(
            "Data quality",
            ("target", "suite", "outcome", "rules met"),
            [
                (
                    *_cells(each, "sink", "suite", "outcome"),
                    f"{sum(rule.get('outcome') == 'met' for rule in records(each, 'rules'))} "
                    f"of {len(records(each, 'rules'))}",
                )
                for each in records(document, "gates")
            ],
        ),
        Section(
            "Columns",
            ("target", "column", "action", "rule"),
            [_cells(each, "sink", "column", "action", "rule") for each in records(document, "columns")],
        ),
        Section(
            "Data Catalog",
            ("table", "action", "details"),
            [_cells(each, "table", "action", "details") for each in records(document, "catalog")],
        ),
        Section(
            "Deleted or moved",
            ("target", "action", "objects", "failed"),
            [
                (
                    *_cells(each, "target", "action"),
                    str(count(each, "objects")),
                    str(count(each, "failed")),
                )
                for each in records(document, "housekeeping")
            ],
        ),
        Section(
            "Parts of the evidence",
            ("name", "lines", "SHA-256"),
            [_cells(each, "name", "lines", "sha256") for each in records(document, "parts")],
        ),
        Section("Controls that passed", ("family", "controls", "checks"), _passed(document)),
    ):
        if section.rows:
            yield section


def verdict(document: Document) -> str:
    """Return one line: the outcome, the control that stopped the run, and how many checks passed."""
    checks = records(document, "controls")
    reported = sum(is_reported(each, document) for each in checks)
    not_passed = sum(each.get("verdict") != "PASS" for each in checks) - reported
    error = document.get("error") or {}
    cause = text(error.get("control")) or text(error.get("type"))
    parts = [
        f"{text(document.get('outcome'))}{f' ({cause})' if cause else ''}",
        f"{len(checks) - not_passed - reported} checks passed",
        *([f"{not_passed} did not pass"] if not_passed else []),
        *([f"{reported} reported"] if reported else []),
    ]
    return ", ".join(parts)


def _encryption(write: Document, document: Document) -> str:
    found = encryptions(write, document)
    if len(found) == 1:
        return next(iter(found))
    return ", ".join(f"{count} {name}" for name, count in sorted(found.items()))


def _run(document: Document) -> list[tuple[str, str]]:
    guard = document.get("request_guard") or {}
    facts = [
        ("job", document.get("job")),
        ("run", document.get("run_id")),
        ("account", f"{text(document.get('account_id'))} ({text(document.get('account'))})"),
        ("region", document.get("region")),
        ("runtime", document.get("runtime")),
        ("caller", document.get("caller")),
        ("script", _script(document)),
        ("started", document.get("started")),
        ("finished", document.get("finished")),
        ("configuration", document.get("security_configuration")),
        *((f"key {purpose}", key) for purpose, key in sorted((document.get("keys") or {}).items())),
        ("signature", _signature(document)),
        *((f"guard {name}", value) for name, value in sorted(guard.items())),
    ]
    return [(name, text(value)) for name, value in facts if value not in (None, "")]


def _script(document: Document) -> str:
    script = document.get("script") or {}
    return f"{script.get('location')} SHA-256 {script.get('sha256')}" if script else ""


def _signature(document: Document) -> str:
    """Return what the run signed with. Only ``evidence verify`` shows whether the signature is right."""
    chain = document.get("chain") or {}
    if not chain.get("signing_key"):
        return "not signed"
    start = f", entry {chain['start']} at the start" if chain.get("start") else ""
    return f"{chain.get('algorithm')} {chain['signing_key']}{start}"


def _bookmark(document: Document) -> list[tuple[str, str]]:
    bookmark = document.get("bookmark")
    if not isinstance(bookmark, Mapping):
        return []
    rows = [("option", text(bookmark.get("option")))]
    if bookmark.get("uri"):
        rows += [
            ("object", text(bookmark.get("uri"))),
            (
                "sequence",
                f"{text(bookmark.get('sequence_before'))} -> {text(bookmark.get('sequence_after'))}",
            ),
        ]
    for name, context in sorted((bookmark.get("contexts") or {}).items()):
        selected, late = context.get("selected"), context.get("late")
        words = [] if selected is None else [f"{selected} objects selected"]
        words += [f"{late} of them late"] if late else []
        words += [text(context.get(each)) for each in ("untracked", "unchecked") if context.get(each)]
        words += [f"up to {context['watermark']}"] if context.get("watermark") else []
        rows.append((f"source {name}", ", ".join(words)))
    return rows


def _passed(document: Document) -> list[tuple[str, str, str]]:
    passed = [
        text(each.get("control")) for each in records(document, "controls") if each.get("verdict") == "PASS"
    ]
    families: dict[str, list[str]] = {}
    for control in passed:
        families.setdefault(control.rpartition("-")[0], []).append(control)
    return [
        (
            family,
            ", ".join(sorted({each.rpartition("-")[2] for each in controls})),
            str(len(controls)),
        )
        for family, controls in sorted(families.items())
    ]


def _cells(record: Document, *names: str) -> tuple[str, ...]:
    return tuple(text(record.get(name)) for name in names)
