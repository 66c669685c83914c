"""The only room that imports boto3: each adapter takes its client and satisfies a port."""
