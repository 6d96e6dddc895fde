import socket
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

_PROBE = "pointsman-ready"


def cluster_id(bootstrap: str, *, timeout: float = 2.0, conf: dict[str, str] | None = None) -> str | None:
    """Return the cluster id that answers on `bootstrap`, or None when none does within `timeout` seconds."""
    try:
        answer = AdminClient(_quiet(bootstrap, conf)).list_topics(timeout=timeout)
    except KafkaException:
        return None
    return answer.cluster_id


def listens(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def wait_for_coordinators(bootstrap: str, check: Callable[[], None]) -> None:
    """Return when the group and the transaction coordinator answer; `check` raises to give up.

    On a fresh cluster the first question creates their topics, which the first group and the first transaction would
    otherwise wait 2 to 4 s for; after a crash they load those topics first.
    """
    consumer = Consumer({**_quiet(bootstrap), "group.id": _PROBE, "enable.auto.commit": False})
    producer = Producer({**_quiet(bootstrap), "transactional.id": _PROBE})
    try:
        while not _answers(lambda: consumer.committed([TopicPartition(_PROBE, 0)], timeout=2)):
            check()
        while not _answers(lambda: producer.init_transactions(2)):
            check()
    finally:
        consumer.close()


def _answers(question: Callable[[], object]) -> bool:
    try:
        question()
    except KafkaException as error:
        cause = error.args[0]
        if isinstance(cause, KafkaError) and cause.fatal():
            raise
        time.sleep(0.05)
        return False
    return True


def _quiet(bootstrap: str, conf: dict[str, str] | None = None) -> dict[str, Any]:
    """Client settings that keep librdkafka from printing about a broker that is still starting."""
    return {**(conf or {}), "bootstrap.servers": bootstrap, "log_level": 0, "error_cb": _ignore}


def _ignore(_error: KafkaError) -> None:
    """The loop that asks decides when to give up."""
