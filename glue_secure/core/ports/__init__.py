"""Interfaces between packages.

Adapters implement them by their methods alone; only ``run.composition`` knows both sides.
"""

from glue_secure.core.ports.catalog import Catalog, ControlPlane
from glue_secure.core.ports.clock import Clock
from glue_secure.core.ports.columns import ColumnSource
from glue_secure.core.ports.driver_s3 import DriverS3
from glue_secure.core.ports.engine import DYNAMIC, PARTITION_OVERWRITE_MODE, Engine, SaveHandler
from glue_secure.core.ports.environment import Environment
from glue_secure.core.ports.high_water import HighWaterMarkStore
from glue_secure.core.ports.images import Images
from glue_secure.core.ports.keys import KeyService
from glue_secure.core.ports.metastore import Metastore
from glue_secure.core.ports.objects import ObjectStore
from glue_secure.core.ports.operation import Operation
from glue_secure.core.ports.secrets import SecretStore
from glue_secure.core.ports.services import Services
from glue_secure.core.ports.stores import DynamoDb, Kinesis

__all__ = [
    "DYNAMIC",
    "PARTITION_OVERWRITE_MODE",
    "Catalog",
    "Clock",
    "ColumnSource",
    "ControlPlane",
    "DriverS3",
    "DynamoDb",
    "Engine",
    "Environment",
    "HighWaterMarkStore",
    "Images",
    "KeyService",
    "Kinesis",
    "Metastore",
    "ObjectStore",
    "Operation",
    "SaveHandler",
    "SecretStore",
    "Services",
]
