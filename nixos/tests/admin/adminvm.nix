# SPDX-License-Identifier: Apache-2.0
{
  givc.admin = {
    enable = true;
    debug = true;
    name = "admin-vm";
    addresses = [
      {
        name = "admin-vm";
        addr = "192.168.101.10";
        port = "9001";
      }
    ];
    policyAdmin = {
      enable = true;
      updater.perPolicy.enable = true;
      policies.proxy-config = {
        vms = [ "app-vm" ];
        perPolicyUpdater = {
          url = "http://192.168.101.2:8000/policy.bin";
          poll_interval_secs = 5;
        };
      };
    };
  };
}
