# SPDX-License-Identifier: Apache-2.0
"""The target is resolved first, judged as what it is, and the same one is acted on."""

import grpc
import pytest
from api import ADMIN

pytestmark = [pytest.mark.contract(17), pytest.mark.reference("R24")]


@pytest.mark.parametrize("name", ["givc-net-vm.service", "microvm@net-vm.service", "dhcp.service"])
def test_application_calls_touch_applications_only(lab, name):
    with lab.channel("ghaf-host") as channel:
        for method in ("StopApplication", "PauseApplication"):
            with pytest.raises(grpc.RpcError) as refused:
                lab.call(channel, f"{ADMIN}/{method}", AppName=name)
            assert refused.value.code() in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND,
                                            grpc.StatusCode.PERMISSION_DENIED)
    assert lab.entry(name)["VmStatus"] == "Running"
    assert lab.states()["net-vm"] == "running"
