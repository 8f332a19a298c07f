# SPDX-License-Identifier: Apache-2.0
{ at, network, ... }:
{
  imports = [ ../user.nix ];
  users.users.ghaf.linger = true;
  givc.appvm = {
    enable = true;
    debug = true;
    network = network "app-vm";
    capabilities = {
      services = [ "playerctld.service" ];
      socketProxy = {
        enable = true;
        sockets = [
          {
            transport = at "gui-vm" "9013";
            socket = "/tmp/.dbusproxy_app2.sock";
          }
        ];
      };
    };
  };
  givc.dbusproxy = {
    enable = true;
    session = {
      enable = true;
      user = "ghaf";
      socket = "/tmp/.dbusproxy_app2.sock";
      policy.talk = [ "org.mpris.MediaPlayer2.playerctld.*" ];
    };
  };
}
