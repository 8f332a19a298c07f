# SPDX-License-Identifier: Apache-2.0
{ network, ... }:
{
  givc.appvm = {
    enable = true;
    debug = true;
    network = network "app-vm";
    capabilities = {
      applications = [
        {
          name = "foot";
          command = "/run/current-system/sw/bin/run-waypipe /run/current-system/sw/bin/foot";
        }
        {
          name = "clearexit";
          command = "/run/current-system/sw/bin/sleep 5";
        }
      ];
      policy = {
        enable = true;
        policies.proxy-config = "";
      };
    };
  };
}
