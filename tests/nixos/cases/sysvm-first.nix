# SPDX-License-Identifier: Apache-2.0
# The first version's shape.
{
  givc.sysvm = {
    enable = true;
    name = "net-vm";
    addr = "192.168.101.1";
    port = "9000";
    wifiManager = true;
    hwidService = true;
    hwidIface = "wlan0";
    tls = {
      caCertPath = "/etc/ssl/ca.pem";
      certPath = "/etc/ssl/cert.pem";
      keyPath = "/etc/ssl/key.pem";
    };
    admin = {
      enable = true;
      name = "admin-vm";
      addr = "192.168.101.10";
      port = "9001";
    };
  };
}
