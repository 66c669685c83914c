"""OpenLineage run events of a job: START, then COMPLETE, FAIL or ABORT, with a security facet.

https://openlineage.io/spec/2-0-2/OpenLineage.json
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from glue_secure import __version__
from glue_secure.core.controls import Severity
from glue_secure.core.redaction import redact_text
from glue_secure.report.document import Document, encryptions, records, text
from glue_secure.report.exports.findings import times
from glue_secure.report.results import results
from glue_secure.report.stored import StoredRun
from glue_secure.report.view import Place, places_read, places_written

PRODUCER = f"urn:glue-secure:{__version__}"
SCHEMA_ID = "urn:glue-secure:openlineage-facets:1"
"""``$id`` of docs/openlineage-facets-1.schema.json."""
_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_NAMESPACE = uuid.UUID("0f5cf4b2-3f0c-5f0f-9a5e-3b7f5b6a3f51")
_ENDS = {"succeeded": "COMPLETE", "abandoned": "ABORT"}


def events(runs: Iterable[StoredRun]) -> Iterator[dict[str, Any]]:
    """Yield the events of every run that has evidence."""
    for run in runs:
        if run.document:
            yield _event(run, "START", run_facets={})
            yield _event(run, _ENDS.get(run.outcome, "FAIL"), run_facets=_run_facets(run))


def _event(run: StoredRun, kind: str, run_facets: dict[str, Any]) -> dict[str, Any]:
    document, is_end = run.document, kind != "START"
    account, region = text(document.get("account_id")), text(document.get("region"))
    run_id = uuid.uuid5(
        _NAMESPACE,
        "\0".join((account, region, text(document.get("job")), text(document.get("run_id")), run.name)),
    )
    inputs = [_dataset(place, document) | _input_facets(place) for place in _merged(places_read(document))]
    outputs = [_dataset(place, document) for place in _merged(places_written(document))]
    if is_end:
        for output, place in zip(outputs, _merged(places_written(document)), strict=True):
            output |= _output_facets(place, document)
    return {
        "eventTime": times(run, "finished" if is_end else "started").isoformat(),
        "eventType": kind,
        "producer": PRODUCER,
        "schemaURL": _EVENT,
        "run": {"runId": str(run_id), "facets": run_facets},
        "job": {
            "namespace": f"arn:aws:glue:{region}:{account}",
            "name": text(document.get("job")),
            "facets": {
                "jobType": {
                    **_facet(f"{_SPEC}/facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet"),
                    "processingType": "STREAMING" if records(document, "streams") else "BATCH",
                    "integration": "GLUE",
                    "jobType": "JOB",
                }
            },
        },
        "inputs": inputs,
        "outputs": outputs,
    }


def _run_facets(run: StoredRun) -> dict[str, Any]:
    document = run.document
    found = results(document)
    counts = Counter(one.verdict for one in found)
    facets: dict[str, Any] = {
        "glueSecure_security": {
            **_facet(f"{SCHEMA_ID}#/$defs/SecurityRunFacet"),
            "outcome": run.outcome,
            "securityConfiguration": document.get("security_configuration"),
            "keys": {text(name): text(key) for name, key in (document.get("keys") or {}).items()},
            "passed": counts["PASS"],
            "failed": counts["FAIL"],
            "unknown": counts["UNKNOWN"],
            "notPassed": [
                {
                    "control": one.control,
                    "verdict": one.verdict,
                    "severity": one.known.severity.value,
                    "resource": one.resource,
                    "found": one.found,
                    "exception": one.exception,
                    "stoppedRun": one.stopped,
                }
                for one in found
                if not one.passed
            ],
            "connections": [
                {name: text(each.get(name)) for name in ("connection", "host", "protocol", "cipher")}
                for each in records(document, "tls")
            ],
            "evidence": run.location,
            "evidenceSha256": run.sha256,
        }
    }
    versions = document.get("versions") or {}
    engine = text(versions.get("spark") or versions.get("pyspark"))
    if engine:
        facets["processing_engine"] = {
            **_facet(f"{_SPEC}/facets/1-1-1/ProcessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet"),
            "version": engine,
            "name": "spark",
            "openlineageAdapterVersion": __version__,
        }
    error = document.get("error")
    if error:
        facets["errorMessage"] = {
            **_facet(f"{_SPEC}/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet"),
            "message": redact_text(text(error.get("message")) or text(error.get("type"))),
            "programmingLanguage": "python",
        }
    return facets


def _dataset(place: Place, document: Document) -> dict[str, Any]:
    """Return the dataset of a place, by OpenLineage's naming: https://openlineage.io/docs/spec/naming."""
    scheme, separator, rest = place.name.partition("://")
    if separator:
        bucket, _, key = rest.partition("/")
        scheme = "s3" if scheme in ("s3a", "s3n") else scheme
        return {"namespace": f"{scheme}://{bucket}", "name": key.strip("/") or "/", "facets": {}}
    if place.name.startswith("arn:"):
        parts = place.name.split(":", 5)
        return {"namespace": ":".join(parts[:5]), "name": parts[-1], "facets": {}}
    # connection/table of JDBC: the evidence does not name the database, but Glue's connection.
    account = f"arn:aws:glue:{text(document.get('region'))}:{text(document.get('account_id'))}"
    return {"namespace": account, "name": f"connection/{place.name}", "facets": {}}


