# SPDX-License-Identifier: Apache-2.0
{ network, ... }:
{
  givc.appvm = {
    enable = true;
    debug = true;
    network = network "appvm";
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
