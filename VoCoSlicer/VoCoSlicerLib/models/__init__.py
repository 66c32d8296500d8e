"""The models that the window offers: read from disk without the worker, or checked by it."""
