"""Send the image that was checked to its registry."""

from ml.deployment import containers
from ml.github import runner
from ml.io import cli, files
from ml.io.errors import UserError


def main() -> None:
    """Push the image of build/image.json and write its digest there, by which it is deployed everywhere.

    Only the very image that `make smoke` has passed goes out: nothing is built again on the way.
    """
    record = files.read_json(files.IMAGE)
    checked = files.read_json(files.SMOKE) if files.SMOKE.exists() else {}
    if checked.get("image") != record["id"] or not checked["passed"]:
        raise UserError(f"{files.SMOKE} does not say that {record['image']} is well. Run `make smoke` first.")
    if not record["digest"]:
        here = containers.image_id(record["image"])
        if here != record["id"]:
            raise UserError(
                f"{record['image']} names {here} by now, and {record['id']} was checked: `make image smoke`."
            )
        record["digest"] = containers.push(record["image"])
        files.write_json(record, files.IMAGE)
    for key, value in zip(("name", "digest"), record["digest"].split("@"), strict=True):
        runner.output(key, value)
    cli.say(f"push: {record['digest']}. Next: make deploy")


if __name__ == "__main__":
    cli.run(main)
