"""The style of every page: light and dark screens, phones and print; marks and plots."""

import io
import re
import warnings
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from matplotlib.figure import Figure

from ml.io.text import visible

STYLE = """
:root { color-scheme: light dark; --text: #1f2328; --soft: #59636e; --line: #d1d9e0; --head: #f6f8fa; --page: #fff;
  --passed: #1a7f37; --refused: #b3261e; --warned: #8a5700; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --soft: #9aa4af; --line: #3d444d; --head: #1c2128;
  --page: #0d1117; --passed: #4ac26b; --refused: #ff8f85; --warned: #e3b341; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 64rem;
  margin: 1.5rem auto; padding: 0 1rem; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.3; padding: .7rem 1rem; border-left: .4rem solid var(--line);
  background: var(--head); }
h1:has(.passed) { border-color: var(--passed); } h1:has(.refused) { border-color: var(--refused); }
h1:has(.warned) { border-color: var(--warned); }
h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; font-size: .9rem; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top; }
th { background: var(--head); }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td:first-child:has(> .mark:only-child) + td + td:not(.number) { min-width: min(16rem, 50vw); }
h2 + table:has(th:nth-child(7)) td:nth-child(2) { min-width: min(14rem, 45vw); }
code { font-size: .9em; } summary { cursor: pointer; }
sub { color: var(--soft); font-size: .85rem; vertical-align: baseline; }
.mark { width: 1em; height: 1em; vertical-align: -.12em; }
.passed { color: var(--passed); } .refused { color: var(--refused); } .warned { color: var(--warned); }
.waiting { color: var(--soft); }
@media (max-width: 30rem) { body { padding: 0 .6rem; } table { font-size: .82rem; } th, td { padding: .35rem .2rem; } }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 1rem; }
svg.plot { width: 100%; height: auto; }
@media print { body { max-width: none; margin: 0; font-size: 13px; } .plots { break-inside: avoid; }
  table { display: table; } }
"""
POLICY = (
    "<meta http-equiv='Content-Security-Policy' "
    "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">"
)
MARKS = {  # drawn, because many machines have no font with these signs
    "✅": ("passed", "passed", "M2 8.5 6 12.5 14 3.5"),
    "❌": ("refused", "refused", "M3 3 13 13 M13 3 3 13"),
    "⚠️": ("warned", "warning", "M8 2 15 14 1 14Z M8 6.5V10 M8 12v.6"),
    "⏳": ("waiting", "waiting", "M3 2H13L3 14H13Z"),
}
# A $ in a column's name does not start a formula.
DRAWN: dict[Any, Any] = {"font.size": 13, "svg.fonttype": "none", "text.parse_math": False}
LONGEST = 24  # characters of a label in a plot
BLUE, GREY, ORANGE = "#0969da", "#8c959f", "#bc4c00"  # distinguishable for colour-blind people, on light and on dark


def document(title: str, body: str, more: str = "") -> str:
    """A page whose policy forbids scripts and external resources; `more` adds to its style."""
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'>{POLICY}<title>{escape(title)}</title>"
        f"<meta name='viewport' content='width=device-width'><style>{STYLE}{more}</style></head>"
        f"<body>{drawn_marks(aligned(body))}</body></html>\n"
    )


def rendered(text: str) -> str:
    """The HTML of a Markdown report, without the charts that only GitHub renders."""
    text = re.sub(r"```mermaid\n.*?```\n*", "", text, flags=re.DOTALL)
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


def drawn_marks(body: str) -> str:
    """The body with each sign as a small picture with a label for screen readers."""
    for sign, (kind, name, path) in MARKS.items():
        svg = (
            f"<svg class='mark {kind}' viewBox='0 0 16 16' role='img' aria-label='{name}' fill='none' "
            f"stroke='currentColor' stroke-width='2'><path d='{path}'/></svg>"
        )
        body = body.replace(sign, svg)
    return body


def aligned(body: str) -> str:
    """The body with cells that hold a number aligned to the right, and names that may break after an underscore."""
    body = re.sub(r"(?<=<td>)\w+_\w+(?=</td>)", lambda name: name[0].replace("_", "_<wbr>"), body)
    return re.sub(r"<td>(?=[+-]?[\d.,]+(?:e-?\d+)?(?:\s?%)?</td>)", "<td class='number'>", body)


def label(name: str) -> str:
    """A column's name, shortened to leave room for the plot."""
    shown = visible(name)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def inline(figure: Figure) -> str:
    """A figure as SVG in the page's text colour and fonts, because matplotlib's fonts lack some letters."""
    out = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="constrained_layout not applied")  # numbers with 30 digits on an axis
        figure.savefig(out, format="svg", metadata={"Date": None}, transparent=True)
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :].replace("#000000", "currentColor")
    svg = re.sub(r"(<text\b(?![^>]*fill:)[^>]*style=\")", r"\1fill: currentColor; ", svg)
    return svg.replace("<svg", "<svg class='plot'", 1)
