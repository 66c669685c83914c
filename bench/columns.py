"""Measure rows per second of ``tokenise`` and ``encrypt``, relative to a plain copy and to AES.

Each round writes one frame (a number and a text, Parquet on the local disk) in four variants, with
``columns/spark.py`` and a data key that a KMS stub on loopback decrypts for each Python worker:

    copy      unchanged
    pandas    through a vectorised function that returns the text: the cost of the transfer to Python and back
    tokenise  the text tokenised
    encrypt   the text encrypted

Ratios are of pairs: each variant relative to the copy of its round, in alternating order. The limits are
for one core without Spark: AES-256-GCM (cryptography's AESGCM, a nonce and the context for each value),
HMAC-SHA256 (``hmac.digest``), and the functions that the workers call, with the same values. A worker is a
process besides the JVM's thread: ``--cores 1`` has one of each.
"""

from __future__ import annotations

import base64
import hmac
import http.server
import json
import os
import shutil
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pairs import Spread
from rounds import run

KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
VARIANTS = ("copy", "pandas", "tokenise", "encrypt")
LIMITS = ("AES-256-GCM", "HMAC-SHA256", "tokens()", "seal()")
_DATA_KEY = bytes(range(32))  # used by this benchmark only


class _Kms(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        plain = base64.b64encode(_DATA_KEY).decode()
        body = json.dumps({"KeyId": KEY, "Plaintext": plain}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def kms(folder: Path) -> Iterator[None]:
    """Run a KMS that returns one data key, and let this process and its children trust it."""
    from s3_stub import trusted

    pair = trusted(folder, "kms")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Kms)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(pair.certificate), str(pair.key))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    os.environ["AWS_ENDPOINT_URL_KMS"] = f"https://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def texts(rows: int) -> list[str]:
    """Return unique values with the length of an email address: 20 to 27 characters."""
    return [f"customer{n}@example.org" for n in range(rows)]


def limits(rows: int) -> dict[str, float]:
    """Return the values per second of one core, without Spark."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from glue_secure.columns.sealing import seal, tokens

    values = texts(rows)
    raw = [value.encode() for value in values]
    cipher, context = AESGCM(_DATA_KEY), b'["glue-secure columns 1","bench","value"]'
    nonces = [os.urandom(12) for _ in raw]
    functions: dict[str, Callable[[], Any]] = {
        "AES-256-GCM": lambda: [
            cipher.encrypt(nonce, value, context) for nonce, value in zip(nonces, raw, strict=True)
        ],
        "HMAC-SHA256": lambda: [hmac.digest(_DATA_KEY, value, "sha256") for value in raw],
        "tokens()": lambda: tokens(values, data_key=_DATA_KEY, domain="value"),
        "seal()": lambda: seal(values, data_key=_DATA_KEY, policy="bench", column="value"),
    }
    return {name: rows / _seconds(function) for name, function in functions.items()}


class Variants:
    """The frame, and each variant of writing it."""

    def __init__(self, spark: Any, folder: Path, rows: int, cores: int) -> None:
        self._folder, self.rows = folder, rows
        source = spark.range(0, rows, 1, cores).selectExpr(
            "id", "concat('customer', id, '@example.org') value"
        )
        source.write.parquet(str(folder / "source"))
        frame = spark.read.parquet(str(folder / "source"))
        self._frames = {
            "copy": frame,
            "pandas": frame.withColumn("value", _identity()("value")),
            **{action: self._protected(frame, action) for action in ("tokenise", "encrypt")},
        }

    def _protected(self, frame: Any, action: str) -> Any:
        from glue_secure.columns.decisions import decide
        from glue_secure.columns.policy import ColumnPolicy
        from glue_secure.columns.spark import column_tree, protected

        policy = ColumnPolicy.from_value(
            {"name": "bench", "kms_key": KEY, "wrapped_key": "AAAA",
             "columns": [{"column": "value", "action": action}]}, source="bench",
        )  # fmt: skip
        decisions, _ = decide(policy, {}, column_tree(frame.schema), sink="bench")
        return protected(frame, decisions, policy=policy.name, key=policy.key)

    def write(self, variant: str) -> float:
        """Write once, and return the rows per second."""
        target = self._folder / variant
        seconds = _seconds(lambda: self._frames[variant].write.parquet(str(target)))
        shutil.rmtree(target)
        return self.rows / seconds


def _identity() -> Any:
    import pandas as pd
    from pyspark.sql.functions import pandas_udf

    def same(values: Any) -> Any:
        return pd.Series(values.tolist(), dtype=object)

    same.__annotations__ = {"values": pd.Series, "return": pd.Series}
    return pandas_udf(same, "string")


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(rows: int, rounds: int, cores: int, log: Callable[[str], None]) -> dict[str, Any]:
    """Return the rates of each variant and limit by round."""
    from verify import session

    rates: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as name, kms(Path(name)), session(cores) as spark:
        variants = Variants(spark, Path(name), rows, cores)
        for variant in VARIANTS:
            variants.write(variant)  # starts Python's processes, and lets the JVM compile
        for number in range(rounds):
            order = VARIANTS if number % 2 else VARIANTS[::-1]
            rates.append({variant: variants.write(variant) for variant in order} | limits(min(rows, 200_000)))
            log(f"round {number + 1} of {rounds}")
    return {"rows": rows, "cores": cores, "rounds": rates}


def summary(result: Mapping[str, Any]) -> dict[str, dict[str, Spread]]:
    """Return, for each variant and limit, rows per second and the ratios to the copy and to AES."""
    rounds, cores = result["rounds"], result["cores"]
    spreads: dict[str, dict[str, Spread]] = {}
    for name in (*VARIANTS, *LIMITS):
        entry = spreads[name] = {"rate": Spread.of([row[name] for row in rounds])}
        threads = cores if name in VARIANTS else 1
        entry["of AES"] = Spread.of([row[name] / threads / row["AES-256-GCM"] for row in rounds])
        if name in VARIANTS:
            entry["of copy"] = Spread.of([row[name] / row["copy"] for row in rounds])
    return spreads


def render(result: Mapping[str, Any]) -> str:
    """Return a table: medians, with the range of all rounds."""
    lines = [
        f"{result['rows']:,} rows, --cores {result['cores']}, {len(result['rounds'])} rounds; "
        "median (lowest to highest)",
        f"{'':<12}{'rows a second':>34}{'of the copy':>24}{'a core, of AES':>24}",
    ]
    for name, entry in summary(result).items():
        rate = entry["rate"]
        cells = f"{rate.median:>12,.0f} ({rate.lowest:,.0f} to {rate.highest:,.0f})".rjust(34)
        for column in ("of copy", "of AES"):
            share = entry.get(column)
            shown = f"{share.median:.3f} ({share.lowest:.3f} to {share.highest:.3f})" if share else ""
            cells += shown.rjust(24)
        lines.append(f"{name:<12}{cells}")
    return "\n".join(lines)


if __name__ == "__main__":
    run(__doc__, measure, summary, render, rows=1_000_000, rounds=7, cores=1)
