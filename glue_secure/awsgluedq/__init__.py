"""Data quality transforms, as AWS Glue's package ``awsgluedq`` has them."""
