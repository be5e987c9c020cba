"""Build the container image of a model."""

import json
import shutil
import tempfile
from pathlib import Path

from ml.deployment import container_engine, images
from ml.deployment.answers_record import AnswersRecord
from ml.deployment.image_locks import locks_of
from ml.deployment.image_record import ImageRecord
from ml.gates.parity import as_requests
from ml.github import runner
from ml.io import cli, files, git, tables
from ml.io.errors import UserError
from ml.model import boosters, identity, lineage, model, model_file
from ml.model.lineage import Lineage
from ml.model.predictor import FORM, MODEL
from ml.registry import registry
from ml.registry.ledger import Version
from ml.settings.feature_source import FEATURES
from ml.settings.params import Params, read_params

CONTEXT = files.BUILD / "image"  # the files of the model that the Dockerfile copies
REQUIREMENTS = CONTEXT / "requirements.txt"
SERVED = ("contract.json", "compiled.json", "compiled.onnx", MODEL)
LABELS = {  # the Dockerfile's arguments, and the labels made from them
    "SOURCE": "org.opencontainers.image.source",
    "REVISION": "org.opencontainers.image.revision",
    "MODEL_NAME": "ml.model.name",
    "MODEL_VERSION": "org.opencontainers.image.version",
    "MODEL_DIGEST": "ml.model.digest",
    "DATA_DIGEST": "ml.data.digest",
    "LOCK_DIGEST": "ml.lock.digest",
}
RECORDED = 200  # rows with recorded predictions that the image must reproduce


def main(version: int = 0, push: bool = False) -> None:
    """Build the image of build/model, or of a registered version, as <project>:<tag>; --push pushes it."""
    params = read_params()
    container_engine.engine()
    chosen = registry.open_registry(params.project).state().version(version) if version else None
    origin = _gather(chosen, params)
    commit = git.commit() or "unknown"
    labels = _labels(origin, params, commit)
    name = f"{images.registry()}{params.project}:{f'v{version}-' if version else ''}{commit[:12]}"
    digest = _pushed(name, labels)
    if not digest:
        images.build(name, labels, int(git.ask("log", "-1", "--format=%ct") or 0))
    record = ImageRecord(
        image=name,
        id=images.image_id(name),
        digest=digest or (images.push(name) if push else None),
        version=origin.version,
        model=origin.model,
        revision=labels["REVISION"],
        size=images.inspect(name)["Size"],
    )
    record.write(files.IMAGE)
    if record.digest:
        for key, value in zip(("name", "digest"), record.digest.split("@"), strict=True):
            runner.output(key, value)
    cli.say(f"image: {name} ({record.size / 1e6:.0f} MB) holds model {origin.model[:12]}; {files.IMAGE} has details")
    cli.say(f"image: {record.digest or record.id}. Next: make smoke")


def _pushed(name: str, labels: dict[str, str]) -> str | None:
    """The digest of this exact image if an earlier run pushed it, so that a repeated release deploys nothing new.

    Engines write times and names of their own into an image: a second build has another digest.
    """
    if not images.registry() or labels["REVISION"].endswith("-dirty"):
        return None
    fetched = images.fetch(name)
    if fetched is None:
        return None
    found, digest = fetched
    said = found["Config"]["Labels"] or {}
    if any(said.get(LABELS[key]) != value for key, value in labels.items()):
        return None
    cli.say(f"image: {name} was already pushed from the same commit, model and packages: it is reused, not built again")
    return digest


def _gather(chosen: Version | None, params: Params) -> Lineage:
    """Lay out the contents of the image except for code: model, lineage, and rows with their expected predictions."""
    built = _fetched(chosen, params) if chosen else _built()
    locks = _locks(built)
    digest = identity.digest(built)  # as the server reports it
    known = chosen or registry.open_registry(params.project).state().of(digest)
    origin = chosen.lineage if chosen else lineage.collect(params.data, params, params.train.library)
    origin = origin.model_copy(update={"model": digest, "version": known.number if known else None})
    rows = tables.read_table(files.TEST)
    fitted = model_file.loads(built[MODEL])
    scores = model.scores(fitted, rows.head(RECORDED), params.data)
    requests = as_requests(rows, params.data, RECORDED)
    recorded = AnswersRecord(id=params.data.id, rows=requests, scores=scores.tolist())
    shutil.rmtree(CONTEXT, ignore_errors=True)
    files.write_bytes(b"".join(files.read_bytes(lock) for lock in locks), REQUIREMENTS)
    for name, content in built.items():
        files.write_bytes(content, CONTEXT / "model" / name)
    origin.write(CONTEXT / "model" / "lineage.json")
    recorded.write(CONTEXT / "recorded.json")
    files.write_text(model_file.source_of(fitted), CONTEXT / FEATURES.name)  # the model's own, from its commit
    return origin


def _built() -> dict[str, bytes]:
    lacking = [name for name in SERVED if not (files.MODEL / name).is_file()]
    if MODEL in lacking or len(lacking) > 1:
        raise UserError(f"{files.MODEL} holds no {' and no '.join(lacking)}. Build a model with `make run`.")
    return {name: files.read_bytes(files.MODEL / name) for name in SERVED if name not in lacking}


def _locks(built: dict[str, bytes]) -> list[Path]:
    """The lock files of the image; raises UserError for a model that a library of boosting must score."""
    locks, reason = locks_of(built[FORM]), json.loads(built[FORM])["estimator"].get("reason")
    if reason and any(name.startswith(boosters.__name__) for name in model_file.types_of(built[MODEL])):
        raise UserError(
            f"this model has no compiled form ({reason}), and an image contains no LightGBM, XGBoost or CatBoost. "
            "Serve it with `make serve` after `make setup`, or choose other parameters (docs/features.md)."
        )
    return locks


def _fetched(version: Version, params: Params) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model"
        registry.open_registry(params.project).fetch(version, place)
        return {name: files.read_bytes(place / name) for name in SERVED if (place / name).is_file()}


def _labels(origin: Lineage, params: Params, commit: str) -> dict[str, str]:
    """The arguments of the Dockerfile, which become labels of the image."""
    dirty = "-dirty" if lineage.changed() else ""
    return {
        "SOURCE": (git.ask("config", "--get", "remote.origin.url") or "unknown").strip(),
        "REVISION": commit + dirty,
        "MODEL_NAME": params.project,
        "MODEL_VERSION": str(origin.version or "unregistered"),
        "MODEL_DIGEST": origin.model,
        "DATA_DIGEST": origin.data.md5 or "unknown",
        "LOCK_DIGEST": lineage.md5(REQUIREMENTS) or "unknown",
    }


if __name__ == "__main__":
    cli.run(main)
