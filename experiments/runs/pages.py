"""How much a Parquet file unpacks to, by the heads of its pages: what its metadata says may be a lie.

Some hundred bytes can stand for gigabytes. Arrow unpacks what the pages say, so that their heads are
added up before it does. They are structs of Thrift's compact protocol, of which only numbers matter.

Source: Apache Parquet format, ``parquet.thrift`` (PageHeader); Thrift compact protocol specification.
"""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq

WRITER = "parquet-cpp-arrow"
UNPACKED, PACKED, DATA, DICTIONARY, DATA_2, COUNT = 2, 3, 5, 7, 8, 1
"""Fields of a PageHeader: sizes in bytes, and heads of three kinds of pages with a count of values."""
TRUE, FALSE, BYTE, WHOLE, DOUBLE, BINARY, STRUCT = 1, 2, 3, (4, 5, 6), 7, 8, 12
"""Types of the compact protocol; a PageHeader has no lists, sets or maps."""


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
    numbers = size = 0
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            column = metadata.row_group(group).column(number)
            places = column.dictionary_page_offset, column.data_page_offset
            at = min((place for place in places if place), default=0)  # 0: there is none
            end = at + column.total_compressed_size
            while at < end:
                head, at = _struct(content, at)
                if min(head[UNPACKED], head[PACKED]) < 0:
                    raise ValueError("a page has less than no bytes")
                at += head[PACKED]
                size += head[UNPACKED]
                numbers += sum(
                    head[kind][COUNT] for kind in (DATA, DICTIONARY, DATA_2) if kind in head
                )
    return numbers, size


def _struct(content: bytes, at: int) -> tuple[dict[int, Any], int]:
    """Return the fields of a struct by their numbers, and where it ends."""
    fields, field = dict[int, Any](), 0
    while content[at]:
        step, kind = divmod(content[at], 16)
        at += 1
        if step:
            field += step
        else:
            field, at = _whole(content, at)
        fields[field], at = _value(content, at, kind)
    return fields, at + 1


def _value(content: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in (TRUE, FALSE):
        return kind == TRUE, at
    if kind in WHOLE:
        return _whole(content, at)
    if kind == STRUCT:
        return _struct(content, at)
    if kind == BINARY:
        length, at = _varint(content, at)
        return None, at + length
    if kind in (BYTE, DOUBLE):
        return None, at + (1 if kind == BYTE else 8)
    raise ValueError("the head of a page is damaged")


def _whole(content: bytes, at: int) -> tuple[int, int]:
    """Return an integer in zigzag form, of 64 bits at most."""
    number, at = _varint(content, at)
    return (number >> 1) ^ -(number & 1), at


def _varint(content: bytes, at: int) -> tuple[int, int]:
    number = 0
    for place in range(10):
        number |= (content[at + place] & 127) << (7 * place)
        if content[at + place] < 128:
            return number, at + place + 1
    raise ValueError("the head of a page is damaged")
