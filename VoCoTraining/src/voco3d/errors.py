"""The one exception for problems that a user can solve."""


class VoCoError(Exception):
    """A problem on the user's side.

    The message is one sentence that says what is wrong and what to do about it. The command
    line prints it and exits with code 2; any other exception is a bug and shows a traceback.
    """
