#!/usr/bin/env python3
"""Reads rpoguard's lease page (docs/lease-page.md) from Python.

    lease_reader.py PATH SHARD [EPOCH [GENERATION [TIMELINE [WRITER]]]]     -1: not stated

Exit code 0: open, 1: closed, 2: no such page. As a module:
Page(path).find("184").open_for(epoch=7, timeline=3, writer="iad-a"). For machines with x86-64's memory model: Python
has no way to order its reads on weaker ones; use the C header there.
"""
import mmap
import os
import struct
import sys
import time

MAGIC = int.from_bytes(b"RPOLEASE", "little")
HEADER = struct.Struct("=QIIIIQQ24x")
RECORD = struct.Struct("=QQQqqQIIQ64s64s64s64s")
SHARD_AT = 128
ATTEMPTS = 1000
MODES = ("enforce", "shadow", "off")


def text(field):
    return field.split(b"\0", 1)[0].decode()


class Lease:
    """What one record said at one moment."""

    def __init__(self, fields):
        (_, self.open_until, self.open_until_low_priority, self.epoch, self.generation,
         self.generation_until, self.mode, self.waived, self.timeline) = fields[:9]
        self.reason, self.shard, self.writer, self.writer_region = map(text, fields[9:])

    def follows(self, epoch, timeline, writer):
        """Is what the caller states of its writer so? A timeline of 0: none is known."""
        return (epoch in (-1, self.epoch)
                and (timeline == -1 or timeline == self.timeline != 0)
                and (writer is None or writer == self.writer != ""))

    def open_for(self, epoch=-1, generation=-1, low_priority=False, timeline=-1, writer=None):
        until = self.open_until_low_priority if low_priority else self.open_until
        if MODES[self.mode] == "enforce":
            if not self.follows(epoch, timeline, writer):
                return False
            if generation not in (-1, self.generation):
                return False
            if generation != -1:
                until = min(until, self.generation_until)
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) < until


class Record:
    """Where a shard's lease is in the page."""

    def __init__(self, memory, at):
        self.memory = memory
        self.at = at

    def _sequence(self):
        return int.from_bytes(self.memory[self.at:self.at + 8], sys.byteorder)

    def read(self):
        """The lease, or None while rpoguard is stuck in the middle of an update."""
        for _ in range(ATTEMPTS):
            sequence = self._sequence()
            fields = RECORD.unpack_from(self.memory, self.at)
            if sequence % 2 == 0 and self._sequence() == sequence:
                return Lease(fields)
        return None

    def open_for(self, **caller):
        lease = self.read()
        return lease is not None and lease.open_for(**caller)


class Page:
    """The mapped page. refresh() when a lease is closed: another page may have taken over."""

    def __init__(self, path):
        self.path = path
        self._map()

    def _map(self):
        with open(self.path, "rb") as file:
            self.identity = self._identity(os.fstat(file.fileno()))
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(memory) < HEADER.size:
            raise ValueError("not a lease page")
        magic, version, header_bytes, record_bytes, records, _, _ = HEADER.unpack_from(memory)
        if ((magic, version, header_bytes, record_bytes) != (MAGIC, 1, HEADER.size, RECORD.size)
                or len(memory) < header_bytes + records * record_bytes):
            raise ValueError("not a lease page of version 1")
        self.memory = memory
        self.records = {}
        for number in range(records):
            at = header_bytes + number * record_bytes
            name = text(memory[at + SHARD_AT:at + SHARD_AT + 64])
            self.records[name] = Record(memory, at)

    @staticmethod
    def _identity(info):
        return info.st_dev, info.st_ino

    def find(self, shard):
        """The record, or None: no such shard, always closed."""
        return self.records.get(shard)

    def refresh(self):
        """True: another file was at the path; records must be looked up again."""
        try:
            if self._identity(os.stat(self.path)) == self.identity:
                return False
            self._map()
        except (OSError, ValueError):
            return False
        return True


def main(arguments):
    path, shard = arguments[1:3]
    epoch, generation, timeline = ([int(argument) for argument in arguments[3:6]] + [-1] * 3)[:3]
    writer = arguments[6] if len(arguments) > 6 else None
    try:
        page = Page(path)
    except (OSError, ValueError) as error:
        print("no page:", error.strerror if isinstance(error, OSError) else error)
        return 2
    record = page.find(shard)
    if record is None:
        print("closed unknown_shard")
        return 1
    lease = record.read()
    if lease is None:
        print("closed stuck")
        return 1
    is_open = lease.open_for(epoch=epoch, generation=generation, timeline=timeline, writer=writer)
    low = "open" if lease.open_for(low_priority=True) else "closed"
    print(f"{'open' if is_open else 'closed'} low={low} epoch={lease.epoch} "
          f"timeline={lease.timeline} generation={lease.generation} mode={lease.mode} waived={lease.waived} "
          f"writer={lease.writer} region={lease.writer_region} reason={lease.reason}")
    return 0 if is_open else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
