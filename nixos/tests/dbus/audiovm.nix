# SPDX-License-Identifier: Apache-2.0
{
  users.users.ghaf = {
    isNormalUser = true;
    uid = 1000;
    group = "users";
    linger = true;
  };
  givc.sysvm = {
    enable = true;
    debug = true;
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
    capabilities.socketProxy = {
      enable = true;
      sockets = [
        {
          transport = {
            name = "gui-vm";
            addr = "192.168.101.3";
            port = "9011";
          };
          socket = "/tmp/.dbusproxy_snd.sock";
        }
        {
          transport = {
            name = "gui-vm";
            addr = "192.168.101.3";
            port = "9012";
          };
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
