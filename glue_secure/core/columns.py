"""Values of column policies: actions, tags, rules, columns of a schema, and the wrapped data key."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from enum import Enum

from glue_secure.core.identifiers import KmsKeyArn

PURPOSE = "glue-secure:purpose"
POLICY = "glue-secure:policy"
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"


def normalize_name(name: str) -> str:
    """Return a name for comparisons: NFKC, case-folded, without surrounding blanks and byte order mark.

    Names in files vary in these respects: the CSV header ``id, email`` gives a column `` email``.
    """
    return unicodedata.normalize("NFKC", name).casefold().strip().strip(_INVISIBLE).strip()


class ColumnAction(str, Enum):
    """The treatment of a column before it is written."""

    DROP = "drop"
    MASK = "mask"
    TOKENISE = "tokenise"
    ENCRYPT = "encrypt"

    @property
    def needs_key(self) -> bool:
        """Whether the action uses the policy's data key."""
        return self in (ColumnAction.TOKENISE, ColumnAction.ENCRYPT)


class TagKind(str, Enum):
    """The origin of a column's tag."""

    PARAMETER = "parameter"
    LF_TAG = "lf_tag"


class ColumnShape(str, Enum):
    """The shape of a column's values, which restricts the actions."""

    VALUE = "value"
    STRUCT = "struct"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Tag:
    """``NAME=VALUE`` of a catalog column's parameter or of an LF-Tag. ``PII=True`` equals ``pii=true``.

    Lake Formation stores its tags in lower case, the Data Catalog stores parameters as they were entered.
    """

    kind: TagKind
    name: str
    value: str

    def __post_init__(self) -> None:
        for part in ("name", "value"):
            object.__setattr__(self, part, normalize_name(getattr(self, part)))

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}={self.value}"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """An encrypted data key, which only ``kms:Decrypt`` on the KMS key can decrypt.

    Attributes:
        kms_key: the KMS key that encrypts it.
        blob: ciphertext of AWS KMS, base64.
        policy: name of the policy, part of the encryption context.
    """

    kms_key: KmsKeyArn
    blob: str = field(repr=False)
    policy: str

    @property
    def context(self) -> dict[str, str]:
        """The encryption context, which CloudTrail shows."""
        return {PURPOSE: "columns", POLICY: self.policy}


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """One rule of a column policy.

    Attributes:
        action: the treatment of matching columns.
        column: a name, which matches at any depth, or a path ``a.b`` from the top; ``""`` for a rule by tag.
        tag: the tag of matching catalog columns; None for a rule by name.
        domain: of ``tokenise``: equal values within a domain have equal tokens; ``""`` for the column's name.
        keep_last: of ``mask``: number of last characters of a text that stay visible.
    """

    action: ColumnAction
    column: str = ""
    tag: Tag | None = None
    domain: str = ""
    keep_last: int = 0

    def matches(self, names: frozenset[str], tags: frozenset[Tag]) -> bool:
        """Return whether the rule matches a column with one of these names and tags."""
        return self.tag in tags if self.tag is not None else normalize_name(self.column) in names

    @property
    def selector(self) -> str:
        """The tag or the column of the rule, for the evidence."""
        return str(self.tag) if self.tag is not None else f"column {self.column}"


@dataclass(frozen=True, slots=True)
class SchemaColumn:
    """One column of a schema, or a nested field.

    Attributes:
        path: names from the top.
        shape: shape of its values.
        inside_repeated: whether it is inside an array or a map.
    """

    path: tuple[str, ...]
    shape: ColumnShape = ColumnShape.VALUE
    inside_repeated: bool = False

    @property
    def text(self) -> str:
        """The path as text, ``a.b.c``."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class ColumnDecision:
    """The rule that applies to one column of a write.

    Attributes:
        column: the column.
        rule: the rule.
        matched_name: the name by which the rule, or the catalog's tag, matches the column.
    """

    column: SchemaColumn
    rule: ColumnRule
    matched_name: str

    @property
    def domain(self) -> str:
        """The domain of its tokens: the rule's, else the last part of the matched name."""
        return self.rule.domain.casefold() or self.matched_name.rpartition(".")[2]
