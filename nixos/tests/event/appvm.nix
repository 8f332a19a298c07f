# SPDX-License-Identifier: Apache-2.0
{
  givc.appvm = {
    enable = true;
    debug = true;
    accessControl.enable = true;
    network = {
      agent.transport = {
        name = "app-vm";
        addr = "192.168.101.100";
      };
      admin.transport = {
        name = "admin-vm";
        addr = "192.168.101.10";
        port = "9001";
      };
    };
    capabilities = {
      services = [ "default.target" ];
      eventProxy = {
        enable = true;
        events = [
          {
            transport = {
              name = "app-vm";
              addr = "192.168.101.100";
              port = "9015";
            };
            consumer = {
              enable = true;
              permittedSource = "audio-vm";
            };
          }
        ];
      };
    };
  };
}
