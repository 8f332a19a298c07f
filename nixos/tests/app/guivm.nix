# SPDX-License-Identifier: Apache-2.0
{
  givc.sysvm = {
    enable = true;
    network = {
      agent.transport = {
        name = "guivm";
        addr = "192.168.101.3";
      };
      admin.transport = {
        name = "adminvm";
        addr = "192.168.101.10";
        port = "9001";
      };
    };
  };
}
