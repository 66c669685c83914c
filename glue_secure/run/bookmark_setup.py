"""Whose bookmarks a run moves: this project's, or Glue's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from glue_secure.bookmarks.envelope import Envelope, EnvelopeContext
from glue_secure.bookmarks.glue_bookmark import NativeBookmarks
from glue_secure.bookmarks.high_water import storage_said
from glue_secure.bookmarks.session import BookmarkSession
from glue_secure.bookmarks.store import BookmarkStore
from glue_secure.core.arguments import (
    BOOKMARK_DECRYPT_KEYS,
    BOOKMARK_HIGH_WATER,
    BOOKMARK_URI,
    BOOKMARKS,
    BookmarkOption,
    JobArguments,
    JobIdentity,
)
from glue_secure.core.errors import UsageError, VerificationError
from glue_secure.core.findings import enforce
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.policy import check_key
from glue_secure.core.ports import HighWaterMarkStore, Services
from glue_secure.core.service import ServiceError
from glue_secure.preflight.establish import Preflight


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
    if not arguments.keeps_bookmarks() and arguments.get(BOOKMARKS):
        raise UsageError(
            f"--{BOOKMARKS}",
            found="native",
            required="portable, or no such argument: Glue's own bookmarks need Glue and its GlueContext",
        )
    store = None
    if option is not BookmarkOption.DISABLE:
        store = bookmark_store(
            identity.job,
            arguments,
            services,
            key=preflight.keys.bookmark,
            account=preflight.account,
            region=preflight.region,
        )
    return BookmarkSession(
        option=option,
        store=store,
        now=services.clock.now(),
        run_id=identity.run_id,
        from_run=arguments.get("job-bookmark-from"),
        to_run=arguments.get("job-bookmark-to"),
    )


def bookmark_store(
    job: str,
    arguments: JobArguments,
    services: Services,
    *,
    key: KmsKeyArn,
    account: str,
    region: str,
    also_opens: Sequence[KmsKeyArn] = (),
) -> BookmarkStore:
    """Where a job's bookmark lies, and what opens it; runs and commands make it here.

    Args:
        job: the job's name.
        arguments: its arguments: the place, and the keys that open older states.
        services: where state lies.
        key: what seals.
        account: of the run.
        region: of the run.
        also_opens: keys that open, besides those of the arguments.

    Raises:
        UsageError: no place; or a key that no configuration of this account and region could have had.
    """
    older = tuple(dict.fromkeys((*also_opens, *arguments.bookmark_decrypt_keys())))
    for one in older:
        if (one.account, one.region) != (account, region):
            raise UsageError(
                f"--{BOOKMARK_DECRYPT_KEYS}",
                found=str(one),
                required=f"keys of {account} {region}: a bookmark never leaves its account and region",
            )
    envelope = Envelope(
        services.master_key_provider(key),
        key,
        EnvelopeContext(job, account, region),
        also_opens=tuple(one for one in older if one != key),
        provider_of=services.master_key_provider,
    )
    prefix = arguments.required_location(BOOKMARK_URI)
    # One item whether or not the place is written with a slash at its end.
    place = f"s3://{prefix.bucket}/{prefix.as_prefix()}"
    mark = _high_water(f"{account}/{region}/{job} {place}", arguments, services, account, region)
    return BookmarkStore(objects=services.objects, envelope=envelope, prefix=prefix, mark=mark)


def _high_water(
    bookmark: str, arguments: JobArguments, services: Services, account: str, region: str
) -> HighWaterMarkStore | None:
    """The bookmark's mark outside the bucket, in a table under a customer managed key; None without one."""
    table = arguments.bookmark_high_water()
    if table is None:
        return None
    mark = services.high_water(table, bookmark)
    try:
        key = mark.key_of_table()
        if not key:
            raise VerificationError(
                "GS-BKM-006",
                resource=mark.location,
                found="a table that is not active and encrypted with a KMS key of its own",
                required="SSEDescription ENABLED, KMS, with a customer managed key",
                fix="aws dynamodb update-table --sse-specification "
                "Enabled=true,SSEType=KMS,KMSMasterKeyId=KEY",
            )
        described = services.keys.describe(key)
    except ServiceError as error:
        raise storage_said(mark.location, error, "looking at the table's encryption") from error
    enforce(check_key("bookmark high-water mark", described, region=region, account=account))
    return mark


def _native(
    option: BookmarkOption,
    identity: JobIdentity,
    arguments: JobArguments,
    services: Services,
    commit: Callable[[], None],
) -> NativeBookmarks:
    if given := next((name for name in (BOOKMARK_URI, BOOKMARK_HIGH_WATER) if arguments.get(name)), None):
        raise UsageError(
            f"--{given}",
            found="given to a job whose bookmarks are Glue's own",
            required="no such argument in Glue with GlueContext and Job",
            fix=f"add --{BOOKMARKS} portable, or use SecureJob; or remove it in Glue",
        )
    return NativeBookmarks(option=option, now=services.clock.now(), run_id=identity.run_id, commit=commit)
