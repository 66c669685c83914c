"""Receipts are reduced to the objects that a run leaves."""

from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path

import pytest

from glue_secure.core import receipt_book
from glue_secure.core.errors import VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.receipt_book import PAGE, ReceiptBook
from glue_secure.core.receipts import DELETED, STORED, UNANSWERED, UPLOAD_CREATED, Receipt

KEY = "arn:aws:kms:eu-west-1:111122223333:key/run"


def receipt(name: str, outcome: str = STORED, **values: object) -> Receipt:
    settings: dict[str, object] = {"algorithm": "aws:kms", "key": KEY, **values}
    return Receipt(outcome, S3Uri("lake", name), "PutObject", "driver", **settings)  # type: ignore[arg-type]


@pytest.fixture
def book() -> ReceiptBook:
    return ReceiptBook()


def test_receipts_can_be_read_in_a_hook_at_the_end_of_the_process():
    program = (
        "import atexit\n"
        "from glue_secure.core.identifiers import S3Uri\n"
        "from glue_secure.core.receipt_book import ReceiptBook\n"
        "from glue_secure.core.receipts import STORED, Receipt\n"
        "book = ReceiptBook()\n"
        "atexit.register(lambda: print([left.uri.key for left in book.unattributed()]))\n"
        "book.add([Receipt(STORED, S3Uri('lake', 'a'), 'PutObject', 'driver', algorithm='aws:kms')])\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("['a']\n", "")


def test_a_deleted_object_is_not_left(book):
    book.add([receipt("t/_temporary/a"), receipt("t/a"), receipt("t/_temporary/a", DELETED)])

    assert [left.uri.key for left in book.attribute_below(S3Uri("lake", "t"))] == ["t/a"]


def test_a_location_contains_itself_and_what_is_below_it_only(book):
    book.add([receipt("t"), receipt("t/a"), receipt("tt/a")])

    assert [left.uri.key for left in book.attribute_below(S3Uri("lake", "t"))] == ["t", "t/a"]
    assert [left.uri.key for left in book.unattributed()] == ["tt/a"]


def test_a_write_has_the_objects_that_were_stored_since_it_started(book):
    book.add([receipt("t/a")])
    start = book.number
    book.add([receipt("t/b")])

    assert [left.uri.key for left in book.attribute_below(S3Uri("lake", "t"), since=start)] == ["t/b"]
    assert [left.uri.key for left in book.unattributed()] == ["t/a"]


def test_two_writes_to_one_location_at_a_time_both_have_the_objects_of_both(book):
    start = book.number
    book.add([receipt("t/a"), receipt("t/b")])

    first = book.attribute_below(S3Uri("lake", "t"), since=start)
    assert book.attribute_below(S3Uri("lake", "t"), since=start) == first
    assert len(first) == 2


def test_an_object_that_is_replaced_after_its_verification_is_unattributed_again(book):
    book.add([receipt("t/a")])
    book.attribute_below(S3Uri("lake", ""))
    book.add([receipt("t/a", algorithm="AES256", key="")])

    assert [left.algorithm for left in book.unattributed()] == ["AES256"]


def test_a_completed_upload_has_the_encryption_with_which_it_was_created(book):
    book.add([receipt("t/a", UPLOAD_CREATED, upload="u1", bucket_key=True)])
    book.add([receipt("t/a", algorithm="", key="", upload="u1", size=7)])

    (left,) = book.unattributed()
    assert (left.algorithm, left.key, left.bucket_key, left.size) == ("aws:kms", KEY, True, 7)


def test_an_upload_that_was_created_elsewhere_proves_nothing(book):
    book.add([receipt("t/a", algorithm="", key="", upload="u1")])

    (left,) = book.unattributed()
    assert (left.algorithm, left.key) == ("", "")


def test_an_upload_without_completion_leaves_no_object(book):
    book.add([receipt("t/a", UPLOAD_CREATED, upload="u1")])

    assert not book.unattributed()


def test_a_copy_has_the_size_of_its_source(book):
    book.add([receipt("t/_temporary/a", size=42), receipt("t/a", source="/lake/t/_temporary/a")])
    book.add([receipt("t/_temporary/a", DELETED)])

    assert [left.size for left in book.unattributed()] == [42]


def test_objects_that_were_deleted_since_still_count_as_stored(book):
    book.add([receipt("staging/x/a"), receipt("staging/x/a", DELETED)])

    assert book.has_stored_below(S3Uri("lake", "staging"))
    assert not book.has_stored_below(S3Uri("lake", "other"))
    assert not book.has_stored_below(S3Uri("lake", "staging/x/a/b"))


def test_places_of_two_groupings_do_not_mix(book):
    book.add([receipt("a"), receipt("b/c")])
    by_bucket = book.by_place(lambda _: S3Uri("lake", ""))
    by_folder = book.by_place(lambda one: one.uri.folder if one.uri.key == "a" else None)
    (group,) = by_folder.values()
    assert [left.uri.key for left in group] == ["a"]
    assert [left.uri.key for left in by_bucket[S3Uri("lake", "")]] == ["b/c"]


def test_an_object_that_is_stored_again_is_resolved_by_no_earlier_answer(book):
    book.add([receipt("t/a", UNANSWERED, algorithm="", key="", time=1)])
    (old,) = book.unattributed()
    book.add([receipt("t/a", UNANSWERED, algorithm="", key="", time=2)])
    book.resolve([old], [])
    assert [left.time for left in book.unattributed()] == [2]
    book.resolve(book.unattributed(), [])
    assert not book.unattributed()


def test_every_object_of_many_is_left_once_and_memory_is_flat(book, monkeypatch):
    monkeypatch.setattr(receipt_book, "PAGE", 500)
    tracemalloc.start()
    for first in range(0, 12_000, 500):
        names = [f"t/day={number % 7}/part-{number:06}" for number in range(first, first + 500)]
        book.add([receipt(f"_temporary/{name}") for name in names])
        book.add([receipt(name, source=f"/lake/_temporary/{name}") for name in names])
        book.add([receipt(f"_temporary/{name}", DELETED) for name in names])
        if not first:
            tracemalloc.reset_peak()
            base = tracemalloc.get_traced_memory()[0]
    left = book.attribute_below(S3Uri("lake", "t"))
    seen = [hash(one.uri) for one in left]
    peak = tracemalloc.get_traced_memory()[1] - base
    tracemalloc.stop()
    assert len(set(seen)) == len(left) == 12_000
    assert peak < 4 * (1 << 20)  # a list of them needs 10
    assert not book.unattributed()


def test_gs_s3_007_a_database_that_cannot_be_written_stops_the_run(book, monkeypatch):
    def full(*_arguments, **_options):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite3, "connect", full)
    with pytest.raises(VerificationError, match="GS-S3-007") as raised:
        book.add([receipt("t/a")])
    assert "disk is full" in raised.value.found


