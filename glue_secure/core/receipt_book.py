"""The receipts of a run, reduced to the objects that they leave, in a temporary database."""

from __future__ import annotations

import errno
import os
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectEncryption
from glue_secure.core.receipts import DELETED, READ, STORED, UPLOAD_ABORTED, UPLOAD_CREATED, Receipt

if TYPE_CHECKING:
    from sqlite3 import Connection

PAGE = 5_000
"""Receipts that are in memory while the objects of a write are verified."""
_CACHE_KIB = 8_192
_COLUMNS = tuple(item.name for item in fields(Receipt) if item.name != "uri")
_VALUES_OF = attrgetter(*_COLUMNS)
_VALUES = ", ".join("?" * (len(_COLUMNS) + 3))
# The key of a stored object is compared as UTF-8, as S3 sorts keys.
_SCHEMA = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA cache_size = -{_CACHE_KIB};
CREATE TABLE objects (
    bucket TEXT, name TEXT, number INTEGER, {", ".join(_COLUMNS)},
    is_attributed INTEGER DEFAULT 0, place TEXT, PRIMARY KEY (bucket, name)
) WITHOUT ROWID;
CREATE INDEX places ON objects (place, bucket, name) WHERE place IS NOT NULL;
CREATE TABLE uploads (
    bucket TEXT, name TEXT, number INTEGER, {", ".join(_COLUMNS)}, PRIMARY KEY (upload)
) WITHOUT ROWID;
CREATE TABLE folders (
    bucket TEXT, name TEXT, stored INTEGER DEFAULT 0, is_emptied INTEGER DEFAULT 0,
    PRIMARY KEY (bucket, name)
) WITHOUT ROWID;
"""
_NAMES = f"bucket, name, number, {', '.join(_COLUMNS)}"


@dataclass(frozen=True, slots=True)
class ReceiptGroup:
    """The receipts of some objects, read from the book whenever they are iterated, sorted by location.

    An object that is replaced or deleted between two iterations is not in the second one. Its new receipt is
    unattributed.
    """

    _book: ReceiptBook
    _condition: str
    _parameters: tuple[Any, ...]
    _location: S3Uri | None = None

    def __iter__(self) -> Iterator[Receipt]:
        return self._book._select(self._condition, self._parameters, self._location)

    def __len__(self) -> int:
        return self._book._count(self._condition, self._parameters)

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None

    def with_encryption(self) -> ReceiptGroup:
        """Return the receipts that say how the object is encrypted."""
        return replace(self, _condition=f"({self._condition}) AND algorithm <> ''")

    def without_encryption(self, outcome: str) -> ReceiptGroup:
        """Return the receipts of an outcome that do not say how the object is encrypted."""
        condition = f"({self._condition}) AND algorithm = '' AND outcome = ?"
        return replace(self, _condition=condition, _parameters=(*self._parameters, outcome))

    def encryptions(self) -> Iterator[ObjectEncryption]:
        """Yield the encryption of each object."""
        return (receipt.encryption() for receipt in self)


class ReceiptBook:
    """The receipts of a run, reduced to the objects that they leave. Thread-safe.

    A later receipt of a location replaces an earlier one; a deletion removes it. The completion of a
    multipart upload has the encryption with which the upload was created, if its own response does not say.
    A copy has the size of its source. Receipts of reads are separate from them.

    The objects are in an SQLite database, of which 8 MiB are in memory and the rest in a file of Python's
    directory for temporary files (``TMPDIR``). The file has no name, and its space is free when the process
    ends. It has what evidence has: names of objects, and how they are encrypted.

    Only the process that created the book can use it: in a forked process, its methods raise GS-S3-007.

    Args:
        records_read: returns whether the reads of an object are recorded; its copies are then, too.
    """

    def __init__(self, records_read: Callable[[S3Uri], bool] = lambda _: False) -> None:
        self._lock = RLock()
        self._records_read = records_read
        self._reads: dict[tuple[S3Uri, str, str], ObjectEncryption] = {}
        self._copied: dict[S3Uri, None] = {}
        self._number = self._groupings = 0
        self._opened: Connection | None = None
        self._process = os.getpid()
        self._failure: Exception | None = None

    @property
    def number(self) -> int:
        """The number of receipts so far: the receipts of a write are those with higher numbers."""
        return self._number

    def add(self, receipts: Iterable[Receipt]) -> None:
        """Add receipts in the order in which the responses arrived.

        Raises:
            VerificationError: GS-S3-007, the local disk is full, or the process was forked.
        """
        with self._database() as database:
            stored: dict[S3Uri, int] = {}
            emptied: set[S3Uri] = set()
            for receipt in receipts:
                self._add(database, receipt, stored, emptied)
            database.executemany(
                "INSERT INTO folders (bucket, name, stored) VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET stored = excluded.stored",
                ((folder.bucket, folder.key, number) for folder, number in stored.items()),
            )
            database.executemany(
                "INSERT INTO folders (bucket, name, is_emptied) VALUES (?, ?, 1) "
                "ON CONFLICT DO UPDATE SET is_emptied = 1",
                ((folder.bucket, folder.key) for folder in emptied),
            )

    def attribute_below(self, *locations: S3Uri, since: int = 0) -> ReceiptGroup:
        """Return the receipts of the objects left at or below some locations, and attribute them.

        Two writes to one location at a time both get the objects of both.

        Args:
            locations: prefixes.
            since: the value of :attr:`number` when the write started.
        """
        below = [_below(location) for location in locations]
        condition = f"number > ? AND number <= ? AND {_any_of([text for text, _ in below])}"
        values = [value for _, values in below for value in values]
        with self._database() as database:
            parameters = (since, self._number, *values)
            database.execute(f"UPDATE objects SET is_attributed = 1 WHERE {condition}", parameters)  # noqa: S608
            # A term with a unary plus is not used to search the index: each page searches its own first row.
            condition = condition.replace("AND name >= ?", "AND +name >= ?")
            return ReceiptGroup(self, condition, parameters, locations[0] if len(locations) == 1 else None)

    def unattributed(self, *, client: str | None = None) -> ReceiptGroup:
        """Return the receipts of the objects left that nothing has claimed.

        Args:
            client: of one client only.
        """
        condition = "NOT is_attributed AND number <= ?"
        if client is None:
            return ReceiptGroup(self, condition, (self._number,))
        return ReceiptGroup(self, f"{condition} AND client = ?", (self._number, client))

    def by_place(self, place_of: Callable[[Receipt], S3Uri | None]) -> Mapping[S3Uri, ReceiptGroup]:
        """Return the receipts of the objects that nothing has claimed, by place.

        Args:
            place_of: returns the place of an object, None to leave it out.
        """
        groups: dict[S3Uri, ReceiptGroup] = {}
        changes: list[tuple[str, str, str]] = []
        with self._lock:
            self._groupings += 1
            grouping = self._groupings
        for receipt in self.unattributed():
            place = place_of(receipt)
            if place is None:
                continue
            name = f"{grouping} {place}"
            if place not in groups:
                condition = "NOT is_attributed AND number <= ? AND place = ?"
                groups[place] = ReceiptGroup(self, condition, (self._number, name))
            changes.append((name, receipt.uri.bucket, receipt.uri.key))
            if len(changes) == PAGE:
                self._set_places(changes)
                changes.clear()
        self._set_places(changes)
        return groups

    def attribute(self, group: ReceiptGroup) -> None:
        """Attribute the objects of a group. One of :meth:`unattributed` or :meth:`by_place` is empty then."""
        with self._database() as database:
            text = f"UPDATE objects SET is_attributed = 1 WHERE {group._condition}"  # noqa: S608 - no values
            database.execute(text, group._parameters)

    def resolve(self, receipts: Iterable[Receipt], encryptions: Iterable[ObjectEncryption]) -> None:
        """Record how objects are encrypted whose receipts do not say.

        Args:
            receipts: the receipts.
            encryptions: what S3 answered afterwards. Objects without an answer do not exist.
        """
        resolved = list(receipts)
        answers = {encryption.uri: encryption for encryption in encryptions}
        with self._database() as database:
            for receipt in resolved:
                answer = answers.get(receipt.uri)
                # The receipt of a newer request is not resolved.
                same = "bucket = ? AND name = ? AND algorithm = '' AND time = ?"
                place = receipt.uri.bucket, receipt.uri.key, receipt.time
                if answer is None:
                    database.execute(f"DELETE FROM objects WHERE {same}", place)  # noqa: S608 - constants
                    continue
                database.execute(
                    "UPDATE objects SET algorithm = ?, key = ?, bucket_key = ?, size = ?, "  # noqa: S608
                    f"version = ?, etag = ?, checksum = ? WHERE {same}",
                    (
                        answer.algorithm,
                        answer.key,
                        answer.bucket_key,
                        answer.size,
                        answer.version,
                        answer.etag,
                        answer.checksum,
                        *place,
                    ),
                )

    def has_stored_below(self, location: S3Uri, *, since: int = 0) -> bool:
        """Return whether an object was stored at or below a location, even if it was deleted afterwards.

        Args:
            location: a prefix.
            since: as in :meth:`attribute_below`.
        """
        condition, values = _below(location)
        with self._database() as database:
            text = f"SELECT 1 FROM folders WHERE stored > ? AND {condition} LIMIT 1"  # noqa: S608
            if database.execute(text, (since, *values)).fetchone() is not None:
                return True
            is_left = "SELECT 1 FROM objects WHERE bucket = ? AND name = ?"
            return database.execute(is_left, (location.bucket, location.key)).fetchone() is not None

    def has_deleted_below(self, location: S3Uri) -> bool:
        """Return whether an object at or below a location was deleted."""
        condition, values = _below(location)
        with self._database() as database:
            text = f"SELECT 1 FROM folders WHERE is_emptied AND {condition} LIMIT 1"  # noqa: S608
            return database.execute(text, values).fetchone() is not None

    def reads(self) -> tuple[ObjectEncryption, ...]:
        """Return each object that was read, once for each encryption that S3 answered."""
        with self._lock:
            return tuple(self._reads.values())

    def copied(self) -> tuple[S3Uri, ...]:
        """Return the objects below a source that S3 copied. Its answer is about the copy."""
        with self._lock:
            return tuple(self._copied)

    def incomplete_uploads(self, *, client: str) -> tuple[Receipt, ...]:
        """Return a client's multipart uploads that were neither completed nor aborted.

        They store no object.
        """
        with self._database() as database:
            text = f"SELECT {_NAMES} FROM uploads WHERE client = ? ORDER BY number"  # noqa: S608
            return tuple(map(_receipt, database.execute(text, (client,))))

    def _add(
        self, database: Connection, receipt: Receipt, stored: dict[S3Uri, int], emptied: set[S3Uri]
    ) -> None:
        if receipt.outcome == READ:
            self._reads[receipt.uri, receipt.algorithm, receipt.key] = receipt.encryption()
            return
        source = S3Uri(*receipt.source.lstrip("/").split("/", 1)) if "/" in receipt.source[1:] else None
        if source is not None and self._records_read(source):
            self._copied[source] = None
        self._number += 1
        if receipt.outcome == UPLOAD_CREATED:
            database.execute(f"INSERT OR REPLACE INTO uploads VALUES ({_VALUES})", self._row(receipt))  # noqa: S608
            return
        place = receipt.uri.bucket, receipt.uri.key
        created: Receipt | None = None
        if receipt.upload:
            row = database.execute(f"SELECT {_NAMES} FROM uploads WHERE upload = ?", (receipt.upload,))  # noqa: S608
            created = next(map(_receipt, row.fetchall()), None)
            database.execute("DELETE FROM uploads WHERE upload = ?", (receipt.upload,))
        if receipt.outcome == UPLOAD_ABORTED:
            return
        if receipt.outcome == DELETED:
            database.execute("DELETE FROM objects WHERE bucket = ? AND name = ?", place)
            emptied.add(receipt.uri.folder)
            return
        if created is not None and receipt.outcome == STORED and not receipt.algorithm:
            receipt = replace(
                receipt, algorithm=created.algorithm, key=created.key, bucket_key=created.bucket_key
            )
        if source is not None and receipt.size is None:
            text = "SELECT size FROM objects WHERE bucket = ? AND name = ?"
            copied = database.execute(text, (source.bucket, source.key)).fetchone()
            receipt = replace(receipt, size=copied[0] if copied is not None else None)
        text = f"INSERT OR REPLACE INTO objects ({_NAMES}) VALUES ({_VALUES})"  # noqa: S608 - constants
        database.execute(text, self._row(receipt))
        stored[receipt.uri.folder] = self._number

    def _row(self, receipt: Receipt) -> tuple[Any, ...]:
        return receipt.uri.bucket, receipt.uri.key, self._number, *_VALUES_OF(receipt)

    def _set_places(self, changes: list[tuple[str, str, str]]) -> None:
        with self._database() as database:
            database.executemany("UPDATE objects SET place = ? WHERE bucket = ? AND name = ?", changes)

    def _select(
        self, condition: str, parameters: tuple[Any, ...], location: S3Uri | None
    ) -> Iterator[Receipt]:
        """Yield receipts. They are read in pages, so that others can add receipts meanwhile.

        Args:
            condition: in SQL.
            parameters: its values.
            location: a prefix that all of them are below; None if it is not known.
        """
        after = "(bucket, name) > (?, ?)" if location is None else "bucket = ? AND name > ?"
        # An object can have the name of the prefix itself, so that the first page begins with it.
        first = after if location is None else "bucket = ? AND name >= ?"
        last = ("", "") if location is None else (location.bucket, location.as_prefix()[:-1])
        while True:
            text = (
                f"SELECT {_NAMES} FROM objects WHERE ({condition}) AND {first} "  # noqa: S608 - no values
                f"ORDER BY bucket, name LIMIT {PAGE}"
            )
            with self._database() as database:
                page = [_receipt(row) for row in database.execute(text, (*parameters, *last))]
            yield from page
            if len(page) < PAGE:
                return
            first, last = after, (page[-1].uri.bucket, page[-1].uri.key)

    def _count(self, condition: str, parameters: tuple[Any, ...]) -> int:
        with self._database() as database:
            text = f"SELECT count(*) FROM objects WHERE {condition}"  # noqa: S608
            return int(database.execute(text, parameters).fetchone()[0])

    @contextmanager
    def _database(self) -> Iterator[Connection]:
        """Return the database, in a transaction.

        Without a journal, the database may be inconsistent after an error of SQLite: all later uses raise the
        first one.
        """
        import sqlite3

        if self._process != os.getpid():  # before the lock, which another thread may have had during the fork
            raise VerificationError(
                "GS-S3-007",
                resource="S3's responses to the requests of the run",
                found="a process that the job forked, which uses them",
                required="the process that started the run",
                fix="end the run in the process that started it",
            )
        with self._lock:
            if self._failure is not None:
                raise _unusable(self._failure) from self._failure
            try:
                if self._opened is None:
                    self._opened = _temporary_database()
                    # A run that the script did not end is verified in a hook at the end of the process.
                    weakref.finalize(self, self._opened.close).atexit = False
            except (sqlite3.Error, OSError) as error:
                self._failure = error
                raise _unusable(error) from error
            try:
                self._opened.execute("BEGIN")
                try:
                    yield self._opened
                except sqlite3.Error:
                    raise
                except BaseException:
                    self._opened.execute("COMMIT")
                    raise
                self._opened.execute("COMMIT")
            except sqlite3.Error as error:
                self._failure = error
                raise _unusable(error) from error


def _temporary_database() -> Connection:
    """Return a database in a file without a name.

    A database of SQLite without a name would be in another directory than Python's temporary files.
    """
    import sqlite3

    descriptor, name = tempfile.mkstemp(prefix="glue-secure-receipts-")
    try:
        os.close(descriptor)
        database = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
        try:
            database.executescript(_SCHEMA)
        except BaseException:
            database.close()
            raise
    finally:
        Path(name).unlink()
    return database


def _unusable(error: Exception) -> VerificationError:
    """Return the error for a database that cannot be used, with its cause."""
    try:
        folder = tempfile.gettempdir()
    except OSError:
        folder = "a directory for temporary files"
    is_full = "is full" in str(error) or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
    return VerificationError(
        "GS-S3-007",
        resource="S3's responses to the requests of the run",
        found=f"a temporary database in {folder} that cannot be used: {error}",
        required="about 1 KB of free space for each object" if is_full else "a database without errors",
        fix="set the environment variable TMPDIR to a directory with free space"
        if is_full
        else f"check that {folder} can be written to, or set the environment variable TMPDIR to another "
        "directory",
    )


def _below(location: S3Uri) -> tuple[str, tuple[str, ...]]:
    """Return an SQL condition for names at or below a location, and its values."""
    prefix = location.as_prefix()
    if not prefix:
        return "(bucket = ?)", (location.bucket,)
    first, end = prefix[:-1], f"{prefix[:-1]}0"  # "0" is the character after "/"
    return (
        "(bucket = ? AND name >= ? AND name < ? AND (name = ? OR +name >= ?))",
        (location.bucket, first, end, location.key, prefix),
    )


def _any_of(conditions: Sequence[str]) -> str:
    """Return a condition that is true if any of some is. SQLite limits the depth of an expression to 1,000.

    https://www.sqlite.org/limits.html
    """
    if len(conditions) == 1:
        return conditions[0]
    middle = len(conditions) // 2
    return f"({_any_of(conditions[:middle])} OR {_any_of(conditions[middle:])})"


def _receipt(row: tuple[Any, ...]) -> Receipt:
    bucket, name, _number, outcome, operation, client, algorithm, key, bucket_key, *rest = row
    uri = S3Uri(bucket, name)
    return Receipt(outcome, uri, operation, client, algorithm, key, bool(bucket_key), *rest)
