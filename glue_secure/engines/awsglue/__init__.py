"""The awsglue runtime: subclasses of the real classes, guarded. The only room that imports awsglue.

Nothing of awsglue is copied; it is imported where it exists (AWS Glue, its container, or the package
AWSGlueDataplanePython beside the Glue libraries).
"""
