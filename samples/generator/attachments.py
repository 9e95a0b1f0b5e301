"""Small real files: PNG, PDF and text. Written by hand, so that no compression library decides on the bytes."""

from __future__ import annotations

from hashlib import sha256
from struct import pack
from zlib import adler32, crc32


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return sha256(content).hexdigest()


def png(red: int, green: int, blue: int, size: int = 12) -> bytes:
    """A square of one colour."""
    raw = (b"\0" + bytes((red % 256, green % 256, blue % 256)) * size) * size
    stored = b"\x78\x01\x01" + pack("<HH", len(raw), len(raw) ^ 0xFFFF) + raw + pack(">I", adler32(raw))

    def chunk(name: bytes, body: bytes) -> bytes:
        return pack(">I", len(body)) + name + body + pack(">I", crc32(name + body))

    header = pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", stored) + chunk(b"IEND", b"")


def pdf(*lines: str) -> bytes:
    """One page with a few lines of text. Characters outside Latin-1 become question marks."""
    shown = "".join(f"({line}) Tj T* ".replace("\\", "\\\\") for line in (x.replace("(", "[").replace(")", "]") for x in lines))
    stream = f"BT /F1 11 Tf 14 TL 56 780 Td {shown}ET".encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    out = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    return out + head + table + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
