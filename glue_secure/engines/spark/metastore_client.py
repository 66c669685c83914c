"""The metastore client of Spark's Hive (``IMetaStoreClient``), in Python, over the Glue API.

Spark calls it through Py4J. Its methods have Hive's names, and a method takes the arguments of each overload.
https://github.com/apache/hive/blob/rel/release-2.3.9/metastore/src/java/org/apache/hadoop/hive/metastore/IMetaStoreClient.java
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from py4j.protocol import Py4JJavaError

from glue_secure.catalog import hive_objects
from glue_secure.core.catalog import CatalogColumn
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.ports.metastore import Metastore, Shape
from glue_secure.core.service import NotFound, ServiceError

_DEFAULT = "default"
# Spark requires that there is no database with the name of its database of global temporary views.
_TEMPORARY = "global_temp"
# SerDes of JSON that pyspark does not have. Spark reads and writes such a table with its own JSON source.
_JSON_SERDES = ("org.openx.data.jsonserde.JsonSerDe", "org.apache.hive.hcatalog.data.JsonSerDe")
_PROVIDER = "spark.sql.sources.provider"
_S3 = re.compile(r"s3[an]?://", re.IGNORECASE)
# Members of a table, its storage and its columns that Hive's objects do not have.
_TABLE_MEMBERS = ("Description", "LastAnalyzedTime", "TargetTable")
_STORAGE_MEMBERS = ("SkewedInfo", "SchemaReference", "AdditionalLocations")


class _Answer(Py4JJavaError):  # type: ignore[misc]  # py4j has no types
    """An answer of the metastore that Hive receives as an exception."""

    def __init__(self, exception: Any) -> None:
        super().__init__("", exception)


def _is_no_answer(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], _Answer))


# Py4J logs each exception of a callback as an error with its stack traces.
for _name in ("py4j.clientserver", "py4j.java_gateway"):
    logging.getLogger(_name).addFilter(_is_no_answer)


class MetastoreClient:
    """Answers the calls of Spark's Hive. It has no functions, statistics, transactions and privileges.

    Args:
        jvm: the JVM of Spark.

    Attributes:
        metastore: the Data Catalog of the open run; None while there is no run.
    """

    def __init__(self, jvm: Any) -> None:
        self._jvm = jvm
        self._thrift = jvm.org.apache.thrift.protocol.TJSONProtocol
        self.metastore: Metastore | None = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name == "Java":
            raise AttributeError(name)
        method = getattr(_Methods, name, None)

        def call(*arguments: Any) -> Any:
            return self._answer(name, method, arguments)

        return call

    def toString(self) -> str:
        """Return the name in Java."""
        return "glue-secure metastore client"

    def hashCode(self) -> int:
        """Return Java's hash code."""
        return 1

    def equals(self, _other: Any) -> bool:
        """Return False: Hive compares clients with nothing."""
        return False

    def _answer(self, name: str, method: Callable[..., Any] | None, arguments: Sequence[Any]) -> Any:
        api = self._jvm.org.apache.hadoop.hive.metastore.api
        try:
            if method is None:
                raise UsageError(
                    "Spark SQL over the Data Catalog",
                    found=f"a call of {name}",
                    required="databases, tables and partitions",
                )
            return method(_Methods(self), *arguments)
        except NotFound as error:
            raise _Answer(api.NoSuchObjectException(str(error))) from error
        except ServiceError as error:
            kinds = {
                "AlreadyExistsException": api.AlreadyExistsException,
                "InvalidInputException": api.InvalidObjectException,
            }
            raise _Answer(kinds.get(error.code, api.MetaException)(str(error))) from error
        except GlueSecureError as error:
            raise _Answer(api.MetaException(str(error))) from error

    class Java:
        """Py4J's declaration of the implemented interfaces."""

        implements = ("org.apache.hadoop.hive.metastore.IMetaStoreClient",)


