# SPDX-License-Identifier: Apache-2.0
{
  admin = "adminvm";
  addresses = {
    adminvm = "192.168.101.10";
    appvm = "192.168.101.5";
    ghaf-host = "192.168.101.2";
    guivm = "192.168.101.3";
  };
}
