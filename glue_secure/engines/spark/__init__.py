"""The plain-Spark runtime: what awsglue's JVM does in Glue, done here on DataFrames and S3A."""
