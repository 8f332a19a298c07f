# SPDX-License-Identifier: Apache-2.0
{ network, ... }:
{
  givc.appvm = {
    enable = true;
    debug = true;
    network = network "appvm";
    capabilities = {
      applications = [ ];
      services = [ "kiosk-task.service" ];
    };
  };
}
