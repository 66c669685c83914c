"""Whose bookmarks a run moves: this project's, or Glue's own."""

from __future__ import annotations

from collections.abc import Callable

from glue_secure.bookmarks.envelope import Envelope, EnvelopeContext
from glue_secure.bookmarks.native import NativeBookmarks
from glue_secure.bookmarks.session import BookmarkSession
from glue_secure.bookmarks.store import BookmarkStore
from glue_secure.core.arguments import BOOKMARK_URI, BookmarkOption, JobArguments, JobIdentity
from glue_secure.core.errors import UsageError
from glue_secure.runtime.preflight import Preflight
from glue_secure.runtime.services import Services, required_location


def bookmarks_of(
    identity: JobIdentity,
    arguments: JobArguments,
    preflight: Preflight,
    services: Services,
    *,
    glue_commit: Callable[[], None] | None = None,
) -> BookmarkSession:
    """The run's bookmark session.

    Args:
        identity: which run.
        arguments: the job's arguments.
        preflight: its keys, account and region.
        services: where state lies.
        glue_commit: Glue's own ``Job.commit``, when Glue's own bookmarks are the run's.

    Raises:
        UsageError: the place of the state is not named; or it is, for bookmarks that are Glue's own.
    """
    option = arguments.bookmark_option()
    if glue_commit is not None:
        return _native(option, identity, arguments, services, glue_commit)
    store = None
    if option is not BookmarkOption.DISABLE:
        key = preflight.keys["job-bookmarks"]
        context = EnvelopeContext(identity.job, preflight.account, preflight.region)
        store = BookmarkStore(
            objects=services.objects,
            envelope=Envelope(services.master_key_provider(key), key, context),
            prefix=required_location(arguments, BOOKMARK_URI),
        )
    return BookmarkSession(
        option=option,
        store=store,
        now=services.clock.now(),
        run_id=identity.run_id,
        from_run=arguments.get("job-bookmark-from"),
        to_run=arguments.get("job-bookmark-to"),
    )


def _native(
    option: BookmarkOption,
    identity: JobIdentity,
    arguments: JobArguments,
    services: Services,
    commit: Callable[[], None],
) -> NativeBookmarks:
    if arguments.get(BOOKMARK_URI):
        raise UsageError(
            f"--{BOOKMARK_URI}",
            found="given to a job whose bookmarks are Glue's own",
            required="no such argument in Glue with GlueContext and Job",
            fix="remove it from the job's arguments in Glue, or use SecureJob, which keeps them there",
        )
    return NativeBookmarks(option=option, now=services.clock.now(), run_id=identity.run_id, commit=commit)
