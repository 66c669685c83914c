"""DynamicFrame in plain Spark, with the signatures of awsglue's class (Glue 5.1).

Source: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame.html
"""

from glue_secure.dynamicframe.emulation.collection import DynamicFrameCollection
from glue_secure.dynamicframe.emulation.frame import DynamicFrame, ResolveOption

__all__ = ["DynamicFrame", "DynamicFrameCollection", "ResolveOption"]
