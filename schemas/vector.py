"""A vector of whole numbers as documents and events carry it."""

from typing import Annotated

from pydantic import StringConstraints

PackedVector = Annotated[str, StringConstraints(max_length=12_000)]
"""Little-endian 16-bit integers in base64; the length of the vector is 2^14, or 0."""
