"""Check the data against its contract; stop when it breaks."""

from ml import cli, files, report, schema
from ml.errors import UserError
from ml.params import read_params


def main() -> None:
    """Check data.file against the contract in params.yaml and write build/validation.json and .md."""
    params = read_params()
    table = files.read_table(params.data.file)
    cli.say(f"validate: {len(table):,} rows of {params.data.file}")
    frame = schema.conform(table, params.data)  # before the slow import: most mistakes show here

    from ml import checks  # noqa: PLC0415

    found = checks.check(frame, params.data, params.validation)
    result = checks.as_json(found, len(frame))
    files.write_json(result, files.VALIDATION)
    files.write_text(report.validation(result), files.VALIDATION_TEXT)
    failed = [c for c in found if not c.passed]
    for check in failed:
        if check.severity != "critical":
            cli.say(f"validate: {check.severity}: {check.subject}: {check.found}")
    if checks.blocking(found):
        problems = [f"{c.subject}: {c.found}" for c in checks.blocking(found)]
        raise UserError(f"{schema.broken(params.data, problems)}\nAll checks: {files.VALIDATION_TEXT}")
    cli.say(f"validate: {len(found) - len(failed)} of {len(found)} checks passed")


if __name__ == "__main__":
    cli.run(main)
