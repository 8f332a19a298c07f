# SPDX-License-Identifier: Apache-2.0
{
  givc.sysvm = {
    enable = true;
    debug = true;
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
    capabilities.socketProxy = {
      enable = true;
      sockets = [
        {
          transport = {
            name = "net-vm";
            addr = "192.168.101.1";
            port = "9010";
          };
          socket = "/tmp/.dbusproxy_net.sock";
        }
        {
          transport = {
            name = "audio-vm";
            addr = "192.168.101.2";
            port = "9011";
          };
          socket = "/tmp/.dbusproxy_snd.sock";
        }
        {
          transport = {
            name = "audio-vm";
            addr = "192.168.101.2";
            port = "9012";
          };
          socket = "/tmp/.dbusproxy_app.sock";
        }
        {
          transport = {
            name = "app-vm";
            addr = "192.168.101.100";
            port = "9013";
          };
          socket = "/tmp/.dbusproxy_app2.sock";
        }
      ];
    };
  };
}
