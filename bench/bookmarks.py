"""Measure the cost of a bookmark: listing with selection, compared with listing alone.

Both sides list a simulated prefix of 10,000, 100,000 and 1,000,000 objects through the adapter that a job
uses (``ListObjectsV2`` of boto3, a thousand keys a page). Only the wire is simulated: the pages are made in
memory, which is less than a twentieth of what parsing them takes. On AWS each page is a request besides, tens
of milliseconds, and the ratio is nearer to one.

    bare       list, and drop each entry
    select     list as a read does (names, depth, the newest object for its schema) and select: the bookmark
               knows everything but the last hundred objects, nine hundred of it by their identities
    first run  the same without a bookmark: everything is new, and packed in memory
    unpacked   as first run, without packing the objects: the memory that packing saves
    bounded    a first run of at most a thousand objects (``boundedFiles``)
    ascending  as select, with the promise that keys grow with time (``keysAscending``): it lists the end only

Method. Each measurement is a process of its own, so that memory is not shared; it lists one page
first, which loads the parser, and of small sizes takes the best of several passes. Bare and select run in
turns, the order swapped from pair to pair, and only ratios within a pair are compared. Time is the
processor's: nothing here waits, and another process on the machine does not count. Memory is the process's
peak (``ru_maxrss``), select's less bare's.

The state is that of one source after everything was read, as canonical JSON, before it is encrypted.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from pairs import Spread

TARGET_TIME = 1.10
"""Selection over bare listing."""
TARGET_MEMORY = 64.0
"""MiB of peak memory over the bare listing's."""
TARGET_STATE = 100_000
"""Bytes."""
SIZES = (10_000, 100_000, 1_000_000)
MODES = ("select", "first run", "unpacked", "bounded", "ascending")
NEW, PAGE, PASSES = 100, 1000, 50_000
BUCKET, PREFIX = "landing", "flights"
# An object a second, the last one now; the bookmark was made a minute ago.
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Measured:
    """One process.

    Attributes:
        seconds: of the processor.
        peak: MiB.
        listed: objects in its listing.
        selected: objects that it selected.
        state: bytes of the source's state afterwards; 0 for a bare listing.
    """

    seconds: float
    peak: float
    listed: int
    selected: int = 0
    state: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """A bare listing and a selection, one after the other."""

    bare: Measured
    other: Measured

    @property
    def time(self) -> float:
        """Selection over listing."""
        return self.other.seconds / self.bare.seconds

    @property
    def memory(self) -> float:
        """MiB over the listing's."""
        return self.other.peak - self.bare.peak


class Pages:
    """The answers of S3 to ``ListObjectsV2`` of a prefix, made as they are asked for.

    Keys are those of a landing zone: ``flights/2025/12/31/23/part-00000042.csv.gz``.
    """

    def __init__(self, count: int) -> None:
        self._count = count

    def time_of(self, number: int) -> datetime:
        """When the object was written: one a second, the last of them now."""
        return NOW - timedelta(seconds=self._count - 1 - number)

    def key_of(self, number: int) -> str:
        """Its key, which grows with time."""
        hour = self.time_of(number).isoformat()[:13].replace("-", "/").replace("T", "/")
        return f"{PREFIX}/{hour}/part-{number:08}.csv.gz"

    def body(self, start: int) -> bytes:
        """The page that begins with that object."""
        end = min(start + PAGE, self._count)
        more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < self._count else ""
        contents = "".join(
            f"<Contents><Key>{self.key_of(number)}</Key>"
            f"<LastModified>{self.time_of(number).isoformat()[:19]}.000Z</LastModified>"
            f"<ETag>&quot;{number:032x}&quot;</ETag><Size>1048576</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for number in range(start, end)
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{BUCKET}</Name><Prefix>{PREFIX}</Prefix><KeyCount>{end - start}</KeyCount>"
            f"<MaxKeys>{PAGE}</MaxKeys><IsTruncated>{'true' if more else 'false'}</IsTruncated>{more}"
            f"{contents}</ListBucketResult>"
        ).encode()

    def first_after(self, key: str) -> int:
        """The number of the first object whose key is larger."""
        return int(key.rpartition("-")[2].partition(".")[0]) + 1 if key else 0


