# SPDX-License-Identifier: Apache-2.0
{
  givc.admin = {
    enable = true;
    debug = true;
    name = "adminvm";
    addresses = [
      {
        name = "adminvm";
        addr = "192.168.101.10";
        port = "9001";
      }
    ];
  };
}
