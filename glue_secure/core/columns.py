"""Values of column policies: actions, tags, rules, columns of a schema, and the wrapped data key."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from enum import Enum

from glue_secure.core.identifiers import KmsKeyArn

PURPOSE = "glue-secure:purpose"
POLICY = "glue-secure:policy"
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"


def plain(name: str) -> str:
    """A name for comparing: no difference of case, of Unicode form, of blanks around it; no byte order mark.

    Files have such names: ``id, email`` as a CSV header gives a column `` email``.
    """
    return unicodedata.normalize("NFKC", name).casefold().strip().strip(_INVISIBLE).strip()


class ColumnAction(str, Enum):
    """What happens to a column before it reaches a sink."""

    DROP = "drop"
    MASK = "mask"
    TOKENISE = "tokenise"
    ENCRYPT = "encrypt"

    @property
    def needs_key(self) -> bool:
        """Whether it is done under the policy's data key."""
        return self in (ColumnAction.TOKENISE, ColumnAction.ENCRYPT)


class TagKind(str, Enum):
    """Where a tag of a column comes from."""

    PARAMETER = "parameter"
    LF_TAG = "lf_tag"


class Shape(str, Enum):
    """What a column holds, as far as an action cares."""

    VALUE = "value"
    STRUCT = "struct"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Tag:
    """``NAME=VALUE`` of a catalog column's parameter, or of an LF-tag; ``PII=True`` is ``pii=true``.

    Lake Formation keeps its tags in small letters, the catalog its parameters as somebody typed them.
    """

    kind: TagKind
    name: str
    value: str

    def __post_init__(self) -> None:
        for part in ("name", "value"):
            object.__setattr__(self, part, plain(getattr(self, part)))

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}={self.value}"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as KMS gave it: useless without ``kms:Decrypt`` on the key that wraps it.

    Attributes:
        kms_key: the key that wraps it.
        blob: KMS's ciphertext, base64.
        policy: name of the policy, part of the encryption context.
    """

    kms_key: KmsKeyArn
    blob: str = field(repr=False)
    policy: str

    @property
    def context(self) -> dict[str, str]:
        """The encryption context; CloudTrail shows it."""
        return {PURPOSE: "columns", POLICY: self.policy}


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """One entry of a policy.

    Attributes:
        action: what is done.
        column: a name, which matches at any depth, or a path ``a.b`` from the top; ``""``.
        tag: the tag that a catalog column carries, None for a rule by name.
        domain: of ``tokenise``: within one, equal values give equal tokens; ``""`` for the column's name.
        keep_last: of ``mask``: how many last characters of a text stay.
    """

    action: ColumnAction
    column: str = ""
    tag: Tag | None = None
    domain: str = ""
    keep_last: int = 0

    def matches(self, names: frozenset[str], tags: frozenset[Tag]) -> bool:
        """Whether the rule is for the column that is known as ``names`` and carries ``tags``."""
        return self.tag in tags if self.tag is not None else plain(self.column) in names

    @property
    def selector(self) -> str:
        """The rule's subject as the evidence names it."""
        return str(self.tag) if self.tag is not None else f"column {self.column}"


@dataclass(frozen=True, slots=True)
class SchemaColumn:
    """One column of a sink's schema, or a field within one.

    Attributes:
        path: names from the top.
        shape: what it holds.
        inside_repeated: whether an array or a map stands above it.
    """

    path: tuple[str, ...]
    shape: Shape = Shape.VALUE
    inside_repeated: bool = False

    @property
    def text(self) -> str:
        """``a.b.c``."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class ColumnDecision:
    """What is done to one column of one sink, and by which rule.

    Attributes:
        column: the column.
        rule: the rule.
        met_as: the name under which the rule, or the catalog's tag, meets it.
    """

    column: SchemaColumn
    rule: ColumnRule
    met_as: str

    @property
    def domain(self) -> str:
        """The domain of its tokens: the rule's, or else the name that was met, without its parents."""
        return self.rule.domain.casefold() or self.met_as.rpartition(".")[2]
