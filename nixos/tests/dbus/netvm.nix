# SPDX-License-Identifier: Apache-2.0
{
  givc.sysvm = {
    enable = true;
    debug = true;
    network = {
      agent.transport = {
        name = "net-vm";
        addr = "192.168.101.1";
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
            name = "gui-vm";
            addr = "192.168.101.3";
            port = "9010";
          };
          socket = "/tmp/.dbusproxy_net.sock";
        }
      ];
    };
  };
  givc.dbusproxy = {
    enable = true;
    system = {
      enable = true;
      user = "ghaf";
      socket = "/tmp/.dbusproxy_net.sock";
      policy = {
        talk = [
          "org.freedesktop.NetworkManager.*"
          "org.freedesktop.Avahi.*"
        ];
        call = [ "org.freedesktop.UPower=org.freedesktop.UPower.EnumerateDevices" ];
      };
    };
  };
}
