# SPDX-License-Identifier: Apache-2.0
{ network, ... }:
{
  givc.sysvm = {
    enable = true;
    network = network "guivm";
  };
}
