"""Glue's arguments and options that both engines check in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.ignored_options import Place, correction, without_ignored

if TYPE_CHECKING:
    from glue_secure.run.run import Run

JDBC_OPTIONS_EXAMPLE = '{"useConnectionProperties": "true", "connectionName": NAME, "dbtable": TABLE}'


def require_known_options(options: Mapping[str, Any], known: Iterable[str], resource: str) -> None:
    """Raise UsageError if an option is not among ``known``. The error has the likely name."""
    names = set(known)
    unknown = sorted(set(options) - names)
    if unknown:
        raise UsageError(
            resource,
            found=", ".join(unknown),
            required=", ".join(sorted(names)) or "none",
            fix=correction(unknown, names)
            or "docs/differences-from-glue.md lists what the plain-Spark runtime does not offer",
        )


def known_options(
    options: Mapping[str, Any], known: Iterable[str], place: Place, resource: str
) -> dict[str, Any]:
    """Return the options that have an effect; those that Glue overlooks here are named in a warning.

    Raises:
        UsageError: an option is neither known nor one that Glue overlooks in this place.
    """
    names = set(known)
    effective = without_ignored(options, names, place, resource)
    require_known_options(effective, names, resource)
    return effective


def read_arguments(arguments: Mapping[str, Any], call: str) -> dict[str, Any]:
    """Return the arguments of a read beyond those of its signature: Glue's numbers of partitions.

    Raises:
        UsageError: an argument is neither of these nor one that Glue is known to overlook.
    """
    return known_options(arguments, ("minPartitions", "targetPartitions"), Place.READ_CALL, call)


def reject_credentials(options: Mapping[str, Any], names: Iterable[str], resource: str) -> None:
    """Raise RefusedError (GS-TLS-008) if an option is one of ``names``, in any letter case.

    Args:
        options: the caller's ``connection_options``.
        names: option names in lower case that may not be given, such as ``password``.
        resource: the subject of the error.
    """
    forbidden = set(names)
    found = sorted(name for name in options if name.lower() in forbidden)
    if found:
        raise RefusedError(
            "GS-TLS-008",
            resource=resource,
            found=f"{', '.join(found)} in connection_options (value not shown)",
            required="a Glue connection whose password is in Secrets Manager",
            fix=f"use {JDBC_OPTIONS_EXAMPLE}",
        )


def uses_connection(options: Mapping[str, Any]) -> bool:
    """Return whether the options name a Glue connection and set ``useConnectionProperties`` to true."""
    is_set = str(options.get("useConnectionProperties", "")).strip().lower() == "true"
    return is_set and bool(options.get("connectionName"))


def require_connection_name(options: Mapping[str, Any], resource: str) -> str:
    """Return the Glue connection that the options name.

    Raises:
        UsageError: ``connectionName`` is missing, or ``useConnectionProperties`` is not true.
    """
    if not uses_connection(options):
        raise UsageError(
            f"connection_options of {resource}",
            found=", ".join(sorted(map(str, options))) or "no options",
            required="connectionName, useConnectionProperties, dbtable",
            fix=JDBC_OPTIONS_EXAMPLE,
        )
    return str(options["connectionName"])


def require_table_name(
    call: str, database: str | None, table_name: str | None, name_space: str | None
) -> tuple[str, str]:
    """Return the database and the table that a call names.

    Args:
        call: name of the calling method, for the error.
        database: the database.
        table_name: the table.
        name_space: Glue's older argument for the database.

    Raises:
        UsageError: no table is named, or not exactly one of ``database`` and ``name_space``.
    """
    databases = [name for name in (database, name_space) if name is not None]
    if len(databases) != 1:
        found = "database and name_space" if databases else "no database"
        raise UsageError(call, found=found, required="one of database and name_space")
    if not table_name:
        raise UsageError(call, found="no table_name", required="database and table_name")
    return str(databases[0]), str(table_name)


def require_run_account(run: Run, call: str, catalog_id: str | None) -> None:
    """Raise UsageError if ``catalog_id`` is not the run's account, the only one that preflight checks."""
    account = run.preflight.account
    if catalog_id and str(catalog_id) != account:
        raise UsageError(
            call,
            found=f"catalog_id {catalog_id}",
            required=f"the Data Catalog of the run's account, {account}, or no catalog_id",
        )
