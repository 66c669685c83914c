"""Templates of everything that a project's jobs stand on."""

from glue_secure.delivery.templates.cloudformation import cloudformation

__all__ = ["cloudformation"]
