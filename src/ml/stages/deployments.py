"""List deployments with their image, environment, time, author and result."""

from ml.deployment import deployment_log
from ml.io import cli
from ml.registry import registry
from ml.settings.params import read_params


def main(env: str = "", last: int = 20) -> None:
    """Print the last deployments to --env, or to all environments, newest first."""
    history = deployment_log.fold(registry.open_registry(read_params().project).deployments())
    found = [d for d in history if not env or d.env == env][-last:]
    if not found:
        cli.say("deployments: none yet. Next: make deploy ENV=staging")
    for d in reversed(found):
        cli.tell(f"{d.time[:19]}  {d.target} {d.env}  {d.outcome}  {d.image}  by {d.who}  {d.reason}")


if __name__ == "__main__":
    cli.run(main)
