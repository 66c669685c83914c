"""The differences between the evidence of two runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from glue_secure.report.document import Document, count, encryptions, text

_SCALARS = (
    "outcome",
    "account",
    "account_id",
    "region",
    "runtime",
    "security_configuration",
    "schema",
)
_READ = ("objects", "bytes", "rows")
_TLS = ("protocol", "cipher", "fingerprint", "not_after")
_MAPPINGS = ("versions", "keys", "settings", "request_guard")


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact that two runs do not have in common.

    Attributes:
        what: the part of the evidence, and its name there: ``keys s3``, ``write s3://curated/ rows``.
        first: its value in the first run, ``""`` if it is not there.
        second: its value in the second run.
    """

    what: str
    first: str
    second: str


def differences(first: Document, second: Document) -> list[Difference]:
    """Return what differs, in the order of the evidence. Ids of runs and times are not compared."""
    before, after = dict(_facts(first)), dict(_facts(second))
    names = list(before) + [name for name in after if name not in before]
    return [
        Difference(name, before.get(name, ""), after.get(name, ""))
        for name in names
        if before.get(name, "") != after.get(name, "")
    ]


def _facts(document: Document) -> Iterator[tuple[str, str]]:
    """Yield each fact that is compared, with a name that is the same in every run of a job."""
    for name in _SCALARS:
        yield name, text(document.get(name))
    yield "error", text((document.get("error") or {}).get("control"))
    for name in _MAPPINGS:
        for item, value in sorted((document.get(name) or {}).items()):
            yield f"{name} {item}", text(value)
    # The worst verdict of a control about a resource; a control may check a resource several times.
    verdicts: dict[str, str] = {}
    for each in document.get("controls") or ():
        resource = text(each.get("resource")).replace(text(document.get("run_id")) or "\0", "RUN")
        name = f"control {each.get('control')} {resource}"
        verdicts[name] = max(verdicts.get(name, ""), text(each.get("verdict")), key=_rank)
    yield from verdicts.items()
    yield from _records(
        document, "reads", "read", ("source", "transformation_ctx"), ("objects", "bytes", "rows")
    )
    for number, each in _numbered(document, "writes", ("target", "kind")):
        name = f"write {number}"
        yield f"{name} rows", text(each.get("rows"))
        yield f"{name} objects", str(count(each, "objects", "proved"))
        yield f"{name} encryption", ", ".join(sorted(encryptions(each, document)))
        yield f"{name} verified by", text(each.get("verified_by"))
    yield from _records(
        document,
        "tls",
        "connection",
        ("connection", "host"),
        ("protocol", "cipher", "fingerprint", "not_after"),
    )
    yield from _records(document, "stores", "store", ("arn", "access"), ("encryption", "key"))
    yield from _records(document, "gates", "gate", ("sink", "suite"), ("digest", "outcome", "quarantined"))
    yield from _records(document, "columns", "column", ("sink", "column"), ("action", "rule", "digest"))
    yield "bookmark option", text((document.get("bookmark") or {}).get("option"))


def _records(
    document: Document, part: str, word: str, keys: tuple[str, ...], facts: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    for name, each in _numbered(document, part, keys):
        for fact in facts:
            yield f"{word} {name} {fact}", text(each.get(fact))


def _numbered(document: Document, part: str, keys: tuple[str, ...]) -> Iterator[tuple[str, Document]]:
    """Yield the records of a part by the values of ``keys``, and a number for the second of one name."""
    seen: dict[str, int] = {}
    for each in document.get(part) or ():
        name = " ".join(filter(None, (text(each.get(key)) for key in keys)))
        seen[name] = number = seen.get(name, 0) + 1
        yield (name if number == 1 else f"{name} ({number})"), each


def _rank(verdict: str) -> int:
    return ("", "PASS", "UNKNOWN", "FAIL").index(verdict) if verdict in ("PASS", "UNKNOWN", "FAIL") else 0
