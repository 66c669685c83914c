"""Machine learning transforms, as AWS Glue's package ``awsglueml`` has them."""
