"""Evidence for tests of reports and exports: the first form, and documents with what is rare in runs."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from glue_secure.report.stored import StoredRun

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "evidence"
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=timezone.utc)
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
HOSTILE = (
    "<script>document.title='run'</script>",
    "\"'><img src=x onerror=alert(1)>",
    "s3://bucket/\u202egnp.exe\u2066",
    "{{ 7 * 7 }}{% raw %}",
    "n" * 1000,
    "two\nlines\x1b[31m",
    "\u05e9\u05dc\u05d5\u05dd/\u0645\u0631\u062d\u0628\u0627/\u65e5\u672c\u8a9e",
    "</style><style>body{display:none}</style>",
)
"""Names that could change a page, if it did not escape them."""


def first_form(name: str = "succeeded") -> dict[str, Any]:
    """Return evidence in the first form: ``succeeded`` or ``refused``."""
    document: dict[str, Any] = json.loads((VECTORS / f"first-form-{name}.json").read_text(encoding="utf-8"))
    return document


def stored(document: dict[str, Any], *, name: str = "evidence.json") -> StoredRun:
    """Return the document as it is read from a folder."""
    at = datetime.fromisoformat(document["finished"])
    where = f"s3://evidence/runs/job={document['job']}/run={document['run_id']}/{name}"
    return StoredRun(document["job"], document["run_id"], at, name, document, where, "ab" * 32)


def finding(control: str, verdict: str, resource: str, **more: str) -> dict[str, Any]:
    """Return a finding of the evidence."""
    empty = dict.fromkeys(("required", "fix", "exception"), "")
    return {"control": control, "verdict": verdict, "resource": resource, "found": "seen", **empty, **more}


def tolerated() -> dict[str, Any]:
    """Return a run with a violation that an exception tolerates, and with a check that was not decided."""
    document = first_form()
    document["controls"] += [
        finding(
            "GS-S3-014", "FAIL", "s3://landing/old/", exception="SEC-7", required="SSE-KMS", fix="encrypt"
        ),
        finding("GS-S3-002", "UNKNOWN", "endpoint of S3", fix="set `fs.s3a.endpoint`"),
    ]
    exception = {"control": "GS-S3-014", "resource": "s3://landing/*", "ticket": "SEC-7", "owner": "data"}
    document["policy"] = {
        "files": [{"location": "s3://policy/p.toml", "level": "organisation", "name": "platform"}],
        "exceptions": [
            {**exception, "expires": "2026-12-09", "days_left": 15, "in_force": True, "uses": 3},
            {**exception, "ticket": "SEC-1", "expires": "2026-11-19", "in_force": False, "uses": 0},
        ],
    }
    return document


def hostile() -> dict[str, Any]:
    """Return a run whose every text is one of the hostile names, in turn."""
    names = iter(HOSTILE * 1000)

    def changed(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: changed(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [changed(item) for item in value]
        fixed = name in (
            "schema",
            "outcome",
            "verdict",
            "started",
            "finished",
            "not_after",
            "expires",
            "type",
        )
        return value if fixed or not isinstance(value, str) else next(names)

    document: dict[str, Any] = changed(tolerated())
    document["a later version's property"] = list(HOSTILE)
    document["settings"] = {name: name for name in HOSTILE}
    return document


def large(sources: int = 50, objects: int = 100_000) -> dict[str, Any]:
    """Return a run with many sources, objects and findings."""
    document = first_form()
    read, write = document["reads"][0], document["writes"][0]
    document["reads"] = [
        {**read, "source": f"s3://landing/source-{at}/2026/11/29/", "rows": 1000 * at}
        for at in range(sources)
    ]
    stored_object = write["objects"][0]
    write["objects"] = [
        {**stored_object, "uri": f"s3://curated/flights/part-{at:06}.parquet"} for at in range(objects)
    ]
    document["controls"] += [
        finding("GS-S3-014", "FAIL", f"s3://landing/object-{at}", required="SSE-KMS") for at in range(2000)
    ]
    return document


def period() -> list[StoredRun]:
    """Return 43 runs of three jobs in two weeks, newest first, one of which did not end."""
    runs = []
    for at in range(42):
        document = copy.deepcopy((first_form(), tolerated(), first_form("refused"))[(at % 7) // 3])
        started = NOW - timedelta(hours=8 * at + 1)
        document["job"] = ("orders", "flights_curated", "customers_with_a_very_long_name_of_a_job")[at % 3]
        document["run_id"] = f"jr_{at:064x}"
        document["started"] = started.isoformat()
        document["finished"] = (started + timedelta(minutes=3)).isoformat()
        runs.append(stored(document))
    return [StoredRun("orders", "jr_running", NOW), *runs]
