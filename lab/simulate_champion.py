"""Error rates of the champion gate on pairs of models with a known true difference.

`python -m lab.simulate_champion` prints the table in docs/gates.md (500 pairs a row take about 20 minutes).
"""

import ml.stages  # noqa: F401, I001  (fixes thread counts before numpy loads)

from ml.io import cli
from tests.gates.pairs import CHAMPION, OUTCOMES, shares
from tests.gates.world import params

ADVANTAGES = (0.01, 0.0, -0.005, -0.01, -0.02)


def main(pairs: int = 500, rows: int = 2400) -> None:
    """Print the share of pairs with each outcome, for each metric and true advantage of the challenger."""
    print("| metric | true advantage | " + " | ".join(OUTCOMES) + " |")
    print("| --- " * (2 + len(OUTCOMES)) + "|")
    for metric in CHAMPION:
        settings = params({"champion": {"metric": metric}})  # margin, confidence and replicates by default
        for advantage in ADVANTAGES:
            cli.say(f"simulate: {pairs} pairs, {metric} {advantage:+g}")
            found = shares(settings, advantage, pairs, rows)
            cells = " | ".join(f"{100 * found[outcome]:.1f} %" for outcome in OUTCOMES)
            print(f"| {metric} | {advantage:+g} | {cells} |", flush=True)


if __name__ == "__main__":
    cli.run(main)