class _Methods:
    """The methods of the interface that Spark calls."""

    def __init__(self, client: MetastoreClient) -> None:
        self._jvm = client._jvm
        self._client = client

    # The connection

    def isCompatibleWith(self, _conf: Any) -> bool:
        return True

    def isSameConfObj(self, _conf: Any) -> bool:
        return True

    def isLocalMetaStore(self) -> bool:
        return False

    def getConfigValue(self, _name: str, default: str) -> str:
        return default

    def close(self) -> None:
        return None

    reconnect = flushCache = close

    def setMetaConf(self, *_arguments: Any) -> None:
        return None

    setHiveAddedJars = setMetaConf

    # Databases

    def getDatabase(self, name: str) -> Any:
        return self._decoded("Database", hive_objects.database_json(self._database(name)))

    def getAllDatabases(self) -> Any:
        return self.getDatabases("*")

    def getDatabases(self, pattern: str) -> Any:
        names = {str(shape["Name"]).lower() for shape in self._metastore.databases()}
        return self._texts(_matching(sorted({*names, _DEFAULT}), pattern))

    def createDatabase(self, database: Any) -> None:
        self._metastore.create_database(hive_objects.database_input(self._encoded(database)))

    def alterDatabase(self, name: str, database: Any) -> None:
        self._metastore.update_database(name, hive_objects.database_input(self._encoded(database)))

    def dropDatabase(
        self, name: str, deleteData: bool = True, ignoreUnknownDb: bool = False, cascade: bool = False
    ) -> None:
        try:
            tables = list(self._metastore.table_shapes(name))
            if tables and not cascade:
                raise UsageError(
                    f"DROP DATABASE {name}",
                    found=f"{len(tables)} tables",
                    required="an empty database, or CASCADE",
                    fix=f"DROP DATABASE {name} CASCADE",
                )
            for table in tables:
                self.dropTable(name, str(table["Name"]), deleteData)
            self._metastore.delete_database(name)
        except NotFound:
            if not ignoreUnknownDb:
                raise

    # Tables

    def getTable(self, database: str, name: str) -> Any:
        shape = _as_spark_source(self._metastore.table_shape(database, name))
        return self._decoded("Table", hive_objects.table_json(shape))

    def getTableObjectsByName(self, database: str, names: Any) -> Any:
        wanted = {str(name).lower() for name in names}
        shapes = [
            _as_spark_source(shape)
            for shape in self._metastore.table_shapes(database)
            if str(shape["Name"]).lower() in wanted
        ]
        return self._decoded("GetTablesResult", hive_objects.tables_json(shapes)).getTables()

    def tableExists(self, database: str, name: str) -> bool:
        try:
            self._metastore.table_shape(database, name)
        except NotFound:
            return False
        return True

    def getAllTables(self, database: str) -> Any:
        return self.getTables(database, "*")

    def getTables(self, database: str, pattern: str, kind: Any = None) -> Any:
        names = [
            str(shape["Name"]).lower()
            for shape in self._tables_of(database)
            if kind is None or str(shape.get("TableType")) == str(kind)
        ]
        return self._texts(_matching(names, pattern))

    def createTable(self, table: Any, *_environment: Any) -> None:
        shape = hive_objects.table_input(self._encoded(table))
        database = shape.pop("DatabaseName")
        if database == _DEFAULT:
            self._require_default_database()
        made = self._make_folder(shape)
        try:
            self._metastore.create_table_shape(database, shape)
        except BaseException:
            if made is not None:
                # The error of the Data Catalog says more than a folder that stays.
                with suppress(Exception):
                    self._file_system(made).delete(made, False)
            raise

    def alter_table(self, database: str, name: str, table: Any, *_environment: Any) -> None:
        shape = hive_objects.table_input(self._encoded(table))
        if shape.pop("DatabaseName", database) != database or shape["Name"] != name:
            raise UsageError(
                f"ALTER TABLE {database}.{name} RENAME",
                found=f"a new name, {shape['Name']}",
                required="the table's name: the Glue API does not rename tables, as in Glue",
                fix="create a table with the new name at the same location, and drop this one",
            )
        self._metastore.update_table(
            database, _with_other_members(shape, self._metastore.table_shape(database, name))
        )

    alter_table_with_environmentContext = alter_table

    def dropTable(
        self,
        database: str,
        name: str,
        deleteData: bool = True,
        ignoreUnknownTab: bool = True,
        ifPurge: bool = False,  # noqa: ARG002 - S3 has no trash
    ) -> None:
        try:
            shape = self._metastore.table_shape(database, name)
            self._metastore.delete_table(database, name)
        except NotFound:
            if not ignoreUnknownTab:
                raise
            return
        if deleteData:
            self._delete_files(shape, shape)

    def getTableColumnStatistics(self, *_arguments: Any) -> Any:
        return self._jvm.java.util.ArrayList()

    # Functions: the Data Catalog's are not served

    def getFunctions(self, _database: str, _pattern: str) -> Any:
        return self._jvm.java.util.ArrayList()

    def getFunction(self, _database: str, name: str) -> Any:
        raise NotFound(
            f"no function {name}", code="EntityNotFoundException", operation="GetUserDefinedFunction"
        )

    # Partitions

    def listPartitions(self, database: str, table: str, *arguments: Any) -> Any:
        # (max), or (values, max). Values are those of the first keys; an empty text stands for any value.
        values = [str(value) for value in arguments[0]] if len(arguments) > 1 else []
        shapes = [
            shape
            for shape in self._metastore.partition_shapes(database, table)
            if all(wanted in ("", value) for wanted, value in zip(values, shape["Values"], strict=False))
        ]
        return self._partitions(shapes, database, table)

    def listPartitionsWithAuthInfo(self, database: str, table: str, *arguments: Any) -> Any:
        return self.listPartitions(database, table, *arguments[:-2])  # without user and groups

    def listPartitionsByFilter(self, database: str, table: str, filter: str, _max: int) -> Any:
        # Spark applies the filter again, so that more partitions are no error.
        try:
            shapes = list(self._metastore.partition_shapes(database, table, filter.replace('"', "'")))
        except NotFound:
            raise
        except ServiceError:
            shapes = list(self._metastore.partition_shapes(database, table))
        return self._partitions(shapes, database, table)

    def listPartitionNames(self, database: str, table: str, *arguments: Any) -> Any:
        values = [str(value) for value in arguments[0]] if len(arguments) > 1 else []
        keys = [str(key["Name"]) for key in self._metastore.table_shape(database, table)["PartitionKeys"]]
        escape = self._jvm.org.apache.hadoop.hive.common.FileUtils.makePartName
        return self._texts(
            str(escape(self._texts(keys), self._texts(shape["Values"])))
            for shape in self._metastore.partition_shapes(database, table)
            if all(wanted in ("", value) for wanted, value in zip(values, shape["Values"], strict=False))
        )

    def getPartition(self, database: str, table: str, values: Any) -> Any:
        shape = self._metastore.partition_shape(database, table, [str(value) for value in values])
        return self._partitions([shape], database, table).get(0)

    def getPartitionWithAuthInfo(self, database: str, table: str, values: Any, *_arguments: Any) -> Any:
        return self.getPartition(database, table, values)

    def getPartitionsByNames(self, database: str, table: str, names: Any) -> Any:
        split = self._jvm.org.apache.hadoop.hive.metastore.Warehouse.getPartValuesFromPartName
        wanted = {tuple(str(value) for value in split(name)) for name in names}
        shapes = [
            shape
            for shape in self._metastore.partition_shapes(database, table)
            if tuple(shape["Values"]) in wanted
        ]
        return self._partitions(shapes, database, table)

    def add_partition(self, partition: Any) -> Any:
        partitions = self._jvm.java.util.ArrayList()
        partitions.add(partition)
        self.add_partitions(partitions)
        return partition

    def add_partitions(
        self, partitions: Any, ifNotExists: bool = False, needResults: bool | None = None
    ) -> Any:
        if partitions.isEmpty():
            return partitions if needResults is not None else 0
        database, table = str(partitions.get(0).getDbName()), str(partitions.get(0).getTableName())
        inputs = self._partition_inputs(partitions)
        if ifNotExists:
            existing = {tuple(shape["Values"]) for shape in self._metastore.partition_shapes(database, table)}
            inputs = [partition for partition in inputs if tuple(partition["Values"]) not in existing]
        if inputs:
            self._metastore.create_partition_shapes(database, table, inputs)
        return partitions if needResults is not None else len(inputs)

    def alter_partitions(self, database: str, table: str, partitions: Any, *_environment: Any) -> None:
        for partition in self._partition_inputs(partitions):
            self._metastore.update_partition(database, table, partition["Values"], partition)

    def alter_partition(self, database: str, table: str, partition: Any, *_environment: Any) -> None:
        partitions = self._jvm.java.util.ArrayList()
        partitions.add(partition)
        self.alter_partitions(database, table, partitions)

    def renamePartition(self, database: str, table: str, values: Any, partition: Any) -> None:
        partitions = self._jvm.java.util.ArrayList()
        partitions.add(partition)
        (renamed,) = self._partition_inputs(partitions)
        self._metastore.update_partition(database, table, [str(value) for value in values], renamed)

    def dropPartition(self, database: str, table: str, values: Any, options: Any = True) -> bool:
        texts = [str(value) for value in values]
        delete_data = options if isinstance(options, bool) else bool(options.deleteData)
        shape = self._metastore.partition_shape(database, table, texts)
        table_shape = self._metastore.table_shape(database, table)
        self._metastore.delete_partition(database, table, texts)
        if delete_data:
            self._delete_files(table_shape, shape)
        return True

    # Conversions

    @property
    def _metastore(self) -> Metastore:
        if self._client.metastore is None:
            raise UsageError(
                "Spark SQL over the Data Catalog",
                found="no open run",
                required="a call between job.init and job.commit",
                fix="move job.init above the first query, or the query above job.commit",
            )
        return self._client.metastore

    def _database(self, name: str) -> Shape:
        """Return a database. Spark needs a default database, which the account may not have."""
        if name == _TEMPORARY:
            raise NotFound(f"no database {name}", code="EntityNotFoundException", operation="GetDatabase")
        if name != _DEFAULT:
            return self._metastore.database(name)
        if self._client.metastore is not None:
            try:
                return self._client.metastore.database(name)
            except NotFound:
                pass
        return {"Name": _DEFAULT, "LocationUri": self._warehouse()}

    def _require_default_database(self) -> None:
        # As Glue: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-data-catalog-hive.html
        try:
            self._metastore.database(_DEFAULT)
        except NotFound:
            self._metastore.create_database({"Name": _DEFAULT, "LocationUri": self._warehouse()})

    def _warehouse(self) -> str:
        session = self._jvm.org.apache.spark.sql.SparkSession.getDefaultSession()
        return str(session.get().conf().get("spark.sql.warehouse.dir")) if session.isDefined() else "/"

    def _tables_of(self, database: str) -> Iterable[Shape]:
        try:
            yield from self._metastore.table_shapes(database)
        except NotFound:
            if database != _DEFAULT:
                raise

    def _partitions(self, shapes: Sequence[Shape], database: str, table: str) -> Any:
        named = [{**shape, "DatabaseName": database, "TableName": table} for shape in shapes]
        decoded = self._decoded("PartitionsByExprResult", hive_objects.partitions_json(named))
        return decoded.getPartitions()

    def _partition_inputs(self, partitions: Any) -> list[dict[str, Any]]:
        result = self._jvm.org.apache.hadoop.hive.metastore.api.PartitionsByExprResult(
            self._jvm.java.util.ArrayList(partitions), False
        )
        return hive_objects.partition_inputs(self._encoded(result))

    def _delete_files(self, table: Shape, entity: Shape) -> None:
        """Delete the files of a managed table, or of one of its partitions."""
        location = str((entity.get("StorageDescriptor") or {}).get("Location") or "")
        if table.get("TableType") != "MANAGED_TABLE" or not location:
            return
        path = self._jvm.org.apache.hadoop.fs.Path(location)
        self._file_system(path).delete(path, True)

    def _make_folder(self, table: Shape) -> Any:
        """Create the folder of a new table of Hive's formats, and return it; None if there is none to create.

        Spark reads the folder before it inserts. AWS's client creates it as well:
        https://github.com/awslabs/aws-glue-data-catalog-client-for-apache-hive-metastore
        """
        location = str((table.get("StorageDescriptor") or {}).get("Location") or "")
        if not _S3.match(location) or _PROVIDER in (table.get("Parameters") or {}):
            return None
        path = self._jvm.org.apache.hadoop.fs.Path(location)
        files = self._file_system(path)
        if files.exists(path):
            return None
        files.mkdirs(path)
        return path

    def _file_system(self, path: Any) -> Any:
        session = self._jvm.org.apache.spark.sql.SparkSession.getDefaultSession().get()
        return path.getFileSystem(session.sessionState().newHadoopConf())

    def _decoded(self, kind: str, text: str) -> Any:
        value = getattr(self._jvm.org.apache.hadoop.hive.metastore.api, kind)()
        factory = self._client._thrift.Factory()
        self._jvm.org.apache.thrift.TDeserializer(factory).deserialize(value, text.encode())
        return value

    def _encoded(self, value: Any) -> str:
        factory = self._client._thrift.Factory()
        return str(self._jvm.org.apache.thrift.TSerializer(factory).toString(value))

    def _texts(self, values: Iterable[str]) -> Any:
        texts = self._jvm.java.util.ArrayList()
        for value in values:
            texts.add(value)
        return texts


