# SPDX-License-Identifier: Apache-2.0
{ network, ... }:
{
  givc.host = {
    enable = true;
    network = network "ghaf-host";
    capabilities.services = [
      "host-test.service"
      "poweroff.target"
      "reboot.target"
      "sleep.target"
      "suspend.target"
    ];
  };
}
