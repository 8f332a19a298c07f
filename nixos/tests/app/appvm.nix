# SPDX-License-Identifier: Apache-2.0
{
  givc.appvm = {
    enable = true;
    debug = true;
    network = {
      agent.transport = {
        name = "appvm";
        addr = "192.168.101.5";
      };
      admin.transport = {
        name = "adminvm";
        addr = "192.168.101.10";
        port = "9001";
      };
    };
    capabilities.applications =
      map
        (name: {
          inherit name;
          command = "/run/current-system/sw/bin/cat";
          args = [ "file" ];
          directories = [
            "/etc"
            "/tmp"
          ];
        })
        [
          "cat"
          "anothercat"
        ];
    accessControl = {
      enable = true;
      agentRules = [
        {
          permittedVms = [ "guivm" ];
          permittedModules = [ "systemd" ];
        }
      ];
    };
  };
}
