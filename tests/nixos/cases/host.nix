# SPDX-License-Identifier: Apache-2.0
{
  givc.host = {
    enable = true;
    debug = true;
    network = {
      agent.transport = {
        name = "ghaf-host";
        addr = "192.168.101.2";
        port = "9000";
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
      ];
      vmServices = {
        adminVm = "microvm@admin-vm.service";
        systemVms = [ "microvm@net-vm.service" ];
        appVms = [ "microvm@app-vm.service" ];
      };
      exec.enable = true;
      exec.commands = [ "uptime" ];
      exec.environment = [ "BUILD_*" ];
      policy = {
        enable = true;
        policies.proxy-config = "/var/lib/proxy/policy.bin";
        policies.kept-only = "";
      };
    };
    accessControl = {
      enable = true;
      onError = "deny";
    };
  };
}
