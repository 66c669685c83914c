"""Vectorised functions over Arrow batches. They carry the wrapped key; a worker opens it by itself."""

from typing import Any

import pandas as pd

from glue_secure.columns.sealing import seal, tokens
from glue_secure.core.columns import WrappedKey


def tokenise(key: WrappedKey, domain: str) -> Any:
    """A Spark function text → token, deterministic within ``domain``."""
    from pyspark.sql.functions import pandas_udf

    def tokenise(values: Any) -> Any:
        from glue_secure.aws.columns import executor_key  # as a global it would travel, and it refuses to

        return _series(tokens(_texts(values), data_key=executor_key(key), domain=domain))

    return pandas_udf(_of_series(tokenise), "string")


def encrypt(key: WrappedKey, column: str) -> Any:
    """A Spark function text → sealed text, bound to the policy and to ``column``; never twice the same."""
    from pyspark.sql.functions import pandas_udf

    def encrypt(values: Any) -> Any:
        from glue_secure.aws.columns import executor_key

        return _series(seal(_texts(values), data_key=executor_key(key), policy=key.policy, column=column))

    return pandas_udf(_of_series(encrypt), "string").asNondeterministic()


def _of_series(function: Any) -> Any:
    # Spark reads the kind of a function off its types, and the wheel for Glue has none.
    function.__annotations__ = {"values": pd.Series, "return": pd.Series}
    return function


def _texts(values: Any) -> list[str | None]:
    return list(values.tolist())


def _series(values: list[str | None]) -> Any:
    return pd.Series(values, dtype=object)
