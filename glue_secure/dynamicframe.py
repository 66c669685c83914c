"""Drop-in door: ``from glue_secure.dynamicframe import DynamicFrame``."""

from glue_secure.runtime.spark.dynamicframe import DynamicFrame

__all__ = ["DynamicFrame"]
