# SPDX-License-Identifier: Apache-2.0
{ at, network, ... }:
{
  givc.sysvm = {
    enable = true;
    debug = true;
    network = network "net-vm";
    capabilities.socketProxy = {
      enable = true;
      sockets = [
        {
          transport = at "gui-vm" "9010";
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
