"""Threads that commit to one bookmark in a seeded order, one request at a time: always one history."""

from __future__ import annotations

import random
import threading

from glue_secure.bookmarks.envelope import EnvelopeContext, OpenedMessage
from glue_secure.bookmarks.state import BookmarkState
from glue_secure.bookmarks.store import BookmarkStore
from glue_secure.core.errors import BookmarkConflictError, VerificationError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.testing.fakes import FakeObjectStore


class Turns:
    """Lets one of several threads continue at a time, chosen at random."""

    def __init__(self, count: int, chance: random.Random) -> None:
        self._chance, self._condition = chance, threading.Condition()
        self._waiting: set[int] = set()
        self._alive = set(range(count))
        self._turn: int | None = None
        self._me = threading.local()

    def enter(self, number: int) -> None:
        """Register this thread under a number."""
        self._me.number = number

    def wait(self) -> None:
        """Wait for this thread's turn."""
        number = self._me.number
        with self._condition:
            self._waiting.add(number)
            self._draw()
            assert self._condition.wait_for(lambda: self._turn == number, timeout=30)
            self._waiting.discard(number)
            self._turn = None

    def leave(self) -> None:
        """End this thread."""
        with self._condition:
            self._alive.discard(self._me.number)
            self._draw()

    def _draw(self) -> None:
        if self._turn is None and self._waiting and self._waiting == self._alive:
            self._turn = self._chance.choice(sorted(self._waiting))
            self._condition.notify_all()


class Stepping:
    """An object store each of whose operations waits for its turn."""

    def __init__(self, inner: FakeObjectStore, turns: Turns) -> None:
        self._inner, self._turns = inner, turns

    def list(self, prefix, **options):
        self._turns.wait()
        return iter(list(self._inner.list(prefix, **options)))

    def read(self, uri, **more):
        self._turns.wait()
        return self._inner.read(uri)

    def write(self, uri, body, **options):
        self._turns.wait()
        return self._inner.write(uri, body, **options)


class PlainEnvelope:
    """An envelope that does not encrypt. Equal states still give different bytes."""

    context = EnvelopeContext("curate", "123456789012", "eu-west-1")
    key = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def seal(self, body, *, resource):
        return self._chance.randbytes(8) + body

    def open(self, message, *, resource):
        return OpenedMessage(message[8:], ())


def raced(seed: int, *, threads: int = 3, rounds: int = 2) -> tuple[list[int], BookmarkStore]:
    """Let threads load and commit in a seeded order, with occasional lost responses of writes."""
    chance = random.Random(seed)
    objects = FakeObjectStore("state")
    turns = Turns(threads, chance)
    won: list[int] = []
    broken: list[BaseException] = []

    def store(of):
        return BookmarkStore(
            objects=of, envelope=PlainEnvelope(chance), prefix=S3Uri("state", "b"), pause=lambda _: None
        )

    def work(number: int) -> None:
        turns.enter(number)
        try:
            mine = store(Stepping(objects, turns))
            for turn in range(rounds):
                loaded = mine.load()
                state = BookmarkState.after(
                    loaded.state,
                    previous_digest=loaded.digest,
                    job="curate",
                    run_id=f"jr_{number}{turn}",
                    attempt=0,
                    contexts={},
                )
                if chance.random() < 0.3:
                    objects.lose_next_response()
                try:
                    won.append(mine.commit(loaded, state).sequence)
                except BookmarkConflictError as error:
                    assert "committed sequence" in str(error)
        except BaseException as error:
            broken.append(error)
        finally:
            turns.leave()

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    unsure = [error for error in broken if isinstance(error, VerificationError)]
    if len(unsure) != len(broken):
        raise AssertionError(f"seed {seed}: {broken}") from broken[0]
    return won, store(objects)


def test_three_concurrent_runs_make_one_history_in_every_order():
    for seed in range(300):
        won, store = raced(seed)
        loaded = store.load()
        history = [entry.sequence for entry in store.history(loaded)]
        assert history == list(range(loaded.sequence, 0, -1)), f"seed {seed}"
        assert len(set(won)) == len(won), f"seed {seed}: two runs committed sequence {won}"
        assert sorted(won) == sorted(history), f"seed {seed}: {won} won, {history} recorded"
