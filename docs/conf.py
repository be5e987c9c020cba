"""How Sphinx builds the site: `make docs`, from a copy of docs/ that src/tools/site.py prepares."""

project = "MLOps template"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = project
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
exclude_patterns = ["conf.py"]
html_extra_path = ["extra"]  # pictures that pages name in HTML
html_show_copyright = False
html_theme_options = {"top_of_page_buttons": []}
