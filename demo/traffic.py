"""Simulated customers of the sample data, sent through the real API: predictions, and weeks later their labels.

Every line of the prediction log marks them as simulated: the requests have simulated times in the header
X-Simulated-Time, which only a server with SERVING_SIMULATED_TIME accepts. The customers of a month are predicted in its
first 20 days, and nine of ten labels arrive a week later.
"""

import argparse
import os
import sys
from contextlib import nullcontext

import pandas as pd

from ml.io import files
from ml.io.errors import UserError
from ml.io.text import counted
from ml.prediction_log import predictions
from ml.registry import registry
from ml.registry.ledger import CHAMPION
from ml.settings.params import Params, describe_the_sample, read_params
from tests.world import sample as world
from tests.world.sending import Client, send, server


def main() -> int:
    """Send the customers of some months to a local server, or to URL."""
    parser = argparse.ArgumentParser(prog="python -m demo.traffic", description=main.__doc__)
    parser.add_argument("--months", type=world.months, default="13-14", help="as 18 or 13-17 (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=1000, help="customers in each month (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other customers (default: %(default)s)")
    parser.add_argument("--first", action="store_true", help="only in a fresh fork: the sample's model, nothing logged")
    parser.add_argument("--url", default="", help="a running server (default: start one with the champion)")
    args = parser.parse_args()
    if args.rows < 1 or args.seed < 0:
        parser.error("--rows must be at least 1 and --seed at least 0")
    try:
        params = read_params()
        if args.first and not _first(params):
            return 0
        _must_know(params)
        with nullcontext(args.url) if args.url else server(params) as url:
            _tell(Client(url), args, params.data.target.name)
    except UserError as error:
        print(f"\ntraffic: {error}", file=sys.stderr)
        return 1
    print("traffic: all rows are simulated and marked as such in the log. Next: make monitor", file=sys.stderr)
    return 0


def _first(params: Params) -> bool:
    """Whether this is a fresh fork: the sample's model, no predictions, and no other source of predictions.

    Without a model it is not: `make monitor` then names the command that builds one.
    """
    named = params.monitor.source or os.environ.get("PREDICTION_LOG")
    built = files.MODEL.exists() or registry.open_registry(params.project).state().named(CHAMPION)
    if named or not built or not describe_the_sample(params) or not predictions.read_log(params.log.directory).empty:
        return False
    print(
        "traffic: the log is empty, and neither monitor.source nor PREDICTION_LOG is set, so "
        "simulated customers are sent to the API. The following output describes them.",
        file=sys.stderr,
    )
    return True


def _tell(client: Client, args: argparse.Namespace, target: str) -> None:
    for month in args.months:
        sent = send(client, month, args.rows, args.seed, target)
        when = pd.Timestamp(world.FIRST_YEAR, 1, 1) + pd.DateOffset(months=month - 1)
        refused = "".join(f"; {count:,} refused: {why}" for why, count in sent.refused.most_common(3))
        print(
            f"traffic: month {month} ({when:%B %Y}): {sent.predicted:,} customers predicted by "
            f"{', '.join(sorted(sent.models)) or 'no model'}, {counted(sent.labelled, 'label')}{refused}",
            file=sys.stderr,
            flush=True,
        )


def _must_know(params: Params) -> None:
    strange = sorted(set(params.data.columns) - set(world.customers(1, 1)))
    if strange:
        raise UserError(
            f"the simulation has no column {strange[0]} ({len(strange)} of "
            f"{counted(len(params.data.columns), 'column')} of the contract are missing there). "
            "Simulated customers do not fit your data: log real predictions."
        )
    if params.data.target.name not in world.TARGETS:
        raise UserError(
            f"the simulation has no target {params.data.target.name}: its targets are {', '.join(world.TARGETS)}. "
            "Simulated customers do not fit your data: log real predictions."
        )


if __name__ == "__main__":
    sys.exit(main())
