# SPDX-License-Identifier: Apache-2.0
{
  admin = "admin-vm";
  addresses = {
    admin-vm = "192.168.101.10";
    app-vm = "192.168.101.100";
    audio-vm = "192.168.101.2";
    gui-vm = "192.168.101.3";
    net-vm = "192.168.101.1";
  };
}
