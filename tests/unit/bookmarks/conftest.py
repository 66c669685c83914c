"""A bookmark in memory: fake object store, real AWS Encryption SDK messages under a local master key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

import pytest
from botocore.exceptions import ClientError

from glue_secure.bookmarks.envelope import Envelope, EnvelopeContext
from glue_secure.bookmarks.session import BookmarkSession
from glue_secure.bookmarks.store import BookmarkStore
from glue_secure.core.arguments import BookmarkOption
from glue_secure.core.identifiers import KmsKeyArn, RunId, S3Uri
from glue_secure.core.objects import ObjectSummary
from glue_secure.testing.fakes import FakeClock, FakeObjectStore
from glue_secure.testing.local_kms_key import LocalKmsKey

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")
OTHER_KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-2222-2222-222222222222")
LANDING, PREFIX = S3Uri("landing", "flights"), S3Uri("state", "bookmarks")


def client_error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


def envelope(
    job: str = "curate", *, key: KmsKeyArn = KEY, error: Exception | None = None, **context
) -> Envelope:
    provider = LocalKmsKey(key_id=str(key))
    if error is not None:
        provider.errors = dict.fromkeys(("GenerateDataKey", "Decrypt"), error)
    names = {"account": "123456789012", "region": "eu-west-1"} | context
    return Envelope(provider=provider, key=key, context=EnvelopeContext(job=job, **names))


@dataclass
class BookmarkFixture:
    """A bucket of input, a bucket of state, a clock, and the runs of a job."""

    objects: FakeObjectStore
    clock: FakeClock
    landing: S3Uri = LANDING
    prefix: S3Uri = PREFIX

    def store(self, job: str = "curate", **options) -> BookmarkStore:
        return BookmarkStore(
            objects=self.objects, envelope=envelope(job, **options), prefix=self.prefix, pause=lambda _: None
        )

    def land(self, name: str, body: bytes = b"data") -> S3Uri:
        uri = self.landing.child(name)
        self.objects.put(uri, body)
        return uri

    def session(
        self,
        run: str,
        option: BookmarkOption = BookmarkOption.ENABLE,
        store: BookmarkStore | None = None,
        **more,
    ) -> BookmarkSession:
        return BookmarkSession(
            option=option, store=store or self.store(), now=self.clock.now(), run_id=RunId(run), **more
        )

    def listing(self):
        return self.objects.list(self.landing)

    def run(self, run: str, **more) -> list[str]:
        """Run once, from load to commit. Return the names of the objects that were read."""
        session = self.session(run, **more)
        session.load()
        new = session.select("flights", self.listing(), roots=(self.landing,))
        session.commit()
        return [entry.uri.key.removeprefix("flights/") for entry in new]


@pytest.fixture
def bookmark_fixture() -> BookmarkFixture:
    clock = FakeClock()
    return BookmarkFixture(FakeObjectStore("landing", "state", clock=clock), clock)


@pytest.fixture
def make_envelope() -> Callable[..., Envelope]:
    return envelope


@pytest.fixture
def aws_error() -> Callable[..., ClientError]:
    return client_error


@pytest.fixture
def other_key() -> KmsKeyArn:
    return OTHER_KEY


@pytest.fixture
def entry() -> Callable[..., ObjectSummary]:
    def make(name: str, second: int, etag: str = "e", day: int = 1) -> ObjectSummary:
        time = datetime(2026, 1, day, second // 3600, second // 60 % 60, second % 60, tzinfo=timezone.utc)
        return ObjectSummary(S3Uri("landing", f"flights/{name}"), 1, time, etag)

    return make
