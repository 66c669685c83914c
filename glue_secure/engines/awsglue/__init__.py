"""The awsglue runtime: subclasses of awsglue's classes. No other package imports awsglue.

awsglue is imported where it exists: in AWS Glue, in its container, or where AWSGlueDataplanePython is
installed beside the Glue libraries. None of its code is copied.
"""
