"""Steps on fields: choose, rename, map, resolve, flatten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.emulation.base import FrameBase, paths_of

if TYPE_CHECKING:
    from glue_secure.dynamicframe.emulation.collection import DynamicFrameCollection
    from glue_secure.dynamicframe.emulation.frame import DynamicFrame

# Every step has Glue's ``transformation_ctx`` and ``info``; what fails no record has no use for them.
# ruff: noqa: ARG002


class FieldOperations(FrameBase):
    """The part of DynamicFrame that changes fields."""

    def drop_fields(
        self,
        paths: str | list[str],
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """All but these fields, nested ones too (``a.b``)."""
        from glue_secure.dynamicframe.frames import columns

        table = columns.drop(self.table, paths_of(paths, "paths of drop_fields"))
        return self._step(table, stageThreshold, totalThreshold)

    def select_fields(
        self,
        paths: str | list[str],
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Only these fields, nested ones too."""
        from glue_secure.dynamicframe.frames import columns

        table = columns.select(self.table, paths_of(paths, "paths of select_fields"))
        return self._step(table, stageThreshold, totalThreshold)

    def split_fields(
        self,
        paths: str | list[str],
        name1: str,
        name2: str,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrameCollection:
        """Two frames: ``name1`` has these fields, ``name2`` the others."""
        from glue_secure.dynamicframe.frames import columns

        parts = columns.split(self.table, paths_of(paths, "paths of split_fields"))
        return self._parts(parts, name1, name2, stageThreshold, totalThreshold)

    def rename_field(
        self,
        oldName: str,
        newName: str,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """The field at one full path under another."""
        from glue_secure.dynamicframe.frames import columns

        return self._step(columns.rename(self.table, oldName, newName), stageThreshold, totalThreshold)

    def applyMapping(self, *args: Any, **kwargs: Any) -> DynamicFrame:
        """As :meth:`apply_mapping`; a frame as the first argument is passed over, as in awsglue."""
        return self.apply_mapping(*(args[1:] if args and isinstance(args[0], FrameBase) else args), **kwargs)

    def apply_mapping(
        self,
        mappings: Any,
        case_sensitive: bool = False,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """The fields that ``mappings`` names, renamed and cast; the others go.

        Args:
            mappings: one tuple or a list of them: (source, target), (source, source type, target) or
                (source, source type, target, target type), as in awsglue.
            case_sensitive: whether names must agree in case.
            transformation_ctx: as in every step.
            info: as in every step.
            stageThreshold: as in every step.
            totalThreshold: as in every step.
        """
        from glue_secure.dynamicframe.frames import mapping

        chosen = [mappings] if isinstance(mappings, tuple) else list(mappings)
        for one in chosen:
            if not isinstance(one, tuple) or len(one) not in (2, 3, 4):
                raise UsageError(
                    "a mapping of apply_mapping",
                    found=repr(one),
                    required="a tuple of 2, 3 or 4 texts",
                    fix='("source", "source type", "target", "target type")',
                )
        table = mapping.apply(self.table, chosen, case_sensitive=bool(case_sensitive))
        return self._step(table, stageThreshold, totalThreshold)

    def resolveChoice(
        self,
        specs: Any = None,
        choice: str = "",
        database: str | None = None,
        table_name: str | None = None,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
        catalog_id: str | None = None,
    ) -> DynamicFrame:
        """The frame with choices resolved, by ``specs`` or by one ``choice`` for all.

        Args:
            specs: a list of (path, action): ``cast:TYPE``, ``make_cols``, ``make_struct``, ``project:TYPE``.
            choice: ``make_cols``, ``make_struct``, ``cast:TYPE``, ``project:TYPE`` or ``match_catalog``.
            database: the catalog database, for ``match_catalog``.
            table_name: the catalog table, for ``match_catalog``.
            transformation_ctx: as in every step.
            info: as in every step.
            stageThreshold: as in every step.
            totalThreshold: as in every step.
            catalog_id: the Data Catalog's account.
        """
        from glue_secure.dynamicframe.frames import choices

        if (specs is None) == (not choice):
            raise UsageError(
                "resolveChoice",
                found="neither specs nor choice" if specs is None else "specs and choice",
                required="one of the two",
            )
        catalog = None
        if choice.lower() == "match_catalog":
            if not (database and table_name):
                raise UsageError(
                    'resolveChoice(choice="match_catalog")',
                    found="too little",
                    required="database and table_name",
                )
            catalog = self.glue_ctx.get_catalog_schema(database, table_name, catalog_id)
        elif database or table_name or catalog_id:
            raise UsageError(
                "resolveChoice",
                found="database, table_name or catalog_id",
                required='them with choice="match_catalog" only',
            )
        chosen = [specs] if isinstance(specs, tuple) else list(specs or ())
        table = choices.resolve(self.table, chosen, choice, catalog)
        return self._step(table, stageThreshold, totalThreshold)

    def unnest(
        self,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Nested structs as top-level fields (``a.b``), arrays replaced by join keys."""
        from glue_secure.dynamicframe.frames import relational

        return self._step(relational.unnest(self.table), stageThreshold, totalThreshold)

    def relationalize(
        self,
        root_table_name: str,
        staging_path: str,
        options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrameCollection:
        """The frame as flat tables that join by key: the root, and one for each array.

        Args:
            root_table_name: the name of the root table; the others are named after it.
            staging_path: where Glue writes pivoted tables. Plain Spark needs no such place: nothing is
                written there, so nothing has to be guarded there.
            options: as :func:`relational.relationalize` takes them.
            transformation_ctx: as in every step.
            info: as in every step.
            stageThreshold: as in every step.
            totalThreshold: as in every step.
        """
        from glue_secure.dynamicframe.emulation.collection import DynamicFrameCollection
        from glue_secure.dynamicframe.frames import relational

        tables = relational.relationalize(self.table, root_table_name, dict(options or {}))
        frames = {
            name: self._step(table, stageThreshold, totalThreshold, name=name)
            for name, table in tables.items()
        }
        return DynamicFrameCollection(frames, self.glue_ctx)

    def unnest_ddb_json(
        self,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """DynamoDB's JSON (``{"S": "text"}``) as plain fields."""
        from glue_secure.dynamicframe.frames import dynamodb

        return self._step(dynamodb.unnest_ddb_json(self.table), stageThreshold, totalThreshold)

    def simplify_ddb_json(self) -> DynamicFrame:
        """DynamoDB's JSON as plain fields, lists, maps and sets included."""
        from glue_secure.dynamicframe.frames import dynamodb

        return self._step(dynamodb.simplify_ddb_json(self.table), 0, 0)

    def _parts(
        self, parts: tuple[Any, Any], name1: str, name2: str, stage: int, total: int
    ) -> DynamicFrameCollection:
        from glue_secure.dynamicframe.emulation.collection import DynamicFrameCollection

        named = zip((name1, name2), parts)  # noqa: B905 - two and two
        frames = {name: self._step(part, stage, total, name=name) for name, part in named}
        return DynamicFrameCollection(frames, self.glue_ctx)
