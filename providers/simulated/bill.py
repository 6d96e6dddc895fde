"""The simulator's bill: the truth about what was charged, on disk before the answer leaves.

JSON lines, only appended. Lines that wait together are written and synced together (group commit). A line cut by a
crash was never answered for, and is removed when the file is opened again.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_TAIL = 1 << 16
_sync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class BillFile:
    """An append-only file whose ``commit`` returns when the line is on disk."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = 0
        self._remove_torn_line()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bill")
        self._pending: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def commit(self, line: bytes) -> None:
        """Append ``line`` (without its newline) and return when it is on disk; raises ``OSError`` when it cannot be."""
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        self._pending.append((line, written))
        if self._writer is None:
            self._writer = loop.create_task(self._write_pending())
        await written

    def close(self) -> None:
        """Close the file; call it after the loop has ended."""
        self._thread.shutdown(wait=True)
        os.close(self._file)

    async def _write_pending(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pending:
            batch, self._pending = self._pending, []
            failure: OSError | None = None
            try:
                await loop.run_in_executor(self._thread, self._append, b"".join(line + b"\n" for line, _ in batch))
            except OSError as error:
                failure = error
            for _, written in batch:
                if written.done():
                    continue
                if failure is None:
                    written.set_result(None)
                else:
                    written.set_exception(failure)
        self._writer = None

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
            _sync(self._file)
        except OSError:
            os.ftruncate(self._file, self._size)  # nothing of a batch that was not answered for stays
            raise
        self._size += len(data)

    def _remove_torn_line(self) -> None:
        size = os.lseek(self._file, 0, os.SEEK_END)
        start = max(0, size - _TAIL)
        tail = os.pread(self._file, size - start, start)
        if tail and not tail.endswith(b"\n"):
            size = start + tail.rfind(b"\n") + 1
            os.ftruncate(self._file, size)
        self._size = size
