# SPDX-License-Identifier: Apache-2.0
{ at, network, ... }:
{
  givc.sysvm = {
    enable = true;
    debug = true;
    network = network "gui-vm";
    capabilities.socketProxy = {
      enable = true;
      sockets = [
        {
          transport = at "net-vm" "9010";
          socket = "/tmp/.dbusproxy_net.sock";
        }
        {
          transport = at "audio-vm" "9011";
          socket = "/tmp/.dbusproxy_snd.sock";
        }
        {
          transport = at "audio-vm" "9012";
          socket = "/tmp/.dbusproxy_app.sock";
        }
        {
          transport = at "app-vm" "9013";
          socket = "/tmp/.dbusproxy_app2.sock";
        }
      ];
    };
  };
}
