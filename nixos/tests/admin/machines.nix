# SPDX-License-Identifier: Apache-2.0
{
  admin = "admin-vm";
  addresses = {
    admin-vm = "192.168.101.10";
    app-vm = "192.168.101.5";
    bad-vm = "192.168.101.99";
    ghaf-host = "192.168.101.2";
    gui-vm = "192.168.101.3";
  };
}
