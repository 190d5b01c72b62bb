"""What can become of a call and its answer on the way; each act decides whether the call is carried out at all."""

import json
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def of(cls, value: object, status: int = 200, **headers: str) -> Self:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(status=status, headers={"Content-Type": "application/json"} | named, body=json.dumps(value).encode())

    def head(self, length: int | None = None) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Said", *(f"{name}: {text}" for name, text in self.headers.items())]
        if self.status != 204:
            lines.append(f"Content-Length: {len(self.body) if length is None else length}")
        return "\r\n".join([*lines, "", ""]).encode()

    @property
    def wire(self) -> bytes:
        return self.head() + self.body


CarryOut = Callable[[], Reply]
Act = Callable[["Wire", CarryOut], None]


class Wire:
    """The server's end of the connection."""

    def __init__(self, handler: BaseHTTPRequestHandler, closing: Event) -> None:
        self._handler, self._closing = handler, closing

    def send(self, content: bytes) -> None:
        """In one piece, so that no delay of small packets slows the tests down."""
        self._handler.wfile.write(content)

    def drip(self, content: bytes, every: float) -> None:
        for byte in content:
            if self.rest(every):
                return
            self.send(bytes([byte]))

    def rest(self, seconds: float) -> bool:
        """True if the server closes in the meantime."""
        return self._closing.wait(seconds)

    def hang_up(self) -> None:
        self._handler.close_connection = True

    def reset(self) -> None:
        handler: Any = self._handler
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.rfile.close()
        handler.wfile.close()
        handler.connection.close()
        raise ConnectionResetError("as told")


def fine(wire: Wire, carry_out: CarryOut) -> None:
    wire.send(carry_out().wire)


def says(reply: Reply) -> Act:
    """Instead of carrying it out."""

    def act(wire: Wire, _: CarryOut) -> None:
        wire.send(reply.wire)

    return act


def refuses(status: int, message: str = "no", **headers: str) -> Act:
    return says(Reply.of({"message": message}, status, **headers))


def carries_out_and_says(reply: Reply) -> Act:
    def act(wire: Wire, carry_out: CarryOut) -> None:
        carry_out()
        wire.send(reply.wire)

    return act


def carries_out_and_adds(**headers: str) -> Act:
    def act(wire: Wire, carry_out: CarryOut) -> None:
        reply, named = carry_out(), {name.replace("_", "-"): text for name, text in headers.items()}
        wire.send(Reply(status=reply.status, headers={**reply.headers, **named}, body=reply.body).wire)

    return act


def late(seconds: float) -> Act:
    def act(wire: Wire, carry_out: CarryOut) -> None:
        wire.rest(seconds)
        wire.send(carry_out().wire)

    return act


def silent(wire: Wire, carry_out: CarryOut) -> None:
    """Carried out, and never answered."""
    carry_out()
    wire.rest(30)
    wire.hang_up()


def resets(wire: Wire, _: CarryOut) -> None:
    wire.reset()


def carries_out_and_resets(wire: Wire, carry_out: CarryOut) -> None:
    carry_out()
    wire.reset()


def closes(wire: Wire, carry_out: CarryOut) -> None:
    """Carried out, and hung up without a word."""
    carry_out()
    wire.hang_up()


def truncates(wire: Wire, carry_out: CarryOut) -> None:
    """Fewer bytes than announced."""
    reply = carry_out()
    wire.send(reply.head(len(reply.body) + 10) + reply.body)
    wire.hang_up()


def cuts_in_half(wire: Wire, carry_out: CarryOut) -> None:
    reply = carry_out()
    wire.send(reply.head() + reply.body[: len(reply.body) // 2])
    wire.reset()


def doubles_body(wire: Wire, carry_out: CarryOut) -> None:
    reply = carry_out()
    wire.send(Reply(status=reply.status, headers=reply.headers, body=reply.body * 2).wire)


def doubles_answer(wire: Wire, carry_out: CarryOut) -> None:
    """The second copy lies on the connection when the next call comes."""
    wire.send(carry_out().wire * 2)


def drips_head(every: float) -> Act:
    def act(wire: Wire, carry_out: CarryOut) -> None:
        wire.drip(carry_out().wire, every)

    return act


def drips_body(every: float) -> Act:
    def act(wire: Wire, carry_out: CarryOut) -> None:
        reply = carry_out()
        wire.send(reply.head(1000))
        wire.drip(b" " * 1000, every)

    return act


def garbage(wire: Wire, carry_out: CarryOut) -> None:
    carry_out()
    wire.send(Reply(headers={"Content-Type": "application/json"}, body=b"\x00{").wire)


def empty(wire: Wire, carry_out: CarryOut) -> None:
    carry_out()
    wire.send(Reply(headers={"Content-Type": "application/json"}).wire)


def page_for_people(wire: Wire, carry_out: CarryOut) -> None:
    """A login page with 200."""
    carry_out()
    wire.send(Reply(headers={"Content-Type": "text/html"}, body=b"<html>log in</html>").wire)


def huge(size: int) -> Act:
    def act(wire: Wire, carry_out: CarryOut) -> None:
        carry_out()
        wire.send(Reply(headers={"Content-Type": "application/json"}, body=b'"' + b"x" * size + b'"').wire)

    return act


def no_http(wire: Wire, carry_out: CarryOut) -> None:
    carry_out()
    wire.send(b"220 mail.example ready\r\n")
    wire.hang_up()


def redirects(target: str, status: int = 302) -> Act:
    return says(Reply(status=status, headers={"Location": target}))
