"""Detection of writes that Spark makes outside glue-secure."""
