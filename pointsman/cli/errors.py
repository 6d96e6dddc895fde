import json
import sys
from enum import IntEnum

from pointsman.cli import output


class ExitCode(IntEnum):
    """Exit statuses of every command."""

    OK = 0
    ERROR = 1
    USAGE = 2
    NOT_FOUND = 3
    PERMISSION = 4
    UNREACHABLE = 5
    FINDINGS = 6
    INTERRUPTED = 130


class CliError(Exception):
    """What happened and why (`message`), what to do (`hint`), and the exit status."""

    def __init__(self, message: str, hint: str = "", code: ExitCode = ExitCode.ERROR) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code

    def show(self) -> None:
        """Print to stderr: one JSON object where the data would be JSON, else two lines."""
        if output.chosen() is output.Output.TABLE:
            print(f"error: {self.message}", file=sys.stderr)
            if self.hint:
                print(f"next:  {self.hint}", file=sys.stderr)
        else:
            body = {"code": int(self.code), "message": self.message, "next": self.hint}
            print(json.dumps({"error": body}), file=sys.stderr)


_USAGE = {"pydantic_core._pydantic_core.ValidationError", "streams.config_signature.SigningKeyError"}
_UNREACHABLE = {
    "deploy.control.ClusterUnreachableError",
    "pointsman.publisher.PublishError",
    "pointsman.log_reader.LogUnreachableError",
}


def explain(error: Exception) -> CliError | None:
    """Return what a known error means to the user, or None when it is not known."""
    if isinstance(error, CliError):
        return error
    if isinstance(error, PermissionError):
        return CliError(f"no permission: {error}", code=ExitCode.PERMISSION)
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    if kind.startswith(("deploy.", "pointsman.")) and kind.endswith("Error"):
        away = kind in _UNREACHABLE
        return CliError(
            str(error), "pointsman doctor" if away else "", ExitCode.UNREACHABLE if away else ExitCode.ERROR
        )
    if kind in _USAGE:
        return CliError(str(error), code=ExitCode.USAGE)
    if kind == "cimpl.KafkaException":
        return CliError(f"Kafka: {_kafka_text(error)}", "pointsman doctor", ExitCode.UNREACHABLE)
    return None


def _kafka_text(error: Exception) -> str:
    cause = error.args[0] if error.args else error
    text = getattr(cause, "str", None)
    return str(text()) if callable(text) else str(cause)