def test_the_file_is_in_the_directory_for_temporary_files_and_has_no_name(book, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    book.add([receipt("t/a")])
    files = [str(file.readlink()) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    assert any(file.startswith(f"{tmp_path}/") and file.endswith(" (deleted)") for file in files)
    assert [*tmp_path.iterdir()] == []


def test_gs_s3_007_names_the_directory_in_which_no_file_can_be_created(book, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(VerificationError, match="GS-S3-007") as raised:
        book.add([receipt("t/a")])
    assert f"{tmp_path}/missing" in raised.value.found
    assert "No such file" in raised.value.found


def test_gs_s3_007_the_first_error_of_the_database_is_the_one_that_later_uses_name(book, monkeypatch):
    book.add([receipt("t/a")])
    with book._database() as database:
        database.execute("PRAGMA max_page_count = 1")  # the present number of pages
    names = [f"t/{number:06}" for number in range(2_000)]
    for _ in range(2):
        with pytest.raises(VerificationError, match="GS-S3-007") as raised:
            book.add([receipt(name) for name in names])
        assert "is full" in raised.value.found
        assert "TMPDIR" in raised.value.fix
    with pytest.raises(VerificationError, match="is full"):
        book.by_place(lambda one: one.uri)


def test_a_write_can_have_many_locations(book):
    names = [f"t{number}/a" for number in range(3_000)]
    book.add([receipt(name) for name in [*names, "u/a"]])
    locations = [S3Uri("lake", name[:-2]) for name in names]
    assert {left.uri.key for left in book.attribute_below(*locations)} == set(names)
    assert [left.uri.key for left in book.unattributed()] == ["u/a"]


def test_gs_s3_007_a_forked_process_cannot_use_the_receipts_of_the_run():
    program = (
        "import os\n"
        "from glue_secure.core.errors import VerificationError\n"
        "from glue_secure.core.identifiers import S3Uri\n"
        "from glue_secure.core.receipt_book import ReceiptBook\n"
        "from glue_secure.core.receipts import STORED, Receipt\n"
        "book = ReceiptBook()\n"
        "def add(name):\n"
        "    book.add([Receipt(STORED, S3Uri('lake', name), 'PutObject', 'driver', algorithm='aws:kms')])\n"
        "add('a')\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    try:\n"
        "        for number in range(1_000):\n"
        "            add(f'child/{number}')\n"
        "    except VerificationError as error:\n"
        "        print(error.found, flush=True)\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "add('b')\n"
        "print([left.uri.key for left in book.unattributed()])\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    found = "a process that the job forked, which uses them\n"
    assert (ended.stdout, ended.stderr) == (f"{found}['a', 'b']\n", "")


def test_each_page_begins_where_the_last_one_ended(book):
    """The number of rows that SQLite reads grows with the objects, not with their square."""
    names = [f"t/{number:06}" for number in range(4 * PAGE)]
    book.add([receipt(name) for name in [*names, "s/first", "t", "u/last", "t!/other"]])
    for number, group in enumerate((book.attribute_below(S3Uri("lake", "t")), book.unattributed())):
        steps = itertools.count()
        with book._database() as database:
            database.set_progress_handler(lambda counter=steps: (next(counter), None)[1], 1_000)
        seen = [left.uri.key for left in group]
        assert seen == (["s/first", "t!/other", "u/last"] if number else ["t", *names])
        assert next(steps) < 4 * PAGE * 45 / 1_000


def test_every_part_of_a_large_place_is_left_once(book):
    names = [f"t/{number:06}" for number in range(2 * PAGE + 1)]
    book.add([receipt(name) for name in [*names, "u/a"]])
    groups = book.by_place(lambda one: S3Uri("lake", one.uri.key[:1]))
    assert [left.uri.key for left in groups[S3Uri("lake", "t")]] == names
    assert [left.uri.key for left in book.attribute_below(S3Uri("lake", "t"), S3Uri("lake", "u/a"))] == [
        *names,
        "u/a",
    ]
    assert len(book.attribute_below(S3Uri("lake", ""))) == len(names) + 1
    assert len([*book.attribute_below(S3Uri("lake", ""))]) == len(names) + 1


def test_a_size_that_no_answer_states_is_not_known(book):
    book.add([receipt("t/a", size=None), receipt("t/b", size=0)])
    assert [left.encryption().size for left in book.unattributed()] == [None, 0]
