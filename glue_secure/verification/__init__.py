"""Verification of written objects, and checks of the targets of writes."""
