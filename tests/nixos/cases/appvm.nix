# SPDX-License-Identifier: Apache-2.0
{
  givc.appvm = {
    enable = true;
    uid = 1001;
    network = {
      agent.transport = {
        name = "app-vm";
        addr = "192.168.101.6";
      };
      admin.transport = {
        name = "admin-vm";
        addr = "192.168.101.10";
        port = "9001";
      };
    };
    accessControl.enable = true;
    capabilities = {
      applications = [
        {
          name = "browser";
          command = "/run/current-system/sw/bin/browser --new-window";
          args = [
            "url"
            "file"
          ];
          directories = [ "/tmp" ];
        }
      ];
      services = [ "kiosk.service" ];
      socketProxy = {
        enable = true;
        sockets = [
          {
            transport = {
              name = "audio-vm";
              addr = "192.168.101.5";
              port = "9012";
            };
            socket = "/tmp/.dbusproxy_app.sock";
          }
        ];
      };
      eventProxy = {
        enable = true;
        events = [
          {
            transport = {
              name = "net-vm";
              addr = "192.168.101.1";
              port = "9015";
            };
            consumer = {
              enable = true;
              permittedSource = "net-vm";
            };
          }
        ];
      };
    };
  };
}
