"""Reports: a build's figures beside those of main, as Markdown, HTML and Mermaid."""
