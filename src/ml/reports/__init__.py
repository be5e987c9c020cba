"""Reports: the figures of a build compared with those of main, as Markdown, HTML and Mermaid."""
