# SPDX-License-Identifier: Apache-2.0
{
  users.users.ghaf = {
    isNormalUser = true;
    uid = 1000;
    group = "users";
    linger = true;
  };
  givc.appvm = {
    enable = true;
    debug = true;
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
      services = [ "playerctld.service" ];
      socketProxy = {
        enable = true;
        sockets = [
          {
            transport = {
              name = "gui-vm";
              addr = "192.168.101.3";
              port = "9013";
            };
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
