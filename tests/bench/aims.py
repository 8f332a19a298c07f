# SPDX-License-Identifier: Apache-2.0
"""What is aimed at, and what is known of figures that stay behind their yardsticks: where the time goes, as perf,
callgrind and strace have it. A name is the beginning of a figure's."""

# The ratio that a figure should have at least.
AIMS = {
    "unary p50": 1,
    "calls, 32 in flight": 1,
    "32 KiB messages": 1,
    "idle wakeups, 10 connections": 1,
}
# What ours should be at most, in the figure's unit.
LIMITS = {
    "policy: 200 rules, prepared: a decision": 5,
    "policy: 200 rules, plain: a decision": 5,
}
SOCKETPAIR = (
    "each byte crosses a socketpair between TLS, which is ours, and gRPC: 11 system calls a call for 3, and half of "
    "the time of large messages is the kernel's; fewer instructions make up for most of it"
)
TIMERS = "gRPC's timers wake two to three times a second while there is a connection, our loop every other second"
HOP = "the yardstick is on the machine itself, without network, TLS, access rules or admin"
START = (
    "a process that starts and shakes hands, with certificates on both sides, takes 21 million instructions before it "
    "is told anything; and " + HOP
)
REASONS = {
    "unary": SOCKETPAIR,
    "calls, 32 in flight": SOCKETPAIR,
    "32 KiB messages": SOCKETPAIR,
    "processor time a MB": SOCKETPAIR,
    "system calls a call": "two reads in three find nothing: gRPC asks a socketpair again, as it has no way to know",
    "a registration, instructions": "it is judged by access rules, kept over a restart and logged",
    "a change, until": "it waits for a processor: the time that it takes itself is the next line",
    "20 changes at once": "it waits for a processor: the time that it takes itself is the next line",
    "idle with 1000 watchers, wakeups": "both sides ping a thousand connections, so that who vanished is noticed",
    "state change to watcher, over busctl": "by agent, admin and two networks with TLS; " + HOP,
    "warm start of an application": START,
    "givcctl show": START,
    "get-status through the admin": "one hop more",
    "givcctl list of 1000": START,
    "givc-agent: RSS": "gRPC, GnuTLS and the library of C, shared where somebody else has them; 1.4 MiB is its own",
    "givc-admin: RSS": "gRPC, GnuTLS and the library of C, shared where somebody else has them; 1.8 MiB is its own",
    "givc-agent: idle": TIMERS,
    "givc-admin: idle": TIMERS,
    "socket round trip": SOCKETPAIR,
    "socket throughput": SOCKETPAIR,
    "exec: round trip": "two hops instead of one: the admin judges, decrypts and encrypts each message; " + SOCKETPAIR,
    "exec: throughput out": "two hops instead of one: three programs share the processors where ssh has two",
}


def find(table, name):
    return next((value for start, value in table.items() if name.startswith(start)), None)


def missed(row):
    """A sentence about a figure that is behind its aim, or behind its yardstick; None: it is not."""
    aim, limit = find(AIMS, row["name"]), find(LIMITS, row["name"])
    if limit:
        behind = row["ours"] > limit and f"{row['ours']} {row['unit']} where {limit} is the aim"
    elif aim:
        behind = row["ratio"] < aim and f"{(1 - row['ratio'] / aim) * 100:.0f} % short of its aim"
    else:
        behind = row["ratio"] < 1 and "no aim was set"
    return behind and f"{behind}; {find(REASONS, row['name']) or 'unexplained'}"
