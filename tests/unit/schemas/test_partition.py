import pytest
from aiokafka.partitioner import DefaultPartitioner  # type: ignore[import-untyped]
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st

from schemas.partition import murmur2, partition_for


@pytest.mark.parametrize(
    ("text", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_gives_the_values_of_kafkas_own_tests(text: bytes, signed: int) -> None:
    """The hash equals the vectors of Apache Kafka's UtilsTest.testMurmur2."""
    assert murmur2(text) == signed & 0xFFFFFFFF


@given(st.binary(max_size=200))
def test_murmur2_equals_aiokafkas(data: bytes) -> None:
    """Any bytes hash as in the client that the feedback stage uses."""
    assert murmur2(data) == aiokafka_murmur2(data) & 0xFFFFFFFF


@given(st.text(min_size=1, max_size=60), st.integers(min_value=1, max_value=64))
def test_partition_equals_aiokafkas_partitioner(key: str, partitions: int) -> None:
    """A key lies on the partition that another client's default partitioner gives it."""
    everywhere = list(range(partitions))
    assert partition_for(key, partitions) == DefaultPartitioner()(key.encode(), everywhere, everywhere)


def test_keys_spread_over_all_partitions() -> None:
    """A thousand tenants use all eight partitions."""
    assert {partition_for(f"tenant-{i}", 8) for i in range(1000)} == set(range(8))
