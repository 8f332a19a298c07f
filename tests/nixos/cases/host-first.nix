# SPDX-License-Identifier: Apache-2.0
# The first version's shape.
{
  givc.host = {
    enable = true;
    name = "ghaf-host";
    addr = "192.168.101.2";
    port = "9000";
    services = [
      "poweroff.target"
      "reboot.target"
    ];
    tls.enable = false;
    admin = {
      enable = true;
      name = "admin-vm";
      addr = "192.168.101.10";
      port = "9001";
      protocol = "tcp";
    };
  };
}
