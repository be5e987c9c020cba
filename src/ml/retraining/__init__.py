"""From fresh labelled rows to a proposed model."""
