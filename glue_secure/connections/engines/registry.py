"""The database engines that glue-secure supports.

Each engine is data: the form of its JDBC URL, its driver and a rule for each of the driver's options.
"""

from __future__ import annotations

from glue_secure.connections.engines.engine import DatabaseEngine
from glue_secure.connections.engines.mysql import MARIADB, MYSQL
from glue_secure.connections.engines.oracle import ORACLE
from glue_secure.connections.engines.postgresql import POSTGRESQL
from glue_secure.connections.engines.redshift import REDSHIFT
from glue_secure.connections.engines.sqlserver import SQLSERVER

ENGINES: tuple[DatabaseEngine, ...] = (POSTGRESQL, MYSQL, MARIADB, SQLSERVER, ORACLE, REDSHIFT)
JDBC_TYPES: tuple[str, ...] = tuple(engine.name for engine in ENGINES)
"""The values of ``connection_type`` in ``from_options`` that name a database engine."""
