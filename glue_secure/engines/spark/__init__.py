"""The plain-Spark runtime: awsglue's API on DataFrames and S3A, without Glue's JVM classes."""
