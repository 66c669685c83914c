"""Job bookmarks: what they hold, what they select, how they are sealed, stored and committed."""
