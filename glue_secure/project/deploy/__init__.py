"""Putting a project's jobs into an account: a plan first, then its steps, each read back."""

from glue_secure.project.deploy.plan import Change, Plan, apply, plan

__all__ = ["Change", "Plan", "apply", "plan"]
