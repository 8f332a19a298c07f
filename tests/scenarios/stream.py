# SPDX-License-Identifier: Apache-2.0
"""The admin's Watch over gRPC, for scenarios that look at single events: when each came, and what a reader of them all
knows. Messages are taken one by one, so that whoever does not ask for the next one is a slow reader."""

import time

from api import ADMIN


class Event:
    def __init__(self, message):
        self.came = time.time()
        self.kind = message.WhichOneof("Status")
        self.items = list(message.Initial.List) if self.kind == "Initial" else [getattr(message, self.kind)]
        self.item = self.items[0] if len(self.items) == 1 else None


def model_of(items):
    """The registry by (VM, name): state and since when."""
    return {(i.Vm, i.Name): (i.VmStatus, i.Since) for i in items}


class Stream:
    """Its first event is Initial; the model follows the events that were taken."""

    def __init__(self, lab, channel, timeout=200):
        empty = lab.api.message("admin.Empty")()
        self.call = lab.api.bind(channel, ADMIN, "Watch")(empty, timeout=timeout)
        self.query = lab.api.bind(channel, ADMIN, "QueryList")
        self.empty = empty
        self.n_events = 0
        self.model = {}
        self.take()

    def take(self):
        event = Event(next(self.call))
        self.n_events += 1
        if event.kind == "Initial":
            self.model = model_of(event.items)
        elif event.kind == "Removed":
            self.model.pop((event.item.Vm, event.item.Name))
        else:
            self.model |= model_of(event.items)
        return event

    def wait_for(self, name, *states, kind=None):
        """Takes events until one is about the entry, in one of these states."""
        while True:
            event = self.take()
            if event.item and event.item.Name == name and kind in (None, event.kind) and \
                    (not states or event.item.VmStatus in states):
                return event

    def list(self):
        return model_of(self.query(self.empty, timeout=15).List)

    def catch_up(self):
        """Takes what is on its way: afterwards the model is the list."""
        while self.list() != self.model:
            self.take()

    def cancel(self):
        self.call.cancel()
