"""Dynamic frames on DataFrames: every function takes tables and gives new ones."""
