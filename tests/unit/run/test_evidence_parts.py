"""Evidence of many objects: the document lists the first hundred, the others are in parts beside it."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core import evidence_parts, recorder
from glue_secure.core.errors import VerificationError
from glue_secure.core.evidence import digest
from glue_secure.core.findings import Verdict
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import ServiceError
from glue_secure.engines.spark.context.catalog_update import partitions_of
from glue_secure.io.housekeeping import ObjectSelection
from glue_secure.report.chain_verification import Scope, verify_chains
from glue_secure.report.page import sections
from glue_secure.report.stored import LocalFolder, S3Folder, read_document, read_objects, stored_runs
from glue_secure.report.view import count_objects, encryption_counts, places_written

TARGET = "s3://curated/flights/"
PREFIX = S3Uri("evidence", "runs/")
FRAME = [f"part-{number:05}" for number in range(350)]


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(evidence_parts, "PART", 100)


def written(run_fixture, *frames):
    run = run_fixture.start()
    for number, frame in enumerate(frames):
        run.writer.write_s3(frame, f"{TARGET}{number}/", format="parquet")
    run.commit()
    folder = S3Folder(PREFIX, run_fixture.objects)
    (stored,) = stored_runs(folder)
    return folder, read_document(folder, stored)


def test_every_object_is_in_the_document_or_in_a_part(run_fixture, small_parts):
    folder, run = written(run_fixture, FRAME, ["other"], [])
    first, second, third = run.document["writes"]
    assert (len(first["objects"]), first["objects_in_parts"]) == (100, 250)
    assert (second["objects"], second["objects_in_parts"]) == ([], 1)
    assert (third["objects"], third["objects_in_parts"], third["encryption"]) == ([], 0, [])
    assert first["encryption"] == [{"algorithm": "aws:kms", "key": str(run_fixture.key), "objects": 350}]
    assert [part["lines"] for part in run.document["parts"]] == [100, 100, 51]
    lines = [*read_objects(folder, run)]
    assert sorted(line["value"]["uri"] for line in lines) == sorted(
        [*(f"{TARGET}0/{name}.parquet" for name in FRAME), f"{TARGET}1/other.parquet"]
    )
    assert {(line["record"], line["number"], line["property"]) for line in lines} == {
        ("writes", 0, "objects"),
        ("writes", 1, "objects"),
    }


def test_the_partitions_of_a_write_are_known_whatever_the_document_lists(run_fixture, monkeypatch):
    monkeypatch.setattr(recorder, "RETURNED", 20)
    run = run_fixture.start()
    frame = [f"day={number % 30}/part-{number:05}" for number in range(350)]
    record = run.writer.write_s3(frame, f"{TARGET}1/", format="parquet")
    run.commit()
    assert len(record.objects) == 20
    partitions = partitions_of(record, 1)
    assert sorted(partitions) == sorted((str(day),) for day in range(30))
    assert partitions["7",] == f"{TARGET}1/day=7/"
    assert "folders" not in run_fixture.evidence()["writes"][0]


def test_a_part_is_encrypted_compressed_and_named_with_its_digest(run_fixture, small_parts):
    _, run = written(run_fixture, FRAME)
    for part in run.document["parts"]:
        stored = run_fixture.objects.read(S3Uri("evidence", f"{run.name.rpartition('/')[0]}/{part['name']}"))
        assert (stored.algorithm, stored.key) == ("aws:kms", str(run_fixture.key))
        assert digest(stored.body) == part["sha256"]
        assert len(gzip.decompress(stored.body).splitlines()) == part["lines"]


def test_a_run_of_few_objects_has_no_part(run_fixture):
    _, run = written(run_fixture, FRAME[:100])
    assert (len(run.document["writes"][0]["objects"]), run.document["parts"]) == (100, [])


def test_the_document_of_many_objects_is_small(run_fixture):
    _, run = written(run_fixture, [f"part-{number:05}" for number in range(5_000)])
    (uri,) = (key for key in run_fixture.objects.keys("evidence") if key.endswith("/evidence.json"))
    assert len(run_fixture.objects.read(S3Uri("evidence", uri)).body) < 50_000
    assert [part["lines"] for part in run.document["parts"]] == [4_900]


def test_pages_count_the_objects_of_parts(run_fixture):
    _, run = written(run_fixture, FRAME)
    assert count_objects(run.document) == 350
    assert encryption_counts(run.document) == {f"aws:kms {run_fixture.key}": 350}
    (place,) = places_written(run.document)
    assert (place.objects, place.size) == (350, 4 * 350)
    titles = {section.title: section.rows for section in sections(run.document)}
    assert titles["Written"][0][3] == "350"
    assert len(titles["Parts of the evidence"]) == 1


def test_a_purge_of_many_objects_lists_them_in_parts(run_fixture):
    for name in FRAME:
        run_fixture.objects.put(S3Uri("curated", f"old/{name}"), b"12345")
    run_fixture.clock.advance(hours=200)
    run = run_fixture.start()
    run.housekeeping.purge("s3://curated/old/", ["s3://curated/old/"], ObjectSelection(0, frozenset(), None))
    run.commit()
    (record,) = run_fixture.evidence()["housekeeping"]
    assert (len(record["objects"]), record["objects_in_parts"]) == (100, 250)


def test_the_run_itself_finds_every_object_that_it_wrote(run_fixture, small_parts):
    run = run_fixture.start()
    run.writer.write_s3(FRAME, TARGET, format="parquet")
    assert {str(uri) for uri in run.recorder.written()} == {f"{TARGET}{name}.parquet" for name in FRAME}
    run.commit()


def test_a_part_that_cannot_be_written_stops_the_run_before_its_commit(run_fixture, small_parts):
    run = run_fixture.start()
    denied = ServiceError("PutObject: AccessDenied", code="AccessDenied", operation="PutObject")
    put = run_fixture.objects.write

    def write(uri, *arguments, **more):
        if uri.key.endswith(evidence_parts.SUFFIX):
            raise denied
        return put(uri, *arguments, **more)

    run_fixture.objects.write = write
    with pytest.raises(VerificationError) as caught:
        run.writer.write_s3(FRAME, TARGET, format="parquet")
    assert (caught.value.control, caught.value.aws_code) == ("GS-EVD-001", "AccessDenied")
    assert "s3:PutObject" in caught.value.fix
    run_fixture.objects.write = put
    run.writer.write_s3(["later"], f"{TARGET}later/", format="parquet")
    run.close(caught.value)
    folder = S3Folder(PREFIX, run_fixture.objects)
    (stored,) = stored_runs(folder)
    document = read_document(folder, stored)
    lines = [*read_objects(folder, document)]
    assert [write["objects_in_parts"] for write in document.document["writes"]] == [250, 1]
    assert Counter(line["number"] for line in lines) == {0: 350, 1: 1}


def test_an_error_in_the_objects_of_a_write_leaves_its_record_and_its_number(run_fixture, small_parts):
    run = run_fixture.start()
    written = run.writer.write_s3(["a"], f"{TARGET}0/", format="parquet")
    (encryption,) = written.objects

    def interrupted():
        for name in FRAME:
            yield replace(encryption, uri=S3Uri("curated", f"flights/1/{name}.parquet"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.recorder.write(replace(written, target=f"{TARGET}1/"), interrupted())
    run.writer.write_s3(["b"], f"{TARGET}2/", format="parquet")
    run.close(KeyboardInterrupt())
    folder = S3Folder(PREFIX, run_fixture.objects)
    (stored,) = stored_runs(folder)
    document = read_document(folder, stored)
    writes = document.document["writes"]
    assert [(write["target"], write["verified_by"] == "incomplete") for write in writes] == [
        (f"{TARGET}0/", False), (f"{TARGET}1/", True), (f"{TARGET}2/", False),
    ]  # fmt: skip
    assert [len(write["objects"]) + write["objects_in_parts"] for write in writes] == [1, 350, 1]
    for line in read_objects(folder, document):
        assert line["value"]["uri"].startswith(writes[line["number"]]["target"])


@pytest.mark.parametrize("in_copy", [False, True])
def test_unchanged_parts_verify(run_fixture, small_parts, tmp_path, in_copy):
    folder, _ = written(run_fixture, FRAME)
    (report,) = verify_chains(copied(run_fixture, tmp_path) if in_copy else folder, Scope())
    assert (report.parts, [finding.verdict for finding in report.findings]) == (3, [Verdict.UNKNOWN])
    assert "3 parts" in report.findings[0].found


def edit(objects, uri):
    lines = gzip.decompress(objects.read(uri).body).replace(b"aws:kms", b"AES256 ")
    objects.put(uri, gzip.compress(lines), algorithm="aws:kms", key=objects.read(uri).key)


def encrypt_otherwise(objects, uri):
    objects.put(uri, objects.read(uri).body, algorithm="AES256")


def remove(objects, uri):
    objects.delete(uri)


@pytest.mark.parametrize(
    ("change", "found"), [(edit, "SHA-256"), (encrypt_otherwise, "AES256"), (remove, "no such part")]
)
def test_a_changed_part_is_found(run_fixture, small_parts, change, found):
    folder, run = written(run_fixture, FRAME)
    uri = S3Uri("evidence", f"{run.name.rpartition('/')[0]}/{run.document['parts'][1]['name']}")
    change(run_fixture.objects, uri)
    (report,) = verify_chains(folder, Scope())
    (finding,) = (each for each in report.findings if each.verdict is Verdict.FAIL)
    assert finding.resource == str(uri)
    assert found in finding.found


def test_a_document_cannot_name_another_file_as_its_part(run_fixture, small_parts):
    folder, run = written(run_fixture, FRAME)
    parts = [{**part, "name": "../../../secret"} for part in run.document["parts"]]
    with pytest.raises(VerificationError, match="a name that no run gives"):
        [*read_objects(folder, replace(run, document={**run.document, "parts": parts}))]


def test_the_command_prints_every_object_of_a_copy(run_fixture, small_parts, tmp_path):
    written(run_fixture, FRAME)
    folder = copied(run_fixture, tmp_path)
    (run,) = stored_runs(folder)
    result = CliRunner().invoke(app, ["evidence", "objects", run.run_id, "--in", str(folder.path)])
    assert result.exit_code == 0
    assert len({json.loads(line)["value"]["uri"] for line in result.stdout.splitlines()}) == 350


def copied(run_fixture, folder):
    for key in run_fixture.objects.keys("evidence"):
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(run_fixture.objects.read(S3Uri("evidence", key)).body)
    return LocalFolder(folder)
