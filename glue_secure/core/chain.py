"""The chain of a job's evidence: one entry for each stored document, which names the entry before it.

An entry has the SHA-256 of its document and of the previous entry, and a signature if the job names a
signing key. A document that was replaced, removed, inserted or moved therefore does not match the chain, and
an entry that was changed does not match its signature or the next entry.

Entries are ``job=JOB/_chain/ACCOUNT-REGION/NUMBER-SEQUENCE.json`` below the evidence location. ``NUMBER``
falls as ``SEQUENCE`` rises, so that a listing, which S3 returns in order, begins with the newest.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, fields, replace

from glue_secure.core.evidence import canonical_json, digest
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.json_documents import load_json

SCHEMA = "glue-secure/chain/1"
FOLDER = "_chain"
DIGEST = "sha256"
"""Name of the user metadata of an object that has the SHA-256 of its content."""
MOST = 10**12 - 1
_NAME = re.compile(r"(\d{12})-([1-9]\d{0,11})\.json\Z")
_HEX = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class ChainEntry:
    """One entry of a chain.

    Attributes:
        job: name of the job.
        account_id: id of the AWS account that the run worked in.
        region: its AWS Region.
        run_id: id of the run.
        sequence: 1 for the first entry of the chain, one more for each that follows.
        prefix: the evidence location that the document was written below.
        document: name of the document below it.
        sha256: SHA-256 of the document, hexadecimal.
        encryption_key: ARN of the KMS key that the document and the entry were encrypted with.
        previous: SHA-256 of the previous entry, hexadecimal; ``""`` for the first.
        time: when the entry was made, UTC, ISO 8601.
        signing_key: ARN of the KMS key that signed the entry, ``""`` if it is not signed.
        algorithm: KMS's name of the algorithm (``ECDSA_SHA_256``), ``""`` if it is not signed.
        signature: Base64 of the signature over :meth:`signed_bytes`, ``""`` if it is not signed.
        schema: version of this form.
    """

    job: str
    account_id: str
    region: str
    run_id: str
    sequence: int
    prefix: str
    document: str
    sha256: str
    encryption_key: str
    previous: str
    time: str
    signing_key: str = ""
    algorithm: str = ""
    signature: str = ""
    schema: str = SCHEMA

    def signed_bytes(self) -> bytes:
        """Return the bytes that the signature is made over: the entry with an empty signature."""
        return canonical_json(replace(self, signature=""))

    def to_json(self) -> bytes:
        """Return canonical JSON."""
        return canonical_json(self)

    @property
    def raw_signature(self) -> bytes:
        """The bytes of the signature. Raises ValueError if it is not Base64."""
        return base64.b64decode(self.signature, validate=True)

    @classmethod
    def parse(cls, body: bytes) -> ChainEntry:
        """Read an entry. Raises ValueError for anything that :meth:`to_json` would not write."""
        shape = load_json(body.decode("utf-8"))
        if not isinstance(shape, dict) or shape.get("schema") != SCHEMA:
            raise ValueError(f"not an entry of {SCHEMA}")
        types = {each.name: int if each.name == "sequence" else str for each in fields(cls)}
        if set(shape) != set(types) or any(type(shape[name]) is not kind for name, kind in types.items()):
            raise ValueError("not the properties of an entry")
        entry = cls(**shape)
        if entry.to_json() != body:
            raise ValueError("not in canonical form")
        if entry.signature != base64.b64encode(entry.raw_signature).decode():
            raise ValueError("not a signature in canonical Base64")
        if not is_digest(entry.sha256) or not (is_digest(entry.previous) or entry.previous == ""):
            raise ValueError("not a SHA-256")
        return entry


def chain_location(prefix: S3Uri, job: str, account: str, region: str) -> S3Uri:
    """Return the location of a job's chain below the evidence location."""
    return prefix.child(f"job={job}/{FOLDER}/{account}-{region}")


def entry_name(sequence: int) -> str:
    """Return the name of the entry with that sequence number in its chain."""
    return f"{MOST - sequence:012d}-{sequence}.json"


def sequence_of(name: str) -> int | None:
    """Return the sequence number in the name of an entry, None if it is no name of an entry."""
    match = _NAME.match(name.rpartition("/")[2])
    if match is None or int(match[1]) + int(match[2]) != MOST:
        return None
    return int(match[2])


def is_digest(text: str) -> bool:
    """Return whether a text is a SHA-256, hexadecimal."""
    return _HEX.match(text) is not None


def entry_digest(entry: ChainEntry) -> str:
    """Return the SHA-256 of an entry, by which the next one names it."""
    return digest(entry.to_json())
