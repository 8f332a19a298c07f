# SPDX-License-Identifier: Apache-2.0
"""What a call is refused with says what is wrong: its code, a sentence, and details for programs."""

import grpc
import pytest
from api import ADMIN

pytestmark = pytest.mark.contract(7)


@pytest.mark.parametrize("words, exit_status, code", [
    (("start", "app", "nonsense", "--vm", "app-vm"), 4, grpc.StatusCode.NOT_FOUND),
    (("stop", "nonsense@0.service"), 4, grpc.StatusCode.NOT_FOUND),
    (("pause", "nonsense@0.service"), 4, grpc.StatusCode.NOT_FOUND),
])
def test_what_is_not_there_is_not_found(lab, words, exit_status, code):
    done = lab.ctl(*words, check=False)
    assert done.returncode == exit_status, done.stderr
    method = {"start": "StartApplication", "stop": "StopApplication", "pause": "PauseApplication"}[words[0]]
    name = words[2] if words[0] == "start" else words[1]
    with lab.channel("ghaf-host") as channel, pytest.raises(grpc.RpcError) as refused:
        lab.call(channel, f"{ADMIN}/{method}", AppName=name, VmName="app-vm")
    assert refused.value.code() == code
    assert name.split("@")[0] in refused.value.details()
