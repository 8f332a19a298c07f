# SPDX-License-Identifier: Apache-2.0
# The first version's shape.
{
  givc.appvm = {
    enable = true;
    name = "foot-vm";
    addr = "192.168.101.6";
    port = "9000";
    applications = builtins.toJSON {
      foot = "/run/current-system/sw/bin/foot";
      clearexit = "/run/current-system/sw/bin/sleep 5";
    };
    admin = {
      enable = true;
      name = "admin-vm";
      addr = "192.168.101.10";
      port = "9001";
    };
  };
}
