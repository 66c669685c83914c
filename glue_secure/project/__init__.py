"""A user's project: its file, templates, packages and deployment."""
