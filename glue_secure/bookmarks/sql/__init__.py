"""Bookmarks of database tables: key columns, and one SQL dialect per database."""
