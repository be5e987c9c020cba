"""The registry of models in its two homes, and what a version remembers."""
