"""Protect branches on GitHub by the rulesets in .github/rulesets/."""

import os
from pathlib import Path

from ml.github import github, repository_settings
from ml.io import cli, files, git
from ml.io.errors import UserError


def main() -> None:
    """Create or update the ruleset of each file in .github/rulesets/; others are kept. Needs an owner's token."""
    environment = repository_settings.environment(os.environ, git.ask("remote", "get-url", "origin"))
    repository = github.connect(environment)
    if repository is None:
        raise UserError(
            "set GITHUB_TOKEN to an owner's token, and GITHUB_REPOSITORY=owner/name where origin is not on GitHub: "
            "GITHUB_TOKEN=$(gh auth token) make protect"
        )
    for path in sorted(Path(".github/rulesets").glob("*.json")):
        outcome = repository_settings.apply_ruleset(repository, files.read_json(path))
        cli.say(f"protect: {path} is {outcome}: {repository.page('rules')}")


if __name__ == "__main__":
    cli.run(main)
