"""Templates of everything that a project's jobs stand on: CloudFormation and Terraform, from one design."""

from glue_secure.project.templates.cloudformation import cloudformation
from glue_secure.project.templates.terraform import terraform

__all__ = ["cloudformation", "terraform"]
