# SPDX-License-Identifier: Apache-2.0
{
  givc.admin = {
    enable = true;
    name = "admin-vm";
    addresses = [
      {
        name = "admin-vm";
        addr = "192.168.101.10";
        port = "9001";
      }
    ];
  };
}
