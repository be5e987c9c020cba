"""Retraining: fresh labelled rows, a retrained model, and a proposal to release it."""
