"""Check the steps that only GitHub can prove, and record the evidence."""

import os
from datetime import UTC, datetime
from pathlib import Path

from ml.github import fork_settings, github, live_proofs, repository_settings
from ml.io import cli, files, git
from ml.io.errors import UserError
from ml.io.text import counted

EVIDENCE = Path("docs/live-run.json")
VERSION = 1


def main() -> int:
    """Query GitHub's API for completed steps, record them in docs/live-run.json and print the next actions.

    Recorded steps are not queried again: delete the file to start again. Exit with 1 until all steps are complete.
    """
    repository = github.connect(repository_settings.environment(os.environ, git.ask("remote", "get-url", "origin")))
    if repository is None:
        raise UserError(
            f"the live run needs GitHub, but the token or the repository is missing. {fork_settings.OWNER} LIVE=1"
        )
    kept = _kept(repository.name)
    left = []
    for proof in live_proofs.PROOFS:
        if proof.name not in kept:
            seen, why = live_proofs.looked(repository, proof)
            if seen is None:
                left.append((proof, why))
                continue
            kept[proof.name] = {"found": seen.found, "link": seen.link, "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
        cli.say(f"  seen     {proof.name}: {kept[proof.name]['found']}, {kept[proof.name]['link']}")
    for proof, why in left:
        cli.say(f"  not yet  {proof.name}: {why}\n           do: {proof.do}")
    commit = git.ask("rev-parse", "HEAD")
    files.write_json({"version": VERSION, "repository": repository.name, "commit": commit, "proofs": kept}, EVIDENCE)
    cli.say(f"{counted(len(kept), 'proof')} of {len(live_proofs.PROOFS)} in {EVIDENCE}: commit it as evidence.")
    return 1 if left else 0


def _kept(name: str) -> dict[str, dict[str, str]]:
    """The recorded evidence of an earlier call for the same repository."""
    if not EVIDENCE.exists():
        return {}
    found = files.read_json(EVIDENCE)
    if found["version"] != VERSION or found["repository"] != name:
        raise UserError(
            f"{EVIDENCE} is of {found['repository']}, version {found['version']}. Delete it to start again."
        )
    return {proof.name: found["proofs"][proof.name] for proof in live_proofs.PROOFS if proof.name in found["proofs"]}


if __name__ == "__main__":
    cli.run(main)
