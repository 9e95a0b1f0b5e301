"""Several processes read one file as one process does, whatever is in it and whatever becomes of them."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm2odoo.intake.readers import Readers, usable_readers, whole_records
from crm2odoo.intake.scan import Scan, Scanner
from crm2odoo.intake.sniff import sniff
from crm2odoo.project import Source, YamlFile

SOURCE = YamlFile(Path(__file__).resolve().parents[2] / "mappings/sources/flash_lead_sales.yaml").model(Source)
HEADER = b"Lead ID,Lead Name,Status,Notes\n"
RETURN = b'11,"\r\n",New,x\n'
# What a line may be: usual ones often, and now and then everything that reading has to be careful about.
LINES = [b"1,Anna,New,x\n"] * 6 + [
    b'2,"A, B",New,"two\nlines"\n', b'3,"He said ""x""",New,\n', b"\n", b",,,\n", HEADER, b"4,Bob,New\n", b"5,Bob,New,x,\n", b"6,Bob,New,x,y\n", b'7,a "b" c,New,\n', b'8,"open,New,x\n',
    b"9, Bob ,New,x\r\n", b"10,B\0b,New,x\n", RETURN, "12,Zoë\u00a0,New,\t\n".encode(), b"Total,4,,\n", b'13,x,New,"a\n\n\nb"\n', b"14,a\x01b,New,x\n",
]  # fmt: skip


def reading(body: bytes, readers: int, stretch: int = 64, block: int = 50) -> tuple[bytes, Scan]:
    scanner = Scanner(sniff(HEADER + body, True, "leads.csv", SOURCE), tail=40)
    with scanner.readers(readers, stretch):
        rows = b"".join(scanner.rows(iter([body[i : i + block] for i in range(0, len(body), block)])))
    return rows, scanner.scan


def same(one: tuple[bytes, Scan], other: tuple[bytes, Scan]) -> None:
    """But for the hint that there may be a carriage return: it is given too often where a block's records are read one by one."""
    for _, scan in (one, other):
        scan.flags.discard("return")
    assert one == other


@settings(max_examples=30, deadline=None)
@given(lines=st.lists(st.sampled_from(LINES), max_size=60), count=st.integers(1, 3), stretch=st.integers(20, 300), block=st.integers(1, 200))
def test_several_readers_see_what_one_sees(lines: list[bytes], count: int, stretch: int, block: int) -> None:
    body = b"".join(lines)
    several, alone = reading(body, count, stretch, block), reading(body, 0, stretch, block)
    if RETURN in lines:
        assert "return" in several[1].flags & alone[1].flags
    same(several, alone)


def test_a_long_file_is_read_by_all_of_them_in_its_order() -> None:
    pick = random.Random(1)
    body = b"".join(b'%d,"n\n%d",New,x\n' % (n, pick.randrange(10**6)) for n in range(20_000))
    rows, scan = reading(body, 3, 4096, 10_000)
    assert (scan.records, scan.line) == (20_000, 40_002)
    same((rows, scan), reading(body, 0))


def test_a_reader_that_is_killed_costs_time_and_no_row() -> None:
    body = b"".join(b"%d,Anna,New,x\n" % n for n in range(20_000))

    def killing(blocks: Iterator[bytes], readers: Readers) -> Iterator[bytes]:
        for number, block in enumerate(blocks):
            if number in (50, 90) and readers.processes:
                os.kill(readers.processes[number // 90], signal.SIGKILL)
            yield block

    scanner = Scanner(sniff(HEADER + body, True, "leads.csv", SOURCE), tail=40)
    with scanner.readers(2, 512) as readers:
        rows = b"".join(scanner.rows(killing((body[i : i + 1000] for i in range(0, len(body), 1000)), readers)))
    assert (rows, scanner.scan) == reading(body, 0)
    assert not readers.processes, "none is left behind"


def test_a_failure_leaves_no_process_behind() -> None:
    children: list[int] = []

    def fail() -> None:
        with Scanner(sniff(HEADER, True, "leads.csv", SOURCE)).readers(2) as readers:
            children.extend(readers.processes)
            raise RuntimeError("the database is gone")

    with pytest.raises(RuntimeError, match="the database is gone"):
        fail()
    assert len(children) == 2
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


def test_where_records_end_is_told_by_the_quotes_before() -> None:
    text = b'1,a\n2,"b\nc"\n3,d\n4,"e\n'
    assert text[: whole_records(text, len(text))] == b'1,a\n2,"b\nc"\n3,d\n'
    assert whole_records(b'1,"a\nb', 6) == 0
    assert whole_records(b"no end", 6) == 0


def test_a_machine_with_few_processors_has_no_room_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def readers_with(processors: int) -> int:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)))
        return usable_readers()

    assert [readers_with(n) for n in (1, 2, 3, 4, 5, 64)] == [0, 0, 0, 2, 3, 3]
