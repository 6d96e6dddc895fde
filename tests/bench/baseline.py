"""The baseline: a bare confluent-kafka loop that reads a topic and writes as many records as asked, nothing else.

Run as a process: ``python -m tests.bench.baseline BOOTSTRAP PREFIX COUNT OUTPUTS BYTES TRANSACTIONS``; it prints the
wall and CPU seconds of reading COUNT requests and writing OUTPUTS records of BYTES each for every one of them.
"""

import json
import resource
import sys
import time

from confluent_kafka import Message, Producer, TopicPartition

from streams.kafka_clients import consumer, producer
from streams.settings import Settings


def run(settings: Settings, count: int, outputs: int, size: int, *, transactions: bool) -> dict[str, float]:
    """Read and write; return the figures."""
    reader = consumer(settings, "baseline")
    extra = {"transactional.id": f"{settings.prefix}baseline"} if transactions else {}
    writer = producer(settings, **extra)
    if transactions:
        writer.init_transactions(30)
    reader.assign([TopicPartition(settings.topic("requests"), p, 0) for p in range(settings.partitions)])
    value = b"x" * size
    target = settings.topic("result-chunks")
    done = 0
    began = cpu = 0.0
    while done < count:
        messages = reader.consume(settings.batch_size, 0.05)
        if not messages:
            continue
        if not began:
            began, cpu = time.perf_counter(), time.process_time()
        if transactions:
            writer.begin_transaction()
        for message in messages:
            for _ in range(outputs):
                _write(writer, target, value, message)
        done += len(messages)
        if transactions:
            writer.commit_transaction(30)
        writer.poll(0)
    writer.flush(60)
    wall, used = time.perf_counter() - began, time.process_time() - cpu
    reader.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"wall_s": wall, "cpu_s": used, "count": done, "peak_mb": peak}


def _write(writer: Producer, target: str, value: bytes, message: Message) -> None:
    while True:
        try:
            writer.produce(target, value, message.key(), message.partition() or 0)
        except BufferError:
            writer.poll(0.01)
        else:
            return


if __name__ == "__main__":
    bootstrap, prefix, count_, outputs_, size_, transactions_ = sys.argv[1:]
    found = run(
        Settings(bootstrap=bootstrap, prefix=prefix),
        int(count_),
        int(outputs_),
        int(size_),
        transactions=transactions_ == "yes",
    )
    print(json.dumps(found))
