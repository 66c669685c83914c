"""A user's project: what ``glue_secure.toml`` says about its jobs, buckets, connections and network."""

from glue_secure.project.model import Bucket, Connection, Job, Project, Vpc
from glue_secure.project.reader import FILE_NAME, read, read_text

__all__ = ["FILE_NAME", "Bucket", "Connection", "Job", "Project", "Vpc", "read", "read_text"]
