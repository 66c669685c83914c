"""The permissions that can be granted on each kind of resource.

Sources: the table by resource type in
https://docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html; for CREATE_LF_TAG and
CREATE_LF_TAG_EXPRESSION https://docs.aws.amazon.com/lake-formation/latest/dg/TBAC-adding-tag-creator.html;
for named expressions https://docs.aws.amazon.com/lake-formation/latest/dg/managing-tag-expressions.html.
"""

from __future__ import annotations

from glue_secure.governance.lakeformation.model import Kind
from glue_secure.governance.lakeformation.model import Permission as P

_DATABASE = frozenset((P.ALL, P.ALTER, P.CREATE_TABLE, P.DESCRIBE, P.DROP))
_TABLE = frozenset((P.ALL, P.ALTER, P.DELETE, P.DESCRIBE, P.DROP, P.INSERT, P.SELECT))

ALLOWED: dict[Kind, frozenset[P]] = {
    Kind.CATALOG: frozenset(
        (
            P.ALL,
            P.SUPER_USER,
            P.ALTER,
            P.CREATE_CATALOG,
            P.CREATE_DATABASE,
            P.CREATE_LF_TAG,
            P.CREATE_LF_TAG_EXPRESSION,
            P.DESCRIBE,
            P.DROP,
        )
    ),
    Kind.DATABASE: _DATABASE,
    Kind.TABLE: _TABLE,
    Kind.ALL_TABLES: _TABLE,
    Kind.COLUMNS: frozenset((P.SELECT,)),
    Kind.OTHER_COLUMNS: frozenset((P.SELECT,)),
    Kind.CELLS: frozenset((P.DESCRIBE, P.DROP, P.SELECT)),
    Kind.LOCATION: frozenset((P.DATA_LOCATION_ACCESS,)),
    Kind.TAG: frozenset((P.ALTER, P.ASSOCIATE, P.DESCRIBE, P.DROP, P.GRANT_WITH_LF_TAG_EXPRESSION)),
    Kind.EXPRESSION: frozenset((P.ALTER, P.DESCRIBE, P.DROP, P.GRANT_WITH_LF_TAG_EXPRESSION)),
    Kind.DATABASES_WITH: _DATABASE,
    Kind.TABLES_WITH: _TABLE,
}
