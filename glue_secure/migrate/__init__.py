"""Migration of existing AWS Glue scripts: ``glue-secure migrate``."""
