"""Adapters that implement core.ports with boto3. Each takes its client as an argument."""
