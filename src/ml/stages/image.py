"""Build the image that serves build/model."""

from pathlib import Path

from ml import cli, containers, files, git
from ml.errors import UserError
from ml.lineage import changed, digest, md5
from ml.params import read_params


def main(tag: str = "") -> None:
    """Build the image as <project>:<commit>, with labels that say what is in it; --tag names it otherwise."""
    if not (files.MODEL / "model.skops").is_file():
        raise UserError("build/model holds no model. Build one with `make run`, or fetch it with `dvc pull`.")
    params = read_params()
    commit = (git.ask("rev-parse", "HEAD") or "unknown").strip()
    revision = commit + (containers.DIRTY if changed() else "")
    labels = {
        "SOURCE": (git.ask("config", "--get", "remote.origin.url") or "unknown").strip(),
        "REVISION": revision,
        "MODEL_NAME": params.project,
        "MODEL_VERSION": digest(files.MODEL / "model.skops")[:12],
        "DATA_DIGEST": md5(Path(params.data.file)) or "unknown",
        "LOCK_DIGEST": md5(Path("locks/serving.txt")) or "unknown",
    }
    tag = tag or f"{params.project}:{commit[:12]}"
    containers.build(tag, labels, int(git.ask("log", "-1", "--format=%ct") or 0))
    cli.say(f"image: {tag} holds {params.project} {labels['MODEL_VERSION']}. Next: {containers.engine()} run {tag}")


if __name__ == "__main__":
    cli.run(main)
