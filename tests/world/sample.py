"""The sample data: a simulated subscription business with known true churn probabilities.

Each row is one customer at the end of one month; month 1 is January 2025. Months 1-12 are alike, 13 and 14 are quiet,
and then the world changes as `schedule.SCHEDULE` says:

    from month 15  the price list and the share of customers won by ads rise, in full by month 17
    from month 18  long contracts stop holding customers and discounts stop keeping them, in full by month 20
    from month 21  45 % of satisfaction is missing instead of 12 %
    from month 24  10 % use a device nobody has seen before: watch

`docs/sample-data.md` tells the story of every column.
"""

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tests.world import targets
from tests.world.schedule import FIRST_YEAR, month_of, setting

PRICE = {"basic": 15.0, "standard": 30.0, "premium": 55.0, "enterprise": 240.0}
TARGETS = ("churned", *targets.DRAWN)


def customers(month: int, rows: int = 1000, seed: int = 0, target: str = "churned") -> pd.DataFrame:
    """Return one month's customers with a label of `TARGETS`; a month depends on its number and the seed alone."""
    rng = np.random.default_rng([seed, month])
    categories = _categories(rng, month, rows)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{month:03d}{row:04d}" for row in range(rows)],
            "snapshot": pd.Timestamp(FIRST_YEAR, 1, 1) + pd.offsets.MonthEnd(month),
            **_numbers(rng, month, categories["plan"]),
            **categories,
        }
    )
    frame["channel"] = frame["channel"].mask(rng.random(rows) < 0.03)
    if target != "churned":
        return frame.assign(**{target: targets.DRAWN[target](frame, np.random.default_rng([seed, month, 2]))})
    return frame.assign(churned=rng.random(rows) < probability(frame))


def history(
    months: Iterable[int] = range(1, 13), rows: int = 1000, seed: int = 0, target: str = "churned"
) -> pd.DataFrame:
    """Return the labelled customers of several months, one below the other."""
    return pd.concat([customers(month, rows, seed, target) for month in months], ignore_index=True)


def probability(frame: pd.DataFrame) -> np.ndarray:
    """Return each row's true probability to churn, under the rules in force in the month of its snapshot."""
    month = month_of(frame)
    monthly = frame["contract"] == "monthly"
    satisfaction = frame["satisfaction"].fillna(5)  # who does not answer is lukewarm, not average
    away = np.minimum(frame["days_since_login"] / 30, 2)
    log_odds = (
        -8.2
        + 7.0 * monthly * np.exp(-frame["tenure_months"] / 24)  # new customers leave, if their contract lets them
        + setting("two_year", month) * (frame["contract"] == "two_year")
        + away * np.where(frame["usage_hours"] < 15, 6.5, 3.0)  # silence means more from those who use little
        + 1.6 * np.minimum(frame["support_tickets"], 5) * (satisfaction < 6)  # a ticket that ended well does no harm
        + 1.1 * np.minimum(frame["late_payments"], 4)
        + 1.0 * np.log(frame["monthly_charge"] / 30)
        + setting("discount", month) * frame["discount_share"] * monthly
        + 1.0 * (frame["channel"] == "ads")
    )
    # Whatever the columns say, one in fifty leaves or stays for reasons that nobody records.
    return (0.02 + 0.96 / (1 + np.exp(-log_odds))).to_numpy()


def ceiling(frame: pd.DataFrame) -> dict[str, float]:
    """Return the accuracy and AUC that a model which knows the true probabilities expects on these customers.

    Accuracy: it bets on the likelier outcome of each row, so it is right with probability max(p, 1 - p).
    AUC: over all pairs of rows, the chance that one churns, the other stays and the churner has the higher p,
    divided by the chance that one churns and the other stays. No labels are used.
    """
    p = np.sort(probability(frame))
    stay_below = np.cumsum(1 - p) - (1 - p)
    ordered = np.sum(p * stay_below)
    pairs = p.sum() * (1 - p).sum() - np.sum(p * (1 - p))  # a row makes no pair with itself
    return {"accuracy": float(np.maximum(p, 1 - p).mean()), "auc": float(ordered / pairs)}


def _pick(rng: np.random.Generator, rows: int, **shares: float) -> np.ndarray:
    return rng.choice(list(shares), size=rows, p=list(shares.values()))


