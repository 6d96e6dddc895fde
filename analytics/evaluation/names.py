"""A file that says what names mean elsewhere: lines ``their name: our name``, or null for a name that means nothing."""

from pathlib import Path

import yaml


class NamesError(ValueError):
    """Names that cannot be used; the message says why."""


def read_names(path: Path | None) -> dict[str, str | None]:
    """Return the lines of a YAML file, none without a file. Raise `NamesError`."""
    if path is None:
        return {}
    try:
        listed: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise NamesError(f"{path.name}: {error}") from None
    if not isinstance(listed, dict) or not all(value is None or isinstance(value, str) for value in listed.values()):
        raise NamesError(f"{path.name}: write one line `their name: our name` for each name, or null to leave it out")
    return {str(name): value for name, value in listed.items()}