def store(pages: Pages) -> Any:
    """The adapter that a job lists with, on a client whose wire is ``pages``."""
    import boto3
    from botocore.awsrequest import AWSResponse
    from botocore.config import Config

    from glue_secure.aws.s3 import S3ObjectStore

    client = boto3.client(
        "s3",
        region_name="eu-west-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
        config=Config(retries={"total_max_attempts": 1}),
    )

    class Wire:
        def __init__(self, body: bytes) -> None:
            self._body = body

        def stream(self, **_: Any) -> Iterator[bytes]:
            yield self._body

        def read(self, *_: Any) -> bytes:
            return self._body

    def answer(request: Any, **_: Any) -> Any:
        from urllib.parse import parse_qs, urlsplit

        asked = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
        token = asked.get("continuation-token")
        start = int(token) if token else pages.first_after(asked.get("start-after", ""))
        headers = {"Content-Type": "application/xml"}
        return AWSResponse(request.url, 200, headers, Wire(pages.body(start)))

    client.meta.events.register("before-send.s3.ListObjectsV2", answer)
    return S3ObjectStore(client=client)


def measure(mode: str, count: int) -> Measured:
    """Measure one mode in this process; call it in one of its own."""
    from glue_secure.bookmarks import bounds
    from glue_secure.bookmarks.bounds import Limits
    from glue_secure.bookmarks.selection import select
    from glue_secure.core.identifiers import S3Uri
    from glue_secure.io.listing import SourceListing
    from glue_secure.io.source_filter import ALL_OBJECTS

    if mode == "unpacked":
        bounds.PACK_FROM = sys.maxsize
    root = S3Uri(BUCKET, PREFIX)
    pages = Pages(count)
    objects = store(pages)
    deque(SourceListing([root], store(Pages(PAGE)), ALL_OBJECTS), maxlen=0)
    limits = Limits(files=1000 if mode == "bounded" else None, keys_ascending=mode == "ascending")
    before = None
    if mode in ("select", "ascending"):
        before = state_before(pages, count, ascending=mode == "ascending")
    seconds, listed, result = [], 0, None
    for _ in range(max(1, PASSES // count)):
        result, started = None, time.process_time()
        if mode == "bare":
            listed = 0
            for _ in objects.list(root):
                listed += 1
        else:
            listing = SourceListing(
                [root], objects, ALL_OBJECTS, before.listed_to if before is not None else {}
            )
            result = select(listing, before, now=NOW, limits=limits, locations=[root])
        seconds.append(time.process_time() - started)
    peak = _peak()
    if result is None:
        return Measured(min(seconds), peak, listed)
    return Measured(min(seconds), peak, result.listed, len(result.new), _bytes(result.next_state))


def state_before(pages: Pages, count: int, *, ascending: bool) -> Any:
    """The state of a source that has read all but the newest hundred objects."""
    from glue_secure.bookmarks.bounds import WINDOW
    from glue_secure.bookmarks.s3_state import S3SourceState, identity
    from glue_secure.core.identifiers import S3Uri
    from glue_secure.core.objects import ObjectSummary

    last = count - NEW - 1
    high, floor = pages.time_of(last), pages.time_of(last) - WINDOW
    numbers = range(last - int(WINDOW.total_seconds()), last + 1)
    entries = [
        ObjectSummary(S3Uri(BUCKET, pages.key_of(number)), 1048576, pages.time_of(number), f"{number:032x}")
        for number in numbers
    ]
    seen = {identity(entry): entry.last_modified for entry in entries if entry.last_modified >= floor}
    settled = last - 2 * int(WINDOW.total_seconds()) - 2
    marks = {f"s3://{BUCKET}/{PREFIX}": pages.key_of(settled)} if ascending else {}
    return S3SourceState(floor, high, seen, None, marks)


def _bytes(source: Any) -> int:
    from glue_secure.bookmarks.state import BookmarkState

    state = BookmarkState.after(
        None, previous_digest="", job="bench", run_id="jr_1", attempt=0, contexts={"flights": source}
    )
    return len(state.to_bytes())


def _peak() -> float:
    # Kilobytes on Linux, bytes on macOS.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 << (20 if sys.platform == "darwin" else 10)
    )


def in_a_process(mode: str, count: int) -> Measured:
    """:func:`measure` in a fresh interpreter."""
    words = [sys.executable, __file__, "--one", mode, "--sizes", str(count)]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True)
    return Measured(**json.loads(done.stdout))


def pairs_of(
    mode: str, count: int, repeats: int, report: Callable[[str], None], run: Callable[[str, int], Measured]
) -> list[Pair]:
    """Bare and the other mode in turns, the order swapped from pair to pair."""
    pairs = []
    for number in range(repeats):
        order = ("bare", mode) if number % 2 == 0 else (mode, "bare")
        done = {}
        for variant in order:
            report(f"{count:>9,} objects, {mode}: pair {number + 1} of {repeats}, {variant}")
            done[variant] = run(variant, count)
        pairs.append(Pair(done["bare"], done[mode]))
    return pairs


