"""What the requests ask: the record of a request by its position in the log, mostly from memory (DESIGN 8).

Decisions never repeat a prompt. The executor follows ``requests`` beside ``decisions`` and keeps a bounded number of
bytes; what was dropped, or lies before the start, is read again from the log.
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Final

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from schemas import topics as t
from schemas.record import Record
from streams.executor_readers import Post
from streams.kafka_clients import consumer, to_record
from streams.settings import Settings

MAX_BYTES: Final = 64 * 1024 * 1024
_FETCH_LIMIT_S: Final = 10.0
Place = tuple[int, int]
"""Partition and offset."""


def _nowhere(_place: "Place") -> None:
    """Fetch from nowhere: the caller's patience ends the wait."""


class Contents:
    """Records of requests by place; used in the event loop's thread only."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.fetch: Callable[[Place], None] = _nowhere
        """Asks for a record that is not in memory; it arrives by ``add`` or ``missing``."""
        self._max_bytes = max_bytes
        self._bytes = 0
        self._records: OrderedDict[Place, Record] = OrderedDict()
        self._waiting: dict[Place, asyncio.Future[Record | None]] = {}
        self._next: dict[int, int] = {}

    def follow(self, partition: int, offset: int) -> None:
        """Note that the partition is followed from ``offset`` on."""
        self._next[partition] = offset

    def leave(self, partition: int) -> None:
        """Note that the partition is followed no longer."""
        self._next.pop(partition, None)

    def add(self, records: Sequence[Record], *, followed: bool) -> None:
        """Take records that were read."""
        for record in records:
            place = (record.partition, record.offset)
            if followed:
                self._next[record.partition] = record.offset + 1
            waiting = self._waiting.pop(place, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(record)
            if place not in self._records:
                self._records[place] = record
                self._bytes += len(record.value or b"")
        while self._bytes > self._max_bytes:
            _, dropped = self._records.popitem(last=False)
            self._bytes -= len(dropped.value or b"")

    def caught_up(self, partition: int) -> None:
        """Look in the log for what the follower has not brought: it may begin behind a record that is gone."""
        for place in [place for place in self._waiting if place[0] == partition]:
            self.fetch(place)

    def missing(self, place: Place) -> None:
        """Note that the log no longer holds this record."""
        waiting = self._waiting.pop(place, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def held(self, place: Place) -> Record | None:
        """Return the record if it is in memory."""
        return self._records.get(place)

    async def get(self, place: Place) -> Record | None:
        """Return the record, or None when it is no longer retained. Wait as long as the caller allows."""
        if (record := self._records.get(place)) is not None:
            return record
        waiting = self._waiting.get(place)
        if waiting is None:
            waiting = self._waiting[place] = asyncio.get_running_loop().create_future()
            if place[1] < self._next.get(place[0], 1 << 62):
                self.fetch(place)
        return await asyncio.shield(waiting)


class Fetcher(threading.Thread):
    """Reads single records of ``requests`` again; neighbours that come along are handed over too."""

    def __init__(
        self, settings: Settings, post: Post, contents: Contents, on_failure: Callable[[BaseException], None]
    ) -> None:
        super().__init__(name="fetch-requests", daemon=True)
        self._settings = settings
        self._post = post
        self._contents = contents
        self._on_failure = on_failure
        self._orders: SimpleQueue[Place | None] = SimpleQueue()

    def order(self, place: Place) -> None:
        """Ask for a record."""
        self._orders.put(place)

    def stop(self) -> None:
        """End after the orders before this one."""
        self._orders.put(None)

    def run(self) -> None:
        """Serve orders until stopped."""
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - the boundary of the thread
            self._post(self._on_failure, error)

    def _work(self) -> None:
        client: Consumer | None = None
        try:
            while (place := self._orders.get()) is not None:
                client = client or consumer(self._settings, "executor-fetch", **{"enable.partition.eof": True})
                orders = sorted({place, *self._more()})
                served: set[Place] = set()
                for wanted in orders:
                    if wanted not in served:
                        served |= self._serve(client, wanted)
        finally:
            if client is not None:
                client.close()

    def _more(self) -> list[Place]:
        orders: list[Place] = []
        try:
            while True:
                place = self._orders.get_nowait()
                if place is None:
                    self._orders.put(None)
                    return orders
                orders.append(place)
        except Empty:
            return orders

    def _serve(self, client: Consumer, wanted: Place) -> set[Place]:
        """Read on from the place; tell the record and its neighbours, or that it is gone."""
        client.assign([TopicPartition(self._settings.topic(t.REQUESTS), *wanted)])
        give_up_at = monotonic() + _FETCH_LIMIT_S
        while monotonic() < give_up_at:
            messages = client.consume(100, 0.02)
            records = [to_record(message, self._settings) for message in messages if message.error() is None]
            ended = any(_is_end(message) for message in messages)
            if records or ended:
                client.unassign()
                places = {(record.partition, record.offset) for record in records}
                self._hand_over(records)
                if wanted not in places:
                    self._post(self._contents.missing, wanted)
                return places
        client.unassign()
        self._post(self._contents.missing, wanted)
        return set()

    def _hand_over(self, records: list[Record]) -> None:
        self._post(lambda: self._contents.add(records, followed=False))


def _is_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001 - the client's public constant
