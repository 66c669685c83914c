"""What is done to the values of protected columns: tokens and sealed values. No Spark, no boto3."""
