"""Whether the model that serves is still right."""
