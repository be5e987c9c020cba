"""List what was deployed where, when, by whom, and what became of it."""

from ml import cli, deployments


def main(env: str = "", last: int = 20) -> None:
    """Print the last deployments, to --env or to all environments, newest first."""
    found = [d for d in deployments.read() if not env or d.env == env][-last:]
    if not found:
        cli.say("deployments: none yet. Next: make deploy ENV=staging")
    for d in reversed(found):
        print(f"{d.time[:19]}  {d.target} {d.env}  {d.image[-71:][:19]}…  {d.outcome}  by {d.who}  {d.reason}")


if __name__ == "__main__":
    cli.run(main)