def _input_facets(place: Place) -> dict[str, Any]:
    statistics = _statistics(place)
    if not statistics:
        return {}
    schema = "1-0-0/InputStatisticsInputDatasetFacet.json#/$defs/InputStatisticsInputDatasetFacet"
    return {"inputFacets": {"inputStatistics": {**_facet(f"{_SPEC}/facets/{schema}"), **statistics}}}


def _output_facets(place: Place, document: Document) -> dict[str, Any]:
    schema = "1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet"
    writes = [one for one in records(document, "writes") if text(one.get("target")) == place.name]
    found: Counter[str] = Counter()
    for write in writes:
        found.update(encryptions(write, document))
    facets: dict[str, Any] = {
        "glueSecure_encryption": {
            **_facet(f"{SCHEMA_ID}#/$defs/EncryptionOutputDatasetFacet"),
            "encryption": [
                {"objects": number, "algorithmAndKey": name} for name, number in sorted(found.items())
            ],
            "verifiedBy": sorted({text(one.get("verified_by")) or "HeadObject" for one in writes}),
        }
    }
    if statistics := _statistics(place):
        facets["outputStatistics"] = {**_facet(f"{_SPEC}/facets/{schema}"), **statistics}
    return {"outputFacets": facets}


def _statistics(place: Place) -> dict[str, int]:
    pairs = (("rowCount", place.rows), ("size", place.size), ("fileCount", place.objects))
    return {name: number for name, number in pairs if number is not None}


def _merged(places: Iterable[Place]) -> list[Place]:
    """Return one place for each name, because an event names a dataset once."""
    by_name: dict[str, Place] = {}
    for place in places:
        before = by_name.get(place.name)
        by_name[place.name] = place if before is None else before.plus(place)
    return list(by_name.values())


def _facet(schema: str) -> dict[str, str]:
    return {"_producer": PRODUCER, "_schemaURL": schema}


def facets_schema() -> dict[str, Any]:
    """Return the JSON Schema of the two facets, which ``docs/openlineage-facets-1.schema.json`` contains."""
    base = {
        "_producer": {"type": "string", "format": "uri"},
        "_schemaURL": {"type": "string", "format": "uri"},
    }
    string, number = {"type": "string"}, {"type": "integer", "minimum": 0}

    def record(**properties: Any) -> dict[str, Any]:
        return {"type": "object", "properties": properties, "required": sorted(properties)}

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Facets of glue-secure for OpenLineage",
        "$defs": {
            "SecurityRunFacet": record(
                **base,
                outcome={
                    **string,
                    "description": "Outcome of the evidence, such as `succeeded` or `refused`.",
                },
                securityConfiguration={"type": ["string", "null"]},
                keys={
                    "type": "object",
                    "additionalProperties": string,
                    "description": "Purpose and key ARN.",
                },
                passed={**number, "description": "Number of controls and resources that passed."},
                failed={**number, "description": "Number of those that failed, tolerated ones included."},
                unknown={**number, "description": "Number of those that could not be verified."},
                notPassed={
                    "type": "array",
                    "items": record(
                        control=string,
                        verdict={"enum": ["FAIL", "UNKNOWN"]},
                        severity={"enum": [severity.value for severity in Severity]},
                        resource=string,
                        found=string,
                        exception={
                            **string,
                            "description": "The exception that tolerates it, or an empty text.",
                        },
                        stoppedRun={"type": "boolean"},
                    ),
                },
                connections={
                    "type": "array",
                    "items": record(connection=string, host=string, protocol=string, cipher=string),
                },
                evidence={**string, "description": "Location of the evidence."},
                evidenceSha256={**string, "description": "SHA-256 of the evidence, hexadecimal."},
            ),
            "EncryptionOutputDatasetFacet": record(
                **base,
                encryption={"type": "array", "items": record(objects=number, algorithmAndKey=string)},
                verifiedBy={"type": "array", "items": string},
            ),
        },
    }
