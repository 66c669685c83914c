"""Templates of a project's AWS resources for CloudFormation and Terraform, from one design."""

from glue_secure.project.templates.cloudformation import cloudformation
from glue_secure.project.templates.stacks import as_text, stacks
from glue_secure.project.templates.terraform import terraform

__all__ = ["as_text", "cloudformation", "stacks", "terraform"]