def _matching(names: Sequence[str], pattern: str) -> list[str]:
    """Return the names that match a pattern of Hive: ``*`` matches any text, ``|`` separates patterns."""
    alternatives = [re.escape(part).replace(r"\*", ".*") for part in pattern.replace(".*", "*").split("|")]
    expression = re.compile("|".join(alternatives), re.IGNORECASE)
    return [name for name in names if expression.fullmatch(name)]


def _with_other_members(shape: Mapping[str, Any], existing: Shape) -> dict[str, Any]:
    """Return a ``TableInput`` with the members of the existing table that Hive's objects do not have."""
    storage = existing.get("StorageDescriptor") or {}
    columns = {str(column["Name"]).lower(): column for column in storage.get("Columns") or ()}
    new_storage = dict(shape.get("StorageDescriptor") or {})
    new_storage["Columns"] = [
        {**columns.get(str(column["Name"]).lower(), {}), **column}
        for column in new_storage.get("Columns") or ()
    ]
    others = {name: existing[name] for name in _TABLE_MEMBERS if name in existing}
    new_storage |= {name: storage[name] for name in _STORAGE_MEMBERS if name in storage}
    return {**others, **shape, "StorageDescriptor": new_storage}


def _as_spark_source(shape: Shape) -> Shape:
    """Return a table whose SerDe pyspark does not have as a table of Spark's JSON source.

    In Glue, such a table needs the JAR of its SerDe (``--extra-jars``).
    """
    from glue_secure.dynamicframe.frames.schema import to_spark
    from glue_secure.dynamicframe.types.hive import schema_of

    storage = shape.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    parameters = shape.get("Parameters") or {}
    if serde.get("SerializationLibrary") not in _JSON_SERDES or _PROVIDER in parameters:
        return shape
    keys = CatalogColumn.from_api(shape.get("PartitionKeys"))
    schema = to_spark(schema_of((*CatalogColumn.from_api(storage.get("Columns")), *keys)))
    return {
        **shape,
        "Parameters": {
            **parameters,
            _PROVIDER: "json",
            "spark.sql.sources.schema": schema.json(),
            **({"spark.sql.sources.schema.numPartCols": str(len(keys))} if keys else {}),
            **{f"spark.sql.sources.schema.partCol.{n}": key.name for n, key in enumerate(keys)},
            "spark.sql.partitionProvider": "catalog",
        },
        "StorageDescriptor": {
            **storage,
            "SerdeInfo": {
                **serde,
                "Parameters": {"path": storage.get("Location", ""), "serialization.format": "1"},
            },
        },
    }
