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
        name = "admin-vm";
        addr = "192.168.101.10";
        port = "9001";
      };
    };
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
