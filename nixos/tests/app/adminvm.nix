# SPDX-License-Identifier: Apache-2.0
{ at, ... }:
{
  givc.admin = {
    enable = true;
    debug = true;
    name = "adminvm";
    addresses = [ (at "adminvm" "9001") ];
    accessControl = {
      enable = true;
      adminRules = [
        {
          from = [
            "appvm"
            "guivm"
            "ghaf-host"
          ];
          permittedRequests = [ "RegisterService" ];
        }
        {
          from = [ "guivm" ];
          to = [ "appvm" ];
          permittedRequests = [ "StartApplication" ];
        }
        {
          from = [ "guivm" ];
          to = [ "ghaf-host" ];
          permittedRequests = [ "StopService" ];
        }
      ];
    };
  };
}
