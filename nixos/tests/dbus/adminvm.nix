# SPDX-License-Identifier: Apache-2.0
{ at, ... }:
{
  givc.admin = {
    enable = true;
    name = "admin-vm";
    addresses = [ (at "admin-vm" "9001") ];
  };
}
