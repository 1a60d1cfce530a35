"""What a Parquet file unpacks to, by its own bytes, before Arrow looks at it.

Some hundred bytes can stand for gigabytes: Arrow unpacks what the pages say, and makes some hundred
bytes of each of the three in which metadata lists a column. So metadata and the heads of pages are read
here first. They are structs of Thrift's compact protocol, of which only numbers matter.

Source: Apache Parquet format, ``parquet.thrift``; Thrift compact protocol specification.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

WRITER = "parquet-cpp-arrow"
UNPACKED, PACKED, DATA, DICTIONARY, DATA_2, COUNT = 2, 3, 5, 7, 8, 1
"""Fields of a PageHeader: sizes in bytes, and heads of three kinds of pages with a count of values."""
TRUE, FALSE, BYTE, WHOLE, DOUBLE, BINARY, LIST, STRUCT = 1, 2, 3, (4, 5, 6), 7, 8, 9, 12
"""Types of the compact protocol; none of these structs has sets or maps."""
MOST_PARTS = 200_000
"""Most values of a struct, in all its parts."""


def check_metadata(content: bytes, length: int) -> None:
    """Raise `ValueError` if the metadata of a file has more parts than that of a record.

    Args:
        content: The file.
        length: Bytes of the metadata, which are followed by eight.

    Raises:
        IndexError: The metadata is cut.
    """
    at = len(content) - 8 - length
    if at < 0:
        raise ValueError("it is shorter than its metadata")
    _Thrift(content, at).struct()


def unpacked(content: bytes, metadata: pq.FileMetaData) -> tuple[int, int]:
    """Return the numbers and the bytes that the pages of a file unpack to.

    Args:
        content: The file.
        metadata: Its metadata, which says where the pages are.

    Raises:
        ValueError: A page is damaged, or another program has written the file.
        IndexError: The file ends within the head of a page.
    """
    if not metadata.created_by.startswith(WRITER):  # Arrow reads those of others beyond their ends
        raise ValueError("it was not written by discovery-gym")
    numbers = size = walked = 0
    for group in range(metadata.num_row_groups):
        groups = metadata.row_group(group)
        for number in range(metadata.num_columns):
            column = groups.column(number)
            places = column.dictionary_page_offset, column.data_page_offset
            at = min((place for place in places if place), default=0)  # 0: there is none
            walked += column.total_compressed_size
            if min(at, column.total_compressed_size) < 0 or walked > len(content):
                raise ValueError("its columns lie over one another")
            end = at + column.total_compressed_size
            while at < end:
                thrift = _Thrift(content, at)
                head = thrift.struct()
                if min(head[UNPACKED], head[PACKED]) < 0:
                    raise ValueError("a page has less than no bytes")
                at = thrift.at + head[PACKED]
                size += head[UNPACKED]
                numbers += sum(
                    head[kind][COUNT] for kind in (DATA, DICTIONARY, DATA_2) if kind in head
                )
    return numbers, size


@dataclass
class _Thrift:
    """Reads a struct.

    Args:
        content: The file.
        at: Where it begins, and how far it has been read.
        left: How many more values it may have.
    """

    content: bytes
    at: int
    left: int = MOST_PARTS

    def struct(self) -> dict[int, Any]:
        """Return the fields of a struct by their numbers."""
        fields, field = dict[int, Any](), 0
        while self.content[self.at]:
            step, kind = divmod(self._byte(), 16)
            field = field + step if step else self._whole()
            fields[field] = kind == TRUE if kind in (TRUE, FALSE) else self._value(kind)
        self.at += 1
        return fields

    def _value(self, kind: int) -> Any:
        if self.left == 0:
            raise ValueError("its metadata has more parts than that of a record")
        self.left -= 1
        if kind in WHOLE:
            return self._whole()
        if kind == STRUCT:
            return self.struct()
        if kind == LIST:
            count, inner = divmod(self._byte(), 16)
            return [self._value(inner) for _ in range(self._varint() if count == 15 else count)]
        if kind == BINARY:
            length = self._varint()
            self.at += length
        elif kind in (TRUE, FALSE, BYTE, DOUBLE):
            self.at += 8 if kind == DOUBLE else 1
        else:
            raise ValueError("the head of a page is damaged")
        return None

    def _byte(self) -> int:
        self.at += 1
        return self.content[self.at - 1]

    def _whole(self) -> int:
        """Return an integer in zigzag form, of 64 bits at most."""
        number = self._varint()
        return (number >> 1) ^ -(number & 1)

    def _varint(self) -> int:
        number = 0
        for place in range(10):
            byte = self._byte()
            number |= (byte & 127) << (7 * place)
            if byte < 128:
                return number
        raise ValueError("the head of a page is damaged")
