"""Monitoring: drift and performance of the served model."""
