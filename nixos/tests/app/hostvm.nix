# SPDX-License-Identifier: Apache-2.0
{
  givc.host = {
    enable = true;
    network = {
      agent.transport = {
        name = "ghaf-host";
        addr = "192.168.101.2";
      };
      admin.transport = {
        name = "adminvm";
        addr = "192.168.101.10";
        port = "9001";
      };
    };
    capabilities.services = [
      "host-test.service"
      "poweroff.target"
      "reboot.target"
      "sleep.target"
      "suspend.target"
    ];
  };
}
