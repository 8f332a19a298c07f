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
