import errno
import random
import socket
from pathlib import Path

_RANGE = range(20_000, 32_000)
_LINUX_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def free_ports(count: int) -> list[int]:
    """Return that many different free loopback ports, outside the range of outgoing connections.

    A port inside that range can be taken by any client while its server restarts, even by a client that tries
    to reach the very same port (TCP lets it connect to itself): the server could then never come back.
    """
    candidates = [port for port in _RANGE if port < _outgoing_from()]
    random.SystemRandom().shuffle(candidates)
    found: list[int] = []
    for port in candidates:
        if len(found) == count:
            break
        if is_free(port):
            found.append(port)
    while len(found) < count:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in found:
            found.append(port)
    return found


def _outgoing_from() -> int:
    try:
        return int(_LINUX_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return _RANGE.stop
