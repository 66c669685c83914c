"""Create the bookmark session of a run, and the store of a job's bookmark."""

from __future__ import annotations

from collections.abc import Sequence

from glue_secure.bookmarks.envelope import Envelope, EnvelopeContext
from glue_secure.bookmarks.high_water import mark_unavailable
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
from glue_secure.core.findings import enforce, error_of
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
    managed_by_glue: bool = False,
    awaits_init: bool = False,
) -> BookmarkSession:
    """Return the bookmark session of a run.

    Args:
        identity: the run.
        arguments: the job's arguments.
        preflight: the run's keys, account and region.
        services: with the object store of the bookmark.
        managed_by_glue: whether the run uses Glue's own bookmarks, which Glue's ``Job.commit`` saves.
        awaits_init: whether the bookmark is used only after ``BookmarkSession.begin``.

    Raises:
        UsageError: the bookmark's location is missing; or it is given and Glue manages the bookmark.
    """
    option = arguments.bookmark_option()
    if managed_by_glue:
        _require_no_location(arguments)
    elif not arguments.has_portable_bookmarks() and arguments.get(BOOKMARKS):
        raise UsageError(
            f"--{BOOKMARKS}",
            found="native",
            required="portable, or no such argument: Glue's own bookmarks need Glue and its GlueContext",
            fix=f"remove --{BOOKMARKS}",
        )
    store = None
    if option is not BookmarkOption.DISABLE and not managed_by_glue:
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
        from_run=None if managed_by_glue else arguments.get("job-bookmark-from"),
        to_run=None if managed_by_glue else arguments.get("job-bookmark-to"),
        managed_by_glue=managed_by_glue,
        awaits_init=awaits_init,
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
    """Return the store of a job's bookmark, for runs and for commands.

    Args:
        job: the job's name.
        arguments: the job's arguments, with the location and the keys that decrypt older states.
        services: with the object store and the master key provider.
        key: the key that encrypts.
        account: of the run.
        region: of the run.
        also_opens: keys that decrypt, besides those of the arguments.

    Raises:
        UsageError: the location is missing, or a key belongs to another account or region.
    """
    older = tuple(dict.fromkeys((*also_opens, *arguments.bookmark_decrypt_keys())))
    for older_key in older:
        if (older_key.account, older_key.region) != (account, region):
            raise UsageError(
                f"--{BOOKMARK_DECRYPT_KEYS}",
                found=str(older_key),
                required=f"keys of {account} {region}: a bookmark never leaves its account and region",
            )
    envelope = Envelope(
        services.master_key_provider(key),
        key,
        EnvelopeContext(job, account, region),
        also_opens=tuple(older_key for older_key in older if older_key != key),
        provider_of=services.master_key_provider,
    )
    prefix = arguments.required_location(BOOKMARK_URI)
    # The same item with and without a slash at the end of the location.
    location = f"s3://{prefix.bucket}/{prefix.as_prefix()}"
    mark = _high_water(f"{account}/{region}/{job} {location}", arguments, services, account, region)
    return BookmarkStore(objects=services.objects, envelope=envelope, prefix=prefix, mark=mark)


def _high_water(
    bookmark: str, arguments: JobArguments, services: Services, account: str, region: str
) -> HighWaterMarkStore | None:
    """Return the store of the bookmark's high-water mark, after a check of its key; None without one."""
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
                found="a table that is not active, or not encrypted with a KMS key",
                required="SSEDescription ENABLED, KMS, with a customer managed key",
                fix=f"aws dynamodb update-table --table-name {table} --sse-specification "
                "Enabled=true,SSEType=KMS,KMSMasterKeyId=KEY",
            )
        described = services.keys.describe(key)
    except ServiceError as error:
        finding = mark_unavailable(mark.location, error, "reading the table's encryption")
        raise error_of(finding) from error
    enforce(check_key("bookmark high-water mark", described, region=region, account=account))
    return mark


def _require_no_location(arguments: JobArguments) -> None:
    names = (BOOKMARK_URI, BOOKMARK_HIGH_WATER)
    if name := next((name for name in names if arguments.get(name)), None):
        raise UsageError(
            f"--{name}",
            found="given to a job with Glue's own bookmarks",
            required="no such argument in Glue with GlueContext and Job",
            fix=f"add --{BOOKMARKS} portable, or use SecureJob, or remove the argument in Glue",
        )
