"""One job over many runs, against a model with perfect memory, with faults of every kind.

``simulate(seed)`` makes a history from a seed and raises AssertionError where the job and the model differ.
The runs are real; S3, the database and the engine are in memory. A history consists of

- objects that land, are rewritten, deleted, have size 0 or keys that Hadoop misreads, or appear with the date
  of the start of a long upload;
- objects with further columns, or with a column of another type;
- a table that is read through one of two connections, or the host of a connection that changes;
- runs that end, fail, or whose requests are denied, those of the evidence in particular;
- damage to an object of the bookmark, and the repair; rewinds.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from run_fixture import SESSION_ROW, FakeEngine, new_run_fixture

from glue_secure.bookmarks import operations
from glue_secure.bookmarks.envelope import Envelope, EnvelopeContext
from glue_secure.bookmarks.repair import apply_repair, plan_repair
from glue_secure.bookmarks.store import BookmarkStore
from glue_secure.connections.tls.probe import TlsFacts
from glue_secure.core.errors import ControlError, GlueSecureError, RefusedError, UsageError
from glue_secure.core.findings import passed
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.merged_columns import merged_columns
from glue_secure.core.service import ServiceError
from glue_secure.io.source_filter import SourceFilter
from glue_secure.testing.local_kms_key import LocalKmsKey

LANDING, TARGET = "s3://landing/flights/", "s3://curated/flights/"
PLAIN = ("a", "b", "c", "d/e", "d/f", "g", "h i", "ü")
HIDDEN = ("_SUCCESS", ".hidden/x", "_temporary/0")
HOSTILE = ("x//y", "d/../a", "./b", "new\nline", "tab\tx", "/z")
STEPS = (0, 1, 30, 600, 899, 900, 901, 2000, 90_000)
CONNECTIONS = {"ops": "db.example.com", "copy": "db2.example.com"}
_CONDITION = re.compile(r"(>|<=) CAST\(E'(-?\d+)' AS bigint\)")


class ModelEngine(FakeEngine):
    """Reads objects whose bodies are ``{"columns": {...}}``, and tables whose rows are numbers.

    Attributes:
        tables: the rows by host.
        rows: the numbers that each read of a table returned, in order.
    """

    tables: dict[str, list[int]]
    rows_of_reads: list[list[int]]

    def read_s3(self, objects: Any, **more: Any) -> Any:
        scan = f"scan-{len(self.calls)}"
        self.calls.append(("read_s3", len(objects)))
        columns = [json.loads(self.objects._get(uri, "GetObject").body)["columns"] for uri in objects]
        types: dict[str, str] = {}
        for each in columns:
            for name, type in each.items():
                if types.setdefault(name, type) != type:
                    raise UsageError(
                        "a read of objects with different columns", found=name, required="one type"
                    )
        self.merged[scan] = merged_columns(columns)
        tokens = [] if more.get("empty") else [self.objects._get(uri, "GetObject").etag for uri in objects]
        return tokens, scan

    def read_jdbc(self, **arguments: Any) -> Any:
        host = arguments["url"].split("//")[1].split(":")[0]
        table, predicates = arguments["table"], arguments.get("predicates", ())
        if table != "orders":
            return (table, host, predicates), "query"
        rows = [] if arguments.get("empty") else [row for row in self.tables[host] if _meets(row, predicates)]
        self.rows_of_reads.append(rows)
        return rows, "jdbc"

    def first_row(self, frame: Any, columns: Any = ()) -> Any:
        query, host, where = frame
        if "glue_secure_session" in query:
            return dict(SESSION_ROW)
        if "pg_typeof" in query:
            return {"type_0": "bigint", "nulls_0": 0}
        rows = [row for row in self.tables[host] if _meets(row, where)]
        return {"text_0": str(max(rows))} if rows else {}

    def all_rows(self, frame: Any) -> Any:
        """Return the description of the table: one row for each column."""
        return [
            {
                "table_name": "public.orders",
                "column_name": "id",
                "position": 1,
                "not_null": True,
                "primary_position": 0,
            }
        ]


def _meets(row: int, predicates: Any) -> bool:
    conditions = _CONDITION.findall(" and ".join(predicates))
    return all(row > int(number) if sign == ">" else row <= int(number) for sign, number in conditions)


@dataclass(frozen=True)
class Done:
    """What the committed runs up to one state have read: entity tags, and the last row by source."""

    objects: frozenset[str] = frozenset()
    rows: dict[str, tuple[str, str, int]] = field(default_factory=dict)


class Simulation:
    """The history of one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.fixture = fixture = new_run_fixture()
        engine = ModelEngine(fixture.objects, session_row=SESSION_ROW)
        engine.tables = {host: [] for host in CONNECTIONS.values()}
        engine.rows_of_reads = []
        self.engine = fixture.engine = engine
        ops = fixture.control_plane.connections["ops"]
        for name, host in CONNECTIONS.items():
            url = f"jdbc:postgresql://{host}:5432/ops"
            fixture.control_plane.connections[name] = replace(
                ops, name=name, properties={**ops.properties, "JDBC_CONNECTION_URL": url}
            )
        self.objects, self.clock = fixture.objects, fixture.clock
        self.filter = SourceFilter(skip_invalid=self.random.random() < 0.5)
        self.done = Done()
        self.states: dict[int, Done] = {0: self.done}
        self.runs = self.writes = 0
        self.counts: dict[str, int] = {}
        # Objects of the bookmark that were changed, and not repaired yet.
        self.damaged = False

    def note(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    # The input.

    def land(self) -> None:
        names = PLAIN
        if self.random.random() < 0.06:
            names = HOSTILE
        elif self.random.random() < 0.05:
            names = HIDDEN
        uri = S3Uri("landing", f"flights/{self.random.choice(names)}")
        self.writes += 1
        columns = {"x": "int"}
        if self.random.random() < 0.3:
            columns["y"] = "string"
        if self.random.random() < 0.03:
            columns["x"] = "string"
        body = b"" if self.random.random() < 0.03 else json.dumps({"columns": columns}).encode()
        existing = self.objects._buckets["landing"].get(uri.key)
        self.objects.put(uri, body)
        if existing is None and self.random.random() < 0.15:
            # The date of the start of an upload.
            stored = self.objects._buckets["landing"][uri.key]
            began = stored.last_modified - timedelta(seconds=self.random.choice((1, 600, 1000, 5000, 90_000)))
            self.objects._buckets["landing"][uri.key] = replace(stored, last_modified=began)
            self.note("long uploads")

    def delete(self) -> None:
        keys = self.objects.keys("landing")
        if keys:
            self.objects.delete(S3Uri("landing", self.random.choice(keys)))

    def add_rows(self) -> None:
        rows = self.engine.tables[self.random.choice(list(self.engine.tables))]
        last = max(rows, default=0)
        rows += [last + step for step in range(1, self.random.randint(2, 4))]

    # What a run must read.

    def live(self) -> dict[str, Any]:
        """Return the data objects by entity tag: those that Spark would read, and the hostile ones."""
        found = {}
        for key, stored in self.objects._buckets["landing"].items():
            name = key.removeprefix("flights/")
            if name not in HIDDEN:
                found[stored.etag] = (name, stored)
        return found

    def expected(self) -> set[str]:
        """Return the entity tags of the objects that a run with skipping selects and reads."""
        return {
            etag
            for etag, (name, stored) in self.live().items()
            if name not in HOSTILE and stored.body and etag not in self.done.objects
        }

    # Runs.

    def run(self, *, how: str = "clean") -> None:
        self.runs += 1
        run_id = f"jr_{self.runs}"
        self.fixture.control_plane.run_attachments["curate", run_id] = "strict"
        expected, live = self.expected(), self.live()
        new = {etag: value for etag, value in live.items() if etag not in self.done.objects}
        connection = self.random.choice((*CONNECTIONS, "ops", ""))
        context = "orders" if self.random.random() < 0.7 else f"orders_{connection}"
        state_before, target_before = self.bookmark(), set(self.objects.keys("curated"))
        rows_before = len(self.engine.rows_of_reads)
        read: set[str] | None = None
        error: BaseException | None = None
        table = False
        try:
            with self.faults(how):
                run = self.fixture.start(run_id)
                try:
                    frame = run.reader.read_s3(
                        LANDING, format="parquet", transformation_ctx="flights", source_filter=self.filter
                    )
                    read = set(frame)
                    if connection:
                        run.reader.read_jdbc(
                            connection,
                            "orders",
                            transformation_ctx=context,
                            options={"jobBookmarkKeys": ["id"]},
                        )
                        table = True
                    if frame:
                        run.writer.write_s3(frame, TARGET, format="parquet", mode="append")
                    if how == "script":
                        raise ZeroDivisionError
                    run.commit()
                except BaseException as raised:
                    run.close(raised)
                    raise
        except (GlueSecureError, ZeroDivisionError) as raised:
            error = raised
        moved = self.bookmark() != state_before
        rows = self.engine.rows_of_reads[rows_before:]
        self.check_rows(connection, context, rows[0] if table and rows else None, error)
        if read is not None and not moved and error is None:
            assert not read, "objects were read, and the bookmark did not move"
        if read is not None:
            assert read == expected, (sorted(read ^ expected), how, str(error))
        if error is None:
            assert read is not None
            self.check_report(self.fixture.evidence(run_id), new)
        if how == "clean" and error is not None:
            self.check_refusal(error, new, connection, context)
        if read is None:
            assert set(self.objects.keys("curated")) == target_before, "a run wrote before it had read"
            assert not moved
        if moved:
            self.committed(read or set(), new, connection if table else "", context, rows)
        self.note(f"run {how} {'ok' if error is None else type(error).__name__}")

    def check_report(self, report: Any, new: dict[str, Any]) -> None:
        """The evidence names skipped objects and merged columns."""
        assert report["outcome"] == "succeeded"
        (read, *_) = report["reads"]
        hostile = [name for name, _ in self.live().values() if name in HOSTILE]
        empty = [name for name, stored in new.values() if name not in HOSTILE and not stored.body]
        assert read["skipped"] == len(hostile) + len(empty)
        columns = [
            json.loads(stored.body)["columns"]
            for name, stored in new.values()
            if name not in HOSTILE and stored.body
        ]
        with_y = sum("y" in each for each in columns)
        wanted = [f"y (in {with_y} of {len(columns)} objects)"] if 0 < with_y < len(columns) else []
        assert read["merged_columns"] == wanted
        if wanted:
            self.note("merged columns")

    def check_refusal(self, error: BaseException, new: dict[str, Any], connection: str, context: str) -> None:
        """A run without a fault stops only for a reason of the model; then the operator removes it."""
        if isinstance(error, ControlError):
            assert self.damaged, str(error)
            assert error.control.startswith("GS-BKM-00"), str(error)
            return
        assert isinstance(error, UsageError), error
        hostile = [name for name, _ in self.live().values() if name in HOSTILE]
        empty = [name for name, stored in new.values() if not stored.body]
        text = str(error)
        if "different columns" in text:
            mixed = [
                name
                for name, stored in new.values()
                if stored.body and json.loads(stored.body)["columns"]["x"] == "string"
            ]
            assert mixed
            self.note("refused: a column of two types")
            for name in mixed:
                self.objects.delete(S3Uri("landing", f"flights/{name}"))
        elif "different database" in text or "connection" in text:
            bound = self.done.rows[context]
            assert bound[:2] != (connection, self.host(connection))
            self.note("refused: another database")
            if self.random.random() < 0.5:
                self.adopt(context, bound[2])
        elif self.filter.skip_invalid:
            raise AssertionError(text)
        else:
            assert hostile or empty, text
            self.note("refused: invalid objects")
            for name in hostile or empty:
                self.objects.delete(S3Uri("landing", f"flights/{name}"))

    def check_rows(self, connection: str, context: str, rows: list[int] | None, error: Any) -> None:
        if rows is None:
            return
        bound = self.done.rows.get(context)
        if bound is not None and bound[0]:
            assert bound[:2] == (connection, self.host(connection)), "rows of another database"
        last = bound[2] if bound is not None else 0
        assert rows == [row for row in self.engine.tables[self.host(connection)] if row > last]

    def host(self, connection: str) -> str:
        properties = self.fixture.control_plane.connections[connection].properties
        return str(properties["JDBC_CONNECTION_URL"]).split("//")[1].split(":")[0]

    def committed(
        self, read: set[str], new: dict[str, Any], connection: str, context: str, rows: list[list[int]]
    ) -> None:
        """Note what the bookmark covers now. Invalid objects that a run skips are covered too."""
        skipped = {etag for etag, (name, stored) in new.items() if name not in HOSTILE and not stored.body}
        last = dict(self.done.rows)
        if connection and rows:
            before = last.get(context, ("", "", 0))[2]
            if rows[0] or context in last:
                last[context] = (connection, self.host(connection), max(rows[0], default=before))
        missing = {etag for etag in read if f"flights/{etag}.parquet" not in self.objects._buckets["curated"]}
        assert not missing, "the bookmark moved past objects that are not in the target"
        self.done = Done(self.done.objects | read | skipped, last)
        self.states[self.sequence()] = self.done

    @contextmanager
    def faults(self, how: str) -> Iterator[None]:
        """Deny one request: of the evidence, or of anything."""
        if how not in ("evidence", "any"):
            yield
            return
        at, count = self.random.randint(1, 2 if how == "evidence" else 22), [0]
        names = ("write",) if how == "evidence" else ("list", "encryption", "read", "write")
        real = {name: getattr(self.objects, name) for name in names}

        def watched(name: str) -> Any:
            def call(uri: S3Uri, *arguments: Any, **more: Any) -> Any:
                if how == "any" or uri.bucket == "evidence":
                    count[0] += 1
                    if count[0] == at:
                        raise ServiceError("AccessDenied", code="AccessDenied", operation="PutObject")
                return real[name](uri, *arguments, **more)

            return call

        for name in names:
            setattr(self.objects, name, watched(name))
        try:
            yield
        finally:
            for name in names:
                delattr(self.objects, name)

    # The bookmark.

    def store(self) -> BookmarkStore:
        key = self.fixture.bookmark_key
        envelope = Envelope(
            provider=LocalKmsKey(key_id=str(key)),
            key=key,
            context=EnvelopeContext("curate", "123456789012", "eu-west-1"),
        )
        prefix = S3Uri("state", "bookmarks")
        return BookmarkStore(objects=self.objects, envelope=envelope, prefix=prefix, pause=lambda _: None)

    def bookmark(self) -> bytes | None:
        stored = self.objects._buckets["state"].get(self.store().uri.key)
        return stored.body if stored is not None else None

    def sequence(self) -> int:
        store = self.store()
        stored = store.stored(store.uri)
        return store.state_in(stored, store.uri).sequence if stored is not None else 0

    def adopt(self, context: str, last: int) -> None:
        """Let a table continue in another database; if the bookmark is damaged, repair it instead."""
        store = self.store()
        try:
            change = operations.plan_adopt(store, context)
            loaded = operations.apply(store, change, run_id="command", by="arn:x", reason="")
        except RefusedError as error:
            assert self.damaged, str(error)
            self.repair()
            return
        self.done = Done(self.done.objects, {**self.done.rows, context: ("", "", last)})
        self.states[loaded.sequence] = self.done
        self.note("adopted")

    def rewind(self) -> None:
        present = self.sequence_or_none()
        if present is None or present < 2:
            return
        target = self.random.randint(1, present - 1)
        if target not in self.states:
            return
        store = self.store()
        try:
            change = operations.plan_rewind(store, sequence=target)
            loaded = operations.apply(store, change, run_id="command", by="arn:x", reason="")
        except UsageError:
            return  # a repair gave that state up
        except RefusedError as error:
            assert self.damaged, str(error)
            self.repair()
            return
        self.done = Done(self.states[target].objects, dict(self.states[target].rows))
        self.states[loaded.sequence] = self.done
        self.note("rewinds")

    def sequence_or_none(self) -> int | None:
        try:
            return self.sequence()
        except ControlError:
            return None

    def damage(self) -> None:
        """Change one object of the bookmark, at any place."""
        bucket = self.objects._buckets["state"]
        keys = [key for key in sorted(bucket) if "/damaged/" not in key]
        if not keys:
            return
        key = self.random.choice(keys)
        uri, body = S3Uri("state", key), bucket[key].body
        kind = self.random.choice(("random", "empty", "cut", "longer", "bit", "gone", "another", "another"))
        if kind == "gone":
            self.objects.delete(uri)
        else:
            at = self.random.randrange(len(body)) if body else 0
            bit = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] if body else b"x"
            changed = {
                "random": self.random.randbytes(500),
                "empty": b"",
                "cut": body[:-10],
                "longer": body + b"x",
                "bit": bit,
                "another": bucket[self.random.choice(keys)].body,
            }[kind]
            if changed == body:
                return
            self.objects.put(uri, changed, algorithm="aws:kms", key=str(self.fixture.bookmark_key))
        self.damaged = True
        self.note(f"damage: {kind}")
        self.accept_invisible_rollback()
        before = self.runs
        self.run(how="clean")
        assert self.runs == before + 1
        if self.random.random() < 0.6:
            self.repair()

    def accept_invisible_rollback(self) -> None:
        """Only a high-water mark detects an older state if the history lacks the newer ones.

        The history lacks the newest state if its entry could not be written. Input is read again then.
        """
        present = self.sequence_or_none()
        if present is None or present not in self.states:
            return
        names = [key.rpartition("/")[2] for key in self.objects.keys("state") if "/history/" in key]
        if present >= max(map(int, names), default=0) and self.done is not self.states[present]:
            self.done = Done(self.states[present].objects, dict(self.states[present].rows))
            self.note("rollback without a record in the history")

    def repair(self) -> None:
        store = self.store()
        try:
            try:
                repair = plan_repair(store, self.objects)
            except RefusedError as error:
                # A changed bit in the name of the key.
                assert "--other-keys" in str(error), str(error)
                repair = plan_repair(store, self.objects, other_keys=True)
        except UsageError:
            self.damaged = False  # nothing to repair
            return
        base = repair.base.sequence
        loaded = apply_repair(store, repair, run_id="command", by="arn:x", reason="")
        self.done = Done(self.states[base].objects, dict(self.states[base].rows))
        self.states[loaded.sequence] = self.done
        self.damaged = False
        operations.verify(store, self.objects, (self.fixture.bookmark_key,))
        self.note("repairs")

    def play(self) -> None:
        steps = self.random.randint(4, 12)
        for _ in range(steps):
            self.clock.advance(seconds=self.random.choice(STEPS))
            for _ in range(self.random.randint(0, 3)):
                self.random.choice((self.land, self.land, self.land, self.add_rows, self.delete))()
            chance = self.random.random()
            if chance < 0.4:
                self.run()
            elif chance < 0.55:
                self.run(how="evidence")
            elif chance < 0.65:
                self.run(how="any")
            elif chance < 0.72:
                self.run(how="script")
            elif chance < 0.88:
                self.damage()
            elif chance < 0.94:
                self.rewind()
            else:
                properties = self.fixture.control_plane.connections["copy"].properties
                hosts = list(CONNECTIONS.values())
                url = f"jdbc:postgresql://{self.random.choice(hosts)}:5432/ops"
                properties["JDBC_CONNECTION_URL"] = url
                self.note("host of a connection changed")
        self.finish()

    def finish(self) -> None:
        """In the end, whatever happened, everything valid is in the target and nothing is new."""
        self.repair()
        for _ in range(30):
            self.clock.advance(seconds=2000)
            error_before = dict(self.counts)
            self.run()
            if not self.expected() and self.counts.get("run clean ok", 0) > error_before.get(
                "run clean ok", 0
            ):
                break
        else:
            raise AssertionError("the runs do not come to an end")
        for etag, (name, stored) in self.live().items():
            if name not in HOSTILE and stored.body:
                assert f"flights/{etag}.parquet" in self.objects._buckets["curated"], name
        store = self.store()
        with suppress(UsageError):
            operations.verify(store, self.objects, (self.fixture.bookmark_key,))


