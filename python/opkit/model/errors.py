"""The error that everything in :mod:`opkit.model` raises."""

from __future__ import annotations

__all__ = ["ModelError"]


class ModelError(ValueError):
    """A model file, an attribute blob or an edit is not valid; the text says what and where."""
