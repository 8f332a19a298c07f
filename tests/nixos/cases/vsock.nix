# SPDX-License-Identifier: Apache-2.0
{
  givc.sysvm = {
    enable = true;
    network = {
      agent.transport = {
        name = "gui-vm";
        addr = "any";
        port = "9000";
        protocol = "vsock";
      };
      admin.transport = {
        name = "admin-vm";
        addr = "2";
        port = "9001";
        protocol = "vsock";
      };
    };
  };
}
