# SPDX-License-Identifier: Apache-2.0
{ at, ... }:
{
  givc.admin = {
    enable = true;
    debug = true;
    name = "adminvm";
    addresses = [ (at "adminvm" "9001") ];
  };
}
