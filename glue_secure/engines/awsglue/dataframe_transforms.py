"""awsglue's transforms of DataFrames. They read and write nothing."""

from awsglue.dataframe_transforms import ALL_TRANSFORMS, ApplyMapping

__all__ = ["ALL_TRANSFORMS", "ApplyMapping"]
