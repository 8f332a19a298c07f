# SPDX-License-Identifier: Apache-2.0
# An application VM without applications, whose user's units are started through the admin: those that it exposes only.
{
  lib,
  machines,
  node,
}:
{
  name = "givc-appvm-services";

  nodes.adminvm = node "adminvm" ./adminvm.nix;
  nodes.appvm =
    { pkgs, ... }:
    {
      imports = [
        ../user.nix
        (node "appvm" ./appvm.nix)
      ];
      environment.systemPackages = [ pkgs.givc-cli ];
      users.users.ghaf.linger = true;
      systemd.user.services = lib.genAttrs [ "kiosk-task" "unlisted-task" ] (name: {
        serviceConfig = {
          Type = "oneshot";
          ExecStart = "${pkgs.coreutils}/bin/touch /tmp/${name}-ran";
        };
      });
    };

  testScript = ''
    import json

    CLI = "${machines.cli} "

    start_all()
    with subtest("startup"):
        adminvm.wait_for_unit("givc-admin.service")
        appvm.wait_for_unit("multi-user.target")
        appvm.wait_until_succeeds("systemctl is-active user@1000.service")
        appvm.wait_for_unit("givc-appvm.service", "ghaf")

    with subtest("the agent's configuration has the unit"):
        config = json.loads(appvm.succeed("cat /etc/givc-agent/config.json"))
        assert config["capabilities"]["services"] == ["kiosk-task.service"]

    with subtest("the unit is registered as a service of an application VM"):
        appvm.succeed(CLI + "test ensure --retry 60 --type 13 kiosk-task.service")

    with subtest("a unit that is exposed starts"):
        appvm.fail("test -e /tmp/kiosk-task-ran")
        appvm.succeed(CLI + "start service kiosk-task.service --vm appvm")
        appvm.wait_for_file("/tmp/kiosk-task-ran")

    with subtest("a unit that is not exposed does not"):
        appvm.fail(CLI + "start service unlisted-task.service --vm appvm")
        appvm.fail("test -e /tmp/unlisted-task-ran")
  '';
}
