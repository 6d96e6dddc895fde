"""Files of probes: the one that comes with pointsman, or anybody's own; all faults at once, with their lines."""

from pathlib import Path

from pydantic import ValidationError

from deploy.shipped_config import CATALOG
from routing.probe_checks import passes
from schemas.probe import Probe

SHIPPED = CATALOG.parent / "probes" / "probes.jsonl"


class ProbeFileError(ValueError):
    """A file that holds no valid probes; the message names every fault."""


def read_probes(path: Path = SHIPPED) -> list[Probe]:
    """Return the probes of a file, one JSON object a line. Raise `ProbeFileError`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise ProbeFileError(f"{path}: there is no such file") from None
    except UnicodeDecodeError:
        raise ProbeFileError(f"{path}: not UTF-8") from None
    probes: list[Probe] = []
    faults: list[str] = []
    places: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            probe = Probe.model_validate_json(line)
        except ValidationError as error:
            faults += [f"{path.name}:{number}: {fault}" for fault in _faults(error)]
            continue
        if probe.id in places:
            faults.append(f"{path.name}:{number}: {probe.id} is the probe of line {places[probe.id]}, too")
        elif not passes(probe.check, probe.reference):
            faults.append(f"{path.name}:{number}: {probe.id}: its own reference answer fails its check")
        places.setdefault(probe.id, number)
        probes.append(probe)
    if not probes and not faults:
        faults.append(f"{path.name}: no probes")
    if faults:
        raise ProbeFileError("\n".join(faults))
    return probes


def _faults(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(str(part) for part in fault['loc']) or 'line'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False)
    ]
