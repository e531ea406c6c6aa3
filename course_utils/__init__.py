"""Companion package of the course "One Step at a Time"."""
