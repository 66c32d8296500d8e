"""The one exception for what a user can put right."""


class VoCoSlicerError(Exception):
    """Something the user can put right; the message says in one sentence what and how."""
