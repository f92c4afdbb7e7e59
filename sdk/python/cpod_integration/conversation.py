"""Speak HTTP/1.1 without a network: a request becomes bytes, received bytes become an answer."""

import h11

from cpod_integration.core import LARGEST_ANSWER, Answer, Request


class Conversation:
    """One connection's side of HTTP/1.1. Its methods raise `h11.RemoteProtocolError`."""

    def __init__(self) -> None:
        self._h11 = h11.Connection(h11.CLIENT)
        self._head: h11.Response | None = None
        self._body: list[bytes] = []
        self._size = 0

    def ask(self, request: Request) -> bytes:
        """Return the bytes of a request."""
        head = h11.Request(
            method=request.method, target=request.target, headers=list(request.headers)
        )
        self._head, self._body, self._size = None, [], 0
        parts = [self._h11.send(head)]
        if request.body:
            parts.append(self._h11.send(h11.Data(data=request.body)))
        parts.append(self._h11.send(h11.EndOfMessage()))
        return b"".join(part for part in parts if part)

    def hear(self, data: bytes) -> Answer | None:
        """Return the answer if it is whole with these bytes. No bytes: the other side closed."""
        self._h11.receive_data(data)
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Response):
                self._head = event
            elif isinstance(event, h11.Data):
                self._body.append(event.data)
                self._size += len(event.data)
                if self._size > LARGEST_ANSWER:
                    raise h11.RemoteProtocolError("the answer is too large")
            elif isinstance(event, h11.EndOfMessage):
                return self._answer()
            elif not isinstance(event, h11.InformationalResponse):
                return None

    def _answer(self) -> Answer:
        assert self._head is not None  # noqa: S101 - h11 gives the head before the end
        headers = {name.decode(): value.decode("latin-1") for name, value in self._head.headers}
        return Answer(self._head.status_code, headers, b"".join(self._body))

    def is_open(self) -> bool:
        """Tell whether the connection can take one more request, and get ready for it."""
        if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
            return False
        self._h11.start_next_cycle()
        return not self._h11.trailing_data[0]
