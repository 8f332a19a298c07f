# SPDX-License-Identifier: Apache-2.0
{ at, network, ... }:
{
  givc.appvm = {
    enable = true;
    debug = true;
    accessControl.enable = true;
    network = network "app-vm";
    capabilities = {
      services = [ "default.target" ];
      eventProxy = {
        enable = true;
        events = [
          {
            transport = at "app-vm" "9015";
            consumer = {
              enable = true;
              permittedSource = "audio-vm";
            };
          }
        ];
      };
    };
  };
}
