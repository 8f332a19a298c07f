# SPDX-License-Identifier: Apache-2.0
{ network, ... }:
{
  givc.host = {
    enable = true;
    network = network "ghaf-host";
    capabilities = {
      services = [
        "poweroff.target"
        "reboot.target"
        "sleep.target"
        "suspend.target"
      ];
      vmServices.appVms = [ "microvm@app-vm.service" ];
    };
    # Both may ask, so that it is for its address if one is refused.
    accessControl = {
      enable = true;
      agentRules = [
        {
          permittedVms = [
            "app-vm"
            "bad-vm"
          ];
          permittedModules = [ "systemd" ];
        }
      ];
    };
  };
}
