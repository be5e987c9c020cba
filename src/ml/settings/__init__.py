"""Settings: `params.yaml`, a module for each section, read into frozen models that refuse unknown keys."""
