"""Drop-in door: ``from glue_secure.context import GlueContext``."""

from glue_secure.runtime.spark.context import GlueContext

__all__ = ["GlueContext"]
