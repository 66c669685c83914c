"""Lake Formation's permissions as code: a file, the account, the difference, and its application."""
