"""The static check of Glue job scripts: ``glue-secure check``."""
