"""Deployment of a project's jobs: a plan first, then its steps, each verified after it was applied."""

from glue_secure.project.deploy.plan import Change, DeploymentPlan, apply, plan

__all__ = ["Change", "DeploymentPlan", "apply", "plan"]
