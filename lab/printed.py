"""Lines of Markdown tables, printed one by one, because a simulation takes minutes for each."""


def row(*cells: object) -> None:
    """One line of a Markdown table."""
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def header(*cells: str) -> None:
    """The first two lines of a Markdown table."""
    print()
    row(*cells)
    row(*["---"] * len(cells))


def percent(count: float, of: int) -> str:
    """A share for a table."""
    return f"{100 * count / of:.1f} %" if of else "-"
