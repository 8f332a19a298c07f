# SPDX-License-Identifier: Apache-2.0
"""Policies that the admin hands to an agent: in the store and where the configuration wants them, whole, and noticed by
a path unit, which is how machines react to them."""

import grpc
import pytest
from givcfleet.paths import TREE
from lab import wait_until

pytestmark = pytest.mark.reference("issue 4: policy admin; REF 3.16; R12")

METHOD = "policyadmin.PolicyAdmin", "StreamPolicy"
STORED, DESTINATION = "/etc/policies/proxy/policy.bin", "/etc/proxy/policy.conf"
EXAMPLE = (TREE / "units/examples/50-policies.conf").read_text(encoding="utf-8")
TOPOLOGY = {"machines": {
    "admin-vm": {"role": "admin", "address": "192.168.101.10"},
    "net-vm": {
        "role": "sysvm", "address": "192.168.101.1",
        "agent": {"capabilities": {"policy": {
            "enable": True, "storePath": "/etc/policies",
            "policies": {"proxy": DESTINATION, "full": "/etc/proxy/small/policy.conf"}}}},
        "files": {
            "etc/systemd/system/givc-net-vm.service.d/50-policies.conf":
                EXAMPLE.replace("=/etc/policies", "=/etc/policies /etc/proxy"),
            "etc/policies/README": "the store\n",
            "etc/proxy/README": "what the proxy reads\n",
        },
        "units": {
            "proxy.path": f"[Path]\nPathModified={DESTINATION}\n",
            "proxy.service": "[Unit]\nStartLimitIntervalSec=0\n"
                             f"[Service]\nType=oneshot\nExecStart=cp {DESTINATION} /run/noticed\n",
        },
    },
}}


@pytest.fixture(autouse=True)
def path_unit(lab):
    lab.systemctl("net-vm", "start", "proxy.path")


def send(lab, name, *chunks):
    make = lab.api.message("policyadmin.StreamPolicyRequest")
    requests = [make(policy_name="" if i else name, policy_chunk=chunk) for i, chunk in enumerate(chunks)]
    with lab.channel("admin-vm", "net-vm") as channel:
        return lab.api.bind(channel, *METHOD)(iter(requests), timeout=15).Status


def content(lab, path):
    return lab.exec("net-vm", "cat", path, check=False).stdout


def test_a_policy_is_stored_and_noticed(lab):
    """When it is new, and when another one takes its place."""
    for text in "first\n", "second\n":
        assert send(lab, "proxy", text[:3].encode(), text[3:].encode()) == "Success"
        assert content(lab, STORED) == content(lab, DESTINATION) == text
        wait_until(lambda: content(lab, "/run/noticed") == text)
        # Of a change amid the service that it has started, systemd does not hear.
        wait_until(lambda: lab.show("net-vm", "proxy.path", "SubState") == "waiting")


def test_the_same_policy_changes_nothing(lab):
    send(lab, "proxy", b"same\n")
    before = lab.exec("net-vm", "stat", "-c", "%i %Z", STORED, DESTINATION).stdout
    assert send(lab, "proxy", b"same\n") == "Success"
    assert lab.exec("net-vm", "stat", "-c", "%i %Z", STORED, DESTINATION).stdout == before


def test_a_policy_that_nobody_asked_for_is_refused(lab):
    with pytest.raises(grpc.RpcError) as refused:
        send(lab, "unknown", b"x")
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
    assert refused.value.details() == "This machine does not subscribe to policy 'unknown'."
    assert lab.exec("net-vm", "ls", "/etc/policies/unknown", check=False).returncode != 0


def test_a_full_disk_keeps_what_is_there(lab):
    """And nothing else: no half of a file, and no trace of one."""
    lab.exec("net-vm", "mkdir", "-p", "/etc/proxy/small")
    lab.exec("net-vm", "mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "none", "/etc/proxy/small")
    try:
        lab.systemctl("net-vm", "restart", "givc-net-vm.service")
        lab.wait_until_registered()
        assert send(lab, "full", b"old\n") == "Success"
        with pytest.raises(grpc.RpcError) as refused:
            send(lab, "full", b"x" * 100_000)
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert refused.value.details() == "Cannot write '/etc/proxy/small/policy.conf': No space left on device."
        assert content(lab, "/etc/proxy/small/policy.conf") == "old\n"
        assert lab.exec("net-vm", "ls", "-A", "/etc/proxy/small").stdout == "policy.conf\n"
    finally:
        lab.exec("net-vm", "umount", "-l", "/etc/proxy/small")
