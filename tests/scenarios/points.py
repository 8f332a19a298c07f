# SPDX-License-Identifier: Apache-2.0
"""The points in which givc is better than its reference on purpose, and the folder of each one's scenarios. A test says
`@pytest.mark.contract(8, 12)` for those that it holds us to, and `@pytest.mark.reference("7.2")` for what it takes from
elsewhere: sections of the reference, R1 to R26 of the faults that must be survived."""

POINTS = {
    1: ("pushed-state", "State is pushed, not polled"),
    2: ("one-connection", "One connection a peer, kept"),
    3: ("kept-registry", "Registration is a session, the registry outlives the admin"),
    4: ("liveness", "Who cannot be reached is known within 30 s"),
    5: ("vm-start", "Starting a VM waits for its agent"),
    6: ("names", "Names belong to certificates"),
    7: ("honest-codes", "Codes say what is wrong"),
    8: ("slow-reader", "Watch never loses its reader"),
    9: ("instances", "Two starts never share an instance"),
    10: ("plain-mode", "It works without TLS, and says so"),
    11: ("rotation", "Certificates change while calls go on"),
    12: ("nothing-blocks", "Nothing that waits delays anybody else"),
    13: ("bus-restart", "The bus may go away"),
    14: ("systemctl-status", "systemctl shows it"),
    15: ("local-door", "People of the admin's machine need no certificate"),
    16: ("own-admin", "An agent answers its admin"),
    17: ("resolved-target", "What is authorised is what is acted on"),
    18: ("bounded", "No unbounded step before authorisation"),
}
