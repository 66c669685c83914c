"""What a Glue job is given: the wheel, the same as a zip, and its dependencies for a job without internet."""
