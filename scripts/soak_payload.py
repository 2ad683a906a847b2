# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
"""What is in a bzImage: how its payload is compressed, and the ELF file in it
(The Linux/x86 Boot Protocol, payload_offset)."""
from __future__ import annotations

import bz2
import lzma
import zlib
from pathlib import Path

# How each compression begins.
MAGICS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\x5d\x00\x00": "lzma",
          b"\xfd7zXZ": "xz", b"\x89LZO": "lzo", b"\x02\x21\x4c\x18": "lz4",
          b"\x28\xb5\x2f\xfd": "zstd"}


def payload(kernel: Path) -> bytes:
    data = kernel.read_bytes()
    setup = (data[0x1f1] or 4) * 512 + 512
    begin = setup + int.from_bytes(data[0x248:0x24c], "little")
    return data[begin:begin + int.from_bytes(data[0x24c:0x250], "little")]


def compression(kernel: Path) -> str:
    data = payload(kernel)
    for magic, name in MAGICS.items():
        if data.startswith(magic):
            return name
    return f"unknown ({data[:6].hex()})"


def vmlinux(kernel: Path) -> bytes:
    """The kernel as the ELF file that its own loader unpacks."""
    data = payload(kernel)
    unpack = {"gzip": lambda: zlib.decompressobj(31).decompress(data),
              "bzip2": lambda: bz2.BZ2Decompressor().decompress(data),
              "lzma": lambda: lzma.LZMADecompressor().decompress(data),
              "xz": lambda: lzma.LZMADecompressor().decompress(data),
              "lz4": lambda: unpack_lz4(data)}
    kind = compression(kernel)
    if kind not in unpack:
        raise RuntimeError(f"{kernel}: no way to unpack {kind}")
    return unpack[kind]()


def unpack_lz4(data: bytes) -> bytes:
    """The legacy frame, which kernels have (lz4_Frame_format.md; the blocks:
    lz4_Block_format.md)."""
    output = bytearray()
    at = 4
    while at + 4 <= len(data):
        size = int.from_bytes(data[at:at + 4], "little")
        at += 4
        if size == 0 or size > len(data) - at:
            break  # behind the last block stands the unpacked size
        unpack_lz4_block(data[at:at + size], output)
        at += size
    return bytes(output)


def unpack_lz4_block(block: bytes, output: bytearray) -> None:
    at = 0

    def length(nibble: int) -> int:
        nonlocal at
        value = nibble
        while nibble == 15:
            byte = block[at]
            at += 1
            value += byte
            if byte != 255:
                break
        return value

    while True:
        token = block[at]
        at += 1
        literals = length(token >> 4)
        output += block[at:at + literals]
        at += literals
        if at >= len(block):
            return
        distance = int.from_bytes(block[at:at + 2], "little")
        at += 2
        count = length(token & 15) + 4
        # Where the match overlaps itself, it repeats.
        piece = bytes(output[len(output) - distance:][:count])
        output += (piece * (count // len(piece) + 1))[:count]
