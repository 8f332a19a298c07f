# SPDX-License-Identifier: Apache-2.0
{ at, network, ... }:
{
  givc.sysvm = {
    enable = true;
    debug = true;
    accessControl.enable = true;
    network = network "audio-vm";
    capabilities.eventProxy = {
      enable = true;
      events = [
        {
          transport = at "app-vm" "9015";
          producer.enable = true;
          device = "wireless controller";
        }
      ];
    };
  };
}
