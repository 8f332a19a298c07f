# SPDX-License-Identifier: Apache-2.0
{ network, ... }:
{
  givc.sysvm = {
    enable = true;
    debug = true;
    notifier.enable = true;
    network = network "gui-vm";
    capabilities.services = [
      "multi-user.target"
      "poweroff.target"
      "reboot.target"
      "sleep.target"
      "suspend.target"
    ];
  };
}