def summary_of(mode: str, count: int, pairs: Sequence[Pair]) -> dict[str, Any]:
    """One line of the result, as values."""
    time_ratio, memory = Spread.of([pair.time for pair in pairs]), Spread.of([pair.memory for pair in pairs])
    bare = statistics.median(pair.bare.seconds for pair in pairs)
    return {
        "objects": count,
        "mode": mode,
        "pairs": len(pairs),
        "bare_seconds": bare,
        "bare_microseconds_per_object": bare / count * 1e6,
        "time_over_bare": asdict(time_ratio),
        "memory_over_bare_mib": asdict(memory),
        "listed": pairs[0].other.listed,
        "selected": pairs[0].other.selected,
        "state_bytes": max(pair.other.state for pair in pairs),
        "met": {
            "time": time_ratio.median <= TARGET_TIME,
            "memory": memory.median <= TARGET_MEMORY,
            "state": max(pair.other.state for pair in pairs) < TARGET_STATE,
        }
        if mode == "select"
        else None,
    }


def render(lines: Sequence[dict[str, Any]]) -> str:
    """The result as text."""
    out = [
        "selecting over listing alone: median (lowest..highest)",
        "",
        f"{'objects':>9}  {'mode':<10} {'bare s':>7}  {'time over bare':<22} {'MiB over bare':<22} "
        f"{'listed':>9} {'selected':>9} {'state':>7}",
    ]
    for line in lines:
        ratio, memory = line["time_over_bare"], line["memory_over_bare_mib"]
        out.append(
            f"{line['objects']:>9,}  {line['mode']:<10} {line['bare_seconds']:>7.2f}  "
            f"{_span(ratio, 3):<22} {_span(memory, 1):<22} "
            f"{line['listed']:>9,} {line['selected']:>9,} {line['state_bytes']:>7,}"
        )
    out.append("")
    for name, target in (
        ("time", f"time over bare at most {TARGET_TIME:.2f}"),
        ("memory", f"memory over bare at most {TARGET_MEMORY:.0f} MiB"),
        ("state", f"state under {TARGET_STATE:,} bytes"),
    ):
        results = [line for line in lines if line["met"]]
        missed = [f"{line['objects']:,}" for line in results if not line["met"][name]]
        if not results:
            continue
        out.append(f"target for select, {target}: {'missed at ' + ', '.join(missed) if missed else 'met'}")
    memory = {
        (line["objects"], line["mode"]): line["memory_over_bare_mib"]["median"]
        for line in lines
        if line["mode"] in ("first run", "unpacked")
    }
    for count, mode in memory:
        if mode == "first run" and memory.get((count, "unpacked"), 0) > 0:
            ratio = memory[count, mode] / memory[count, "unpacked"]
            out.append(f"memory of a first run of {count:,} objects over unpacked: {ratio:.2f}")
    out.append("a first run needs time and memory for everything that it reads")
    return "\n".join(out)


def _span(spread: dict[str, Any], digits: int) -> str:
    return f"{spread['median']:.{digits}f} ({spread['lowest']:.{digits}f}..{spread['highest']:.{digits}f})"


def options(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line: ``sizes``, ``modes`` (tuples), ``repeats`` (int), ``json`` (bool), ``one``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", type=_sizes, default=SIZES, help="objects, such as 10000,100000")
    parser.add_argument("--modes", type=_modes, default=MODES, help=f"of {', '.join(MODES)}")
    parser.add_argument("--repeats", type=_at_least_one, default=5, help="pairs of each (default 5)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--one", choices=("bare", *MODES), help=argparse.SUPPRESS)
    return parser.parse_args(words)


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(part) for part in text.split(","))
    # The state's window, and the hundred new ones, have to fit.
    if min(sizes) < 3000:
        raise ValueError(text)
    return sizes


def _modes(text: str) -> tuple[str, ...]:
    modes = tuple(part.strip() for part in text.split(","))
    if not set(modes) <= set(MODES):
        raise ValueError(text)
    return modes


def main() -> None:
    """Measure and print. The result decides nothing: the exit code is 0 whatever it is."""
    chosen = options()
    if chosen.one:
        print(json.dumps(asdict(measure(chosen.one, chosen.sizes[0]))))
        return

    def report(text: str) -> None:
        # Progress is printed for interactive use.
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    lines = [
        summary_of(
            mode, count, pairs_of(mode, count, _repeats(mode, count, chosen.repeats), report, in_a_process)
        )
        for count in chosen.sizes
        for mode in chosen.modes
    ]
    report("")
    print(json.dumps(lines, indent=2) if chosen.json else render(lines))


def _repeats(mode: str, count: int, repeats: int) -> int:
    # A pair of the largest size takes minutes: three of what has a target, and one of what has none.
    return repeats if count < 1_000_000 else min(repeats, 3 if mode == "select" else 1)


if __name__ == "__main__":
    main()
