# SPDX-License-Identifier: Apache-2.0
{ addresses, at, ... }:
{
  givc.admin = {
    enable = true;
    debug = true;
    name = "admin-vm";
    addresses = [ (at "admin-vm" "9001") ];
    policyAdmin = {
      enable = true;
      updater.perPolicy.enable = true;
      policies.proxy-config = {
        vms = [ "app-vm" ];
        perPolicyUpdater = {
          url = "http://${addresses.ghaf-host}:8000/policy.bin";
          poll_interval_secs = 5;
        };
      };
    };
  };
}
