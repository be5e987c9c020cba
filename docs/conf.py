"""How Sphinx builds the site: `make docs`, from a copy of docs/ that src/tools/site.py prepares."""

from pygments.lexers.special import TextLexer

project = "MLOps template"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = project
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
exclude_patterns = ["conf.py"]
html_extra_path = ["extra"]  # pictures that pages name in HTML
html_theme_options = {"source_view_link": ""}


def setup(app: object) -> None:
    """Show Mermaid diagrams as their text: Sphinx has no renderer that works offline."""
    app.add_lexer("mermaid", TextLexer)
