"""The roles of a model: aliases of the registry, and `variant` in the prediction log."""

CHAMPION, CHALLENGER, PREVIOUS, SHADOW = "champion", "challenger", "previous", "shadow"