def simulate(seed: int) -> dict[str, int]:
    """Play the history of a seed; return how often each kind of event happened."""
    simulation = Simulation(seed)
    with verified_servers():
        simulation.play()
    return simulation.counts


@contextmanager
def verified_servers() -> Iterator[None]:
    """Let every database server pass its TLS checks."""
    from datetime import datetime, timezone

    from run_fixture import PEM

    def probe(host: str, port: int, authorities: Any, **_: Any) -> TlsFacts:
        return TlsFacts(
            protocol="TLSv1.3",
            cipher="TLS_AES_256_GCM_SHA384",
            subject=f"CN={host}",
            names=(host,),
            issuer="CN=Test CA",
            not_after=datetime(2027, 1, 1, tzinfo=timezone.utc),
            fingerprint="ab" * 32,
            anchor_pem=PEM,
            findings=tuple(
                passed(control, f"server {host}", "a fake server")
                for control in ("GS-TLS-002", "GS-TLS-003", "GS-TLS-004", "GS-TLS-009")
            ),
        )

    module = "glue_secure.connections.verification"
    with (
        patch(f"{module}.probe", probe),
        patch(f"{module}.load_authorities", lambda body, **_: (body,)),
    ):
        yield


if __name__ == "__main__":
    import logging
    import sys
    import time

    logging.disable(logging.CRITICAL)
    first, count = int(sys.argv[1]), int(sys.argv[2])
    total: dict[str, int] = {}
    began, failed = time.time(), 0
    for number in range(first, first + count):
        try:
            for what, times in simulate(number).items():
                total[what] = total.get(what, 0) + times
        except Exception as error:
            failed += 1
            print("seed", number, type(error).__name__, str(error)[:600])
            if os.environ.get("TRACE"):
                import traceback

                traceback.print_exc()
                break
    print(f"{count} seeds, {failed} failed, {time.time() - began:.0f} s", json.dumps(total, sort_keys=True))
