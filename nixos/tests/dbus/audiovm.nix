# SPDX-License-Identifier: Apache-2.0
{ at, network, ... }:
{
  imports = [ ../user.nix ];
  users.users.ghaf.linger = true;
  givc.sysvm = {
    enable = true;
    debug = true;
    network = network "audio-vm";
    capabilities.socketProxy = {
      enable = true;
      sockets = [
        {
          transport = at "gui-vm" "9011";
          socket = "/tmp/.dbusproxy_snd.sock";
        }
        {
          transport = at "gui-vm" "9012";
          socket = "/tmp/.dbusproxy_app.sock";
        }
      ];
    };
  };
  givc.dbusproxy = {
    enable = true;
    system = {
      enable = true;
      user = "ghaf";
      socket = "/tmp/.dbusproxy_snd.sock";
      policy.talk = [ "org.freedesktop.UPower.*" ];
    };
    session = {
      enable = true;
      user = "ghaf";
      socket = "/tmp/.dbusproxy_app.sock";
      policy.talk = [ "org.mpris.MediaPlayer2.playerctld.*" ];
    };
  };
}
