# SPDX-License-Identifier: Apache-2.0
{
  givc.appvm = {
    enable = true;
    debug = true;
    network = {
      agent.transport = {
        name = "app-vm";
        addr = "192.168.101.5";
      };
      admin.transport = {
        name = "admin-vm";
        addr = "192.168.101.10";
        port = "9001";
      };
    };
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
