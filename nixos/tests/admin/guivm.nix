# SPDX-License-Identifier: Apache-2.0
{
  givc.sysvm = {
    enable = true;
    debug = true;
    notifier.enable = true;
    network = {
      agent.transport = {
        name = "gui-vm";
        addr = "192.168.101.3";
      };
      admin.transport = {
        name = "admin-vm";
        addr = "192.168.101.10";
        port = "9001";
      };
    };
    capabilities.services = [
      "multi-user.target"
      "poweroff.target"
      "reboot.target"
      "sleep.target"
      "suspend.target"
    ];
  };
}
