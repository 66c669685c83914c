"""Templates of a project's AWS resources for CloudFormation and Terraform, from one design."""

from glue_secure.project.templates.cloudformation import as_text, cloudformation
from glue_secure.project.templates.parameters import with_parameters, with_variables
from glue_secure.project.templates.stacks import stacks
from glue_secure.project.templates.terraform import terraform

__all__ = ["as_text", "cloudformation", "stacks", "terraform", "with_parameters", "with_variables"]
