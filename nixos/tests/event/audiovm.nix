# SPDX-License-Identifier: Apache-2.0
{
  givc.sysvm = {
    enable = true;
    debug = true;
    accessControl.enable = true;
    network = {
      agent.transport = {
        name = "audio-vm";
        addr = "192.168.101.2";
      };
      admin.transport = {
        name = "admin-vm";
        addr = "192.168.101.10";
        port = "9001";
      };
    };
    capabilities.eventProxy = {
      enable = true;
      events = [
        {
          transport = {
            name = "app-vm";
            addr = "192.168.101.100";
            port = "9015";
          };
          producer.enable = true;
          device = "wireless controller";
        }
      ];
    };
  };
}
