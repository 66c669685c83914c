"""The calls of an audit: parallel, paged, and with every error as an answer.

The clients are boto3's, with botocore's adaptive retries: they slow down when a service throttles.
https://docs.aws.amazon.com/boto3/latest/guide/retries.html
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from itertools import islice
from threading import Lock
from typing import Any

from glue_secure.audit.calls import Call, Request
from glue_secure.audit.estate import MALFORMED, Absent, Answer, Estate, Listing, Shape, Unread
from glue_secure.audit.packed import Packed
from glue_secure.aws.errors import translate_errors
from glue_secure.core.service import ServiceError

_MOST_CHARACTERS = 500
_HTML = re.compile(r":? *<(!doctype html|html)\b.*", re.IGNORECASE)
_FEW = 4
"""Results of a listing that are not compressed."""
_METHODS: dict[str, str] = {}
"""Name of a call → the method of boto3's clients, which is the same in every account and Region."""
WORKERS = 16
"""Calls at the same time."""

ClientOf = Callable[[str, str], Any]
"""Returns the boto3 client of a service in an AWS Region."""
Plan = Callable[[Estate], Iterable[Request]]
"""Returns the calls that a check needs, given what is known so far."""


def collect(
    plans: Iterable[Plan],
    client_of: ClientOf,
    *,
    account: str,
    region: str,
    partition: str,
    now: datetime,
    progress: Callable[[int, int], None] | None = None,
    workers: int = WORKERS,
) -> Estate:
    """Return what the checks need to know about an account.

    The plans are asked again after each round of calls, until they need nothing more.

    Args:
        plans: the calls of each check.
        client_of: the clients of the account.
        account: the account's twelve digits.
        region: the AWS Region.
        partition: the Region's partition.
        now: the time of the audit, UTC.
        progress: receives the number of calls that were made and that are planned.
        workers: number of calls at the same time.
    """
    listings: dict[tuple[str, str], Listing] = {}
    answers: dict[tuple[str, str], Answer] = {}
    estate = Estate(account, region, partition, now, listings, answers)
    plans = tuple(plans)
    lock = Lock()
    with ThreadPoolExecutor(workers, thread_name_prefix="audit") as pool:
        while wanted := _wanted(plans, estate):
            planned = len(listings) + len(answers) + len(wanted)

            def work(wanted: deque[Request] = wanted, planned: int = planned) -> None:
                try:
                    while request := _next(wanted):
                        result = _made(request, client_of, region)
                        with lock:
                            if isinstance(result, Listing):
                                listings[request.name] = result
                            else:
                                answers[request.name] = result
                            if progress is not None:
                                progress(len(listings) + len(answers), planned)
                finally:
                    wanted.clear()  # An error ends the work of the other threads as well.

            try:
                for done in [pool.submit(work) for _ in range(min(workers, len(wanted)))]:
                    done.result()
            finally:
                wanted.clear()
    return estate


def _wanted(plans: Iterable[Plan], estate: Estate) -> deque[Request]:
    """Return the calls that the plans need and that were not made yet, each once."""
    wanted: dict[tuple[str, str], Request] = {}
    for plan in plans:
        # The evaluation asks a plan again that an answer of another form stops, and reports it.
        with suppress(*MALFORMED):
            for request in plan(estate):
                if request.name not in estate.listings and request.name not in estate.answers:
                    wanted.setdefault(request.name, request)
    return deque(wanted.values())


def _next(wanted: deque[Request]) -> Request | None:
    try:
        return wanted.popleft()
    except IndexError:
        return None


def _made(request: Request, client_of: ClientOf, region: str) -> Listing | Answer:
    call = request.call
    try:
        client = client_of(call.service, request.region or region)
    except ServiceError as error:
        unread = _unread(call, error)
        return Listing(unread=unread) if call.items else unread
    arguments: dict[str, Any] = dict(call.arguments)
    members = call.key.split("/") if call.key else []
    arguments.update(zip(members, request.key.split(call.separator, len(members) - 1), strict=False))
    if call.items:
        return _listed(client, request, arguments)
    try:
        answer = _called(client, call, arguments)
        if call.reduce is None:
            return answer
        with translate_errors(call.operation):  # It may read the body of the answer.
            return call.reduce(answer, request.key)
    except ServiceError as error:
        return Absent(error.code) if error.code in call.absent else _unread(call, error)


def _listed(client: Any, request: Request, arguments: dict[str, Any]) -> Listing:
    call, most = request.call, request.most
    items: Packed[Shape] = Packed()
    returned, sent = call.token
    if most:
        arguments[call.limit] = most
    unread = None
    while not most or len(items) < most:
        try:
            page = _called(client, call, arguments)
        except ServiceError as error:
            unread = None if error.code in call.absent else _unread(call, error)
            break
        found = (_reduced(call, shape) for shape in page.get(call.items) or ())
        items.extend(islice(found, most - len(items)) if most else found)
        if not page.get(returned):
            break
        arguments[sent] = page[returned]
    if len(items) <= _FEW:
        return Listing(tuple(items), unread)
    items.complete()
    return Listing(items, unread)


def _unread(call: Call, error: ServiceError) -> Unread:
    """Return the error in one line; a proxy or an endpoint may answer with a page."""
    text = _HTML.sub(", with an HTML page", " ".join(str(error).split()))
    return Unread(
        call, error.code, text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."
    )


def _reduced(call: Call, shape: Shape) -> Shape:
    """Return the members that the audit uses."""
    return {name: shape[name] for name in shape if name in call.members} if call.members else shape


def _called(client: Any, call: Call, arguments: Mapping[str, Any]) -> Shape:
    method = _METHODS.get(call.name)
    if method is None:
        names = client.meta.method_to_api_mapping.items()
        method = _METHODS[call.name] = next(name for name, operation in names if operation == call.operation)
    with translate_errors(call.operation):
        answer: Shape = getattr(client, method)(**arguments)
    return answer
