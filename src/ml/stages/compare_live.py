"""Compare the serving challenger with the champion by their logged predictions and late labels."""

import os

from ml.io import cli
from ml.io.text import columns
from ml.monitoring import live_comparison, live_sides
from ml.prediction_log import condensed, predictions, segments
from ml.settings.params import Params, read_params

UNTOLD = "The log of an older server does not contain the canary's share, so the share is not checked."


def main(since: str = "", until: str = "", challenger: str = "") -> None:
    """Print predictions, labels and the metric of gates.champion for both models, then the outcome.

    Takes the newest challenger in the prediction log (shadow or canary), or --challenger NAME@3.
    """
    params = read_params()
    directory, url = segments.places(params.log.directory, os.environ)
    cli.say(f"compare_live: reading the prediction log in {directory}" + (" and where it is shipped to" if url else ""))
    log = condensed.read_condensed([directory, *([url] if url else [])], predictions.period(since, until))
    found = live_sides.duel(log, params, challenger)
    _, sentence = live_comparison.judge(found, params)
    way = "a shadow: both models scored the same rows" if found.paired else "a canary: each model scored separate ids"
    cli.tell(f"{found.challenger.model} is {way}, {found.start:%Y-%m-%d %H:%M} to {found.end:%Y-%m-%d %H:%M} UTC")
    if not found.paired:
        cli.tell("\n".join(one.sentence() for one in found.ratios) or UNTOLD)
    if sample := condensed.represented(log.attrs["share"]):
        cli.tell(sample)
    if found.simulated:
        cli.tell("The rows and these times are simulated.")
    metric = params.gates.champion.metric if params.gates.champion else "roc_auc"
    header = ["", "model", "answers", "with label", "ids judged", metric, f"{params.evaluate.confidence:.0%} interval"]
    cli.tell(columns(header, [_line(side, params) for side in (found.champion, found.challenger)]))
    cli.tell(sentence)


def _line(side: live_sides.Side, params: Params) -> list[str]:
    share = f"{side.labelled:,} ({side.labelled / side.answers:.0%})"
    return [
        side.variant,
        side.model,
        f"{side.answers:,}",
        share,
        f"{len(side.label):,}",
        *live_comparison.figure(side, params),
    ]


if __name__ == "__main__":
    cli.run(main)
