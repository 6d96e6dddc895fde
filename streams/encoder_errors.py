class EncoderUnavailableError(RuntimeError):
    """An encoder cannot be had; ``next`` is the command that helps."""

    def __init__(self, message: str, next_: str) -> None:
        """Keep what happened and what to do."""
        super().__init__(message)
        self.next = next_
