"""A connection without a network."""

import asyncio


class Wire(asyncio.Transport):
    """Records the bytes that are sent through it."""

    def __init__(self):
        super().__init__()
        self.sent, self.closed = [], False

    def write(self, data):
        assert not self.closed
        self.sent.append(bytes(data))

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed

    def pause_reading(self):
        pass

    resume_reading = pause_reading

    def abort(self):
        self.closed = True
