"""The executor's Kafka consumers, each in a thread of its own: they read and decode, the event loop decides.

Every callback runs in the event loop's thread, in the order in which it was posted.
"""

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from typing import Any, Final, Generic, Protocol, TypeVar

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas import topics as t
from schemas.record import Record
from streams.kafka_clients import consumer, to_record
from streams.settings import Settings

log = structlog.get_logger()
T = TypeVar("T")
Post = Callable[..., Any]
"""``loop.call_soon_threadsafe``."""
_COMMIT_EVERY_S: Final = 0.1
_BATCH: Final = 500
_REACHED: Final = True
_ASK_AGAIN_S: Final = 0.2
GROUP: Final = "executor"


class ReaderError(Exception):
    """A consumer cannot go on: the process must end."""


def _checked(message: Message) -> Message | None:
    """Return the message when it is a record; None for a passing error; raise when the client cannot go on."""
    error = message.error()
    if error is None:
        return message
    if error.fatal() or error.code() == KafkaError.FENCED_INSTANCE_ID:
        raise ReaderError(error.str())
    if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client's public constant
        log.warning("consumer_error", error=error.str())
    return None


class _Thread(threading.Thread):
    """A thread whose failure reaches the event loop."""

    def __init__(self, name: str, post: Post, on_failure: Callable[[BaseException], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._post_to_loop = post
        self._on_failure = on_failure
        self._stopping = threading.Event()

    def run(self) -> None:
        """Work until stopped; whatever goes wrong ends the process."""
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - the boundary of the thread
            self._post(self._on_failure, error)

    def stop(self) -> None:
        """Ask the thread to end; ``join`` waits for it."""
        self._stopping.set()

    def _post(self, callback: Callable[..., None], *args: object) -> None:
        try:
            self._post_to_loop(callback, *args)
        except RuntimeError:  # the loop is closed: the process is ending
            self._stopping.set()

    def _work(self) -> None:
        raise NotImplementedError


class DecisionSink(Protocol):
    """What the event loop does with decisions; ``epoch`` numbers the assignments of a partition."""

    def on_assigned(self, partitions: Sequence[tuple[int, int]]) -> None:
        """(partition, epoch) of every partition assigned now; may be empty."""
        ...

    def on_revoked(self, partitions: Sequence[int]) -> None:
        """These partitions were taken away."""
        ...

    def on_decisions(self, records: Sequence[tuple[int, int, Any]]) -> None:
        """(partition, offset, decoded event) in offset order within a partition."""
        ...


class DecisionReader(_Thread):
    """The group member: reads ``decisions``, commits what the loop reports as done."""

    def __init__(
        self,
        settings: Settings,
        slot: int,
        post: Post,
        sink: DecisionSink,
        decode: Callable[[Record], Any],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        super().__init__("decisions", post, on_failure)
        self._settings = settings
        self._slot = slot
        self._sink = sink
        self._decode = decode
        self._topic = settings.topic(t.DECISIONS)
        self._fatal: KafkaError | None = None
        self._epochs: dict[int, int] = {}
        self._held: set[int] = set()
        self._paused: set[int] = set()
        self._sent: dict[int, int] = {}
        self.committable: dict[int, tuple[int, int]] = {}
        """Written by the loop: partition -> (epoch, offset) that may be committed."""
        self.wanted_paused: frozenset[int] = frozenset()
        """Written by the loop: partitions with too many uncommitted decisions."""

    def _work(self) -> None:
        client = consumer(
            self._settings,
            GROUP,
            **{"group.instance.id": f"{self._settings.prefix}{GROUP}-{self._slot}", "error_cb": self._on_error},
        )
        client.subscribe([self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)
        commit_at = monotonic() + _COMMIT_EVERY_S
        try:
            while not self._stopping.is_set():
                self._read(client)
                if monotonic() >= commit_at:
                    self._commit(client, asynchronous=True)
                    commit_at = monotonic() + _COMMIT_EVERY_S
            self._commit(client, asynchronous=False)
        finally:
            client.close()

    def _read(self, client: Consumer) -> None:
        self._pause(client)
        first = client.poll(0.05)
        if self._fatal is not None:
            raise ReaderError(self._fatal.str())
        if first is None:
            return
        records: list[tuple[int, int, Any]] = []
        for message in (first, *client.consume(_BATCH, 0)):
            if _checked(message) is not None:
                record = to_record(message, self._settings)
                records.append((record.partition, record.offset, self._decode(record)))
        if records:
            self._post(self._sink.on_decisions, records)

    def _pause(self, client: Consumer) -> None:
        wanted = self._held & self.wanted_paused
        if wanted == self._paused:
            return
        if more := wanted - self._paused:
            client.pause([TopicPartition(self._topic, partition) for partition in more])
        if fewer := self._paused - wanted:
            client.resume([TopicPartition(self._topic, partition) for partition in fewer & self._held])
        self._paused = wanted

    def _commit(self, client: Consumer, *, asynchronous: bool) -> None:
        due = {
            partition: offset
            for partition, (epoch, offset) in list(self.committable.items())
            if partition in self._held and epoch == self._epochs[partition] and self._sent.get(partition) != offset
        }
        if not due:
            return
        offsets = [TopicPartition(self._topic, partition, offset) for partition, offset in due.items()]
        try:
            if asynchronous:
                client.commit(offsets=offsets, asynchronous=True)
            else:
                client.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:  # the decisions are delivered again and found done
            log.warning("commit_failed", error=str(error))
            return
        self._sent |= due

    def _on_assign(self, _client: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [place.partition for place in partitions]
        for number in numbers:
            self._epochs[number] = self._epochs.get(number, 0) + 1
            self._sent.pop(number, None)
        self._held |= set(numbers)
        self._paused -= set(numbers)
        self._post(self._sink.on_assigned, [(number, self._epochs[number]) for number in numbers])

    def _on_revoke(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        self._commit(client, asynchronous=False)
        self._on_lost(client, partitions)

    def _on_lost(self, _client: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [place.partition for place in partitions]
        self._held -= set(numbers)
        self._paused -= set(numbers)
        self._post(self._sink.on_revoked, numbers)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error


TailSink = Callable[[int, int, Sequence[tuple[int, T]], bool], None]
"""(partition, generation, (offset, decoded) in order, whether the end the partition had has been reached)."""


class TailReader(_Thread, Generic[T]):
    """Reads partitions of one topic from given offsets on, without a group.

    ``generation`` tells records of an earlier ``follow`` of a partition from those of the newest. A start below the
    oldest retained offset begins there.
    """

    def __init__(
        self,
        settings: Settings,
        topic: str,
        post: Post,
        sink: TailSink[T],
        decode: Callable[[Record], T],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        super().__init__(f"tail-{topic}", post, on_failure)
        self._settings = settings
        self._topic = settings.topic(topic)
        self._sink = sink
        self._decode = decode
        self._orders: SimpleQueue[tuple[int, int | None, int]] = SimpleQueue()
        self._generations: dict[int, int] = {}
        self._behind: dict[int, int] = {}
        self._fatal: KafkaError | None = None

    def follow(self, partition: int, offset: int, generation: int) -> None:
        """Read from ``offset`` on; callable from any thread."""
        self._orders.put((partition, offset, generation))

    def leave(self, partition: int) -> None:
        """Read this partition no longer; callable from any thread."""
        self._orders.put((partition, None, 0))

    def _work(self) -> None:
        client = consumer(
            self._settings,
            f"{GROUP}-tail",
            **{
                "enable.partition.eof": True,
                "queued.max.messages.kbytes": 32_768,
                "error_cb": self._on_error,
            },
        )
        try:
            while not self._stopping.is_set():
                self._obey(client)
                if self._generations:
                    self._read(client)
                if self._fatal is not None:
                    raise ReaderError(self._fatal.str())
        finally:
            client.close()

    def _obey(self, client: Consumer) -> None:
        """Carry out all orders; with nothing to read, wait for one."""
        try:
            order = self._orders.get(block=not self._generations, timeout=0.05)
            while True:
                self._move(client, *order)
                order = self._orders.get_nowait()
        except Empty:
            return

    def _move(self, client: Consumer, partition: int, offset: int | None, generation: int) -> None:
        place = TopicPartition(self._topic, partition)
        if partition in self._generations:
            client.incremental_unassign([place])
            del self._generations[partition]
            self._behind.pop(partition, None)
        if offset is None:
            return
        try:
            low, high = client.get_watermark_offsets(place, timeout=10.0)
        except KafkaException as error:  # the broker is away: ask again, the calls in flight go on
            log.warning("watermarks_unavailable", error=str(error))
            self._orders.put((partition, offset, generation))
            sleep(_ASK_AGAIN_S)
            return
        start = max(offset, low)
        self._generations[partition] = generation
        if start < high:
            self._behind[partition] = high
        else:
            self._post(self._sink, partition, generation, (), _REACHED)
        client.incremental_assign([TopicPartition(self._topic, partition, start)])

    def _read(self, client: Consumer) -> None:
        first = client.poll(0.02)
        if first is None:
            return
        batches: dict[int, list[tuple[int, T]]] = {}
        ended: set[int] = set()
        for message in (first, *client.consume(_BATCH, 0)):
            partition = message.partition() or 0
            if partition not in self._generations:
                continue
            offset = message.offset() or 0
            if _checked(message) is not None:
                batches.setdefault(partition, []).append((offset, self._decode(to_record(message, self._settings))))
                offset += 1
            elif (error := message.error()) is None or error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
                continue
            if partition in self._behind and offset >= self._behind[partition]:
                del self._behind[partition]
                ended.add(partition)
        for partition in batches.keys() | ended:
            records = batches.get(partition, ())
            self._post(self._sink, partition, self._generations[partition], records, partition in ended)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error