def _categories(rng: np.random.Generator, month: int, rows: int) -> dict[str, np.ndarray]:
    ads, watch = setting("ads", month), setting("watch", month)
    return {
        "contract": _pick(rng, rows, monthly=0.55, one_year=0.27, two_year=0.18),
        "plan": _pick(rng, rows, basic=0.42, standard=0.36, premium=0.205, enterprise=0.015),
        "payment_method": _pick(rng, rows, card=0.5, transfer=0.2, wallet=0.2, invoice=0.1),
        "region": _pick(rng, rows, north=0.3, south=0.2, east=0.25, west=0.25),
        "channel": _pick(rng, rows, organic=0.65 - ads, ads=ads, referral=0.22, partner=0.13),
        "device": _pick(rng, rows, web=0.35 - watch, ios=0.3, android=0.27, tv=0.08, watch=watch),
    }


def _numbers(rng: np.random.Generator, month: int, plan: np.ndarray) -> dict[str, np.ndarray]:
    rows = len(plan)
    tenure = rng.gamma(1.4, 20, rows).astype(int)
    discount = np.where(rng.random(rows) < 0.35, rng.integers(1, 9, rows) * 5 / 100, 0.0)
    price = setting("price", month) * pd.Series(plan).map(PRICE).to_numpy()
    usage = np.round(np.minimum(rng.lognormal(3.0, 0.9, rows), 720), 1)  # a month has 720 hours
    # Who uses little logs in rarely, and nobody has stayed away for longer than they have been a customer.
    days = np.minimum(rng.exponential(4 + 40 / (1 + usage / 12)), 30 * (tenure + 1)).astype(int)
    tickets = rng.poisson(rng.gamma(0.8, 1.6, rows))
    satisfaction = np.clip(np.round(rng.normal(7.6 - 0.5 * tickets, 1.8)), 0, 10)
    unanswered = setting("unanswered", month) * np.where(days > 30, 1.5, 0.9)  # who stays away answers less
    return {
        "tenure_months": tenure,
        "monthly_charge": np.round(price * rng.lognormal(0, 0.12, rows) * (1 - discount), 2),
        "usage_hours": usage,
        "support_tickets": tickets,
        "days_since_login": days,
        "late_payments": rng.poisson(rng.gamma(0.6, 1.2, rows)),
        "discount_share": discount,
        "satisfaction": np.where(rng.random(rows) < unanswered, np.nan, satisfaction),
    }


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write a .parquet or .csv file whole or not at all; the same frame gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.suffix == ".csv":
            frame.to_csv(draft, index=False, lineterminator="\n")
        else:
            # Without its metadata, which names the versions of pandas and pyarrow.
            table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
            pq.write_table(table, draft, compression="zstd")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def months(text: str) -> range:
    """Return the months that an argument such as 18 or 1-12 names."""
    first, _, last = text.partition("-")
    try:
        found = range(int(first), int(last or first) + 1)
    except ValueError:
        found = range(0)
    if not found or found[0] < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a month such as 18 or a range such as 1-12")
    return found


def _file(text: str) -> Path:
    if Path(text).suffix not in {".parquet", ".csv"}:
        raise argparse.ArgumentTypeError(f"{text} ends neither in .parquet nor in .csv")
    return Path(text)


def main() -> None:
    """Write the customers of some months to a file."""
    parser = argparse.ArgumentParser(prog="python -m tests.world.sample", description=main.__doc__)
    parser.add_argument("--months", type=months, default="1-12", help="a month or a range (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=1000, help="customers in each month (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other customers (default: %(default)s)")
    parser.add_argument("--target", choices=TARGETS, default="churned", help="the label (default: %(default)s)")
    parser.add_argument(
        "--out", type=_file, default="data/customers.parquet", help=".parquet or .csv (default: %(default)s)"
    )
    args = parser.parse_args()
    if args.rows < 1 or args.seed < 0:
        parser.error("--rows must be at least 1 and --seed at least 0")
    frame = history(args.months, args.rows, args.seed, args.target)
    try:
        write(frame, args.out)
    except OSError as error:
        parser.exit(1, f"cannot write {args.out}: {error.strerror}. Choose another file with --out.\n")
    said = f"{frame['churned'].mean():.1%} churned" if args.target == "churned" else f"each with {args.target}"
    print(f"{args.out}: {len(frame):,} customers, {said}")


if __name__ == "__main__":
    main()
