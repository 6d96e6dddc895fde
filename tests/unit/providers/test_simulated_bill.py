import asyncio
import json
import os
from pathlib import Path

import pytest

from providers.simulated.bill import BillFile


async def test_a_committed_line_is_in_the_file(tmp_path: Path) -> None:
    """When commit returns, the line can be read by another; lines keep their order."""
    path = tmp_path / "bill.jsonl"
    bill = BillFile(path)
    await bill.commit(b'{"n":1}')
    assert path.read_bytes() == b'{"n":1}\n'
    await asyncio.gather(*(bill.commit(json.dumps({"n": n}).encode()) for n in range(2, 500)))
    bill.close()
    assert [json.loads(line)["n"] for line in path.read_text().splitlines()] == list(range(1, 500))


async def test_lines_that_wait_together_are_synced_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of commits at once need a handful of syncs, and every one of them is synced before it returns."""
    synced: list[int] = []

    def counting(file: int) -> None:
        os.fsync(file)
        synced.append(os.fstat(file).st_size)

    monkeypatch.setattr("providers.simulated.bill._sync", counting)
    bill = BillFile(tmp_path / "bill.jsonl")

    async def one(number: int) -> None:
        await bill.commit(b"%06d" % number)
        assert (tmp_path / "bill.jsonl").read_bytes()[: synced[-1]].count(b"%06d\n" % number) == 1

    await asyncio.gather(*(one(n) for n in range(300)))
    bill.close()
    assert 1 <= len(synced) <= 10


async def test_a_torn_last_line_is_removed_when_opened(tmp_path: Path) -> None:
    """A crash in the middle of a line leaves no half bill."""
    path = tmp_path / "bill.jsonl"
    path.write_bytes(b'{"n":1}\n{"n":')
    bill = BillFile(path)
    await bill.commit(b'{"n":2}')
    bill.close()
    assert path.read_bytes() == b'{"n":1}\n{"n":2}\n'


async def test_a_line_that_cannot_be_written_is_no_bill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk refuses, every waiting commit fails and nothing of the batch stays; later ones succeed."""
    path = tmp_path / "bill.jsonl"
    bill = BillFile(path)
    await bill.commit(b"1")

    def refusing(_file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("providers.simulated.bill._sync", refusing)
        outcomes = await asyncio.gather(bill.commit(b"2"), bill.commit(b"3"), return_exceptions=True)
    assert all(isinstance(outcome, OSError) for outcome in outcomes)
    await bill.commit(b"4")
    bill.close()
    assert path.read_bytes() == b"1\n4\n"
