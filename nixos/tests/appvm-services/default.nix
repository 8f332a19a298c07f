# SPDX-License-Identifier: Apache-2.0
# An application VM without applications, whose user's units are started through the admin: those that it exposes only.
{ lib, node }:
let
  machines = {
    adminvm = "192.168.101.10";
    appvm = "192.168.101.5";
  };
in
{
  name = "givc-appvm-services";

  nodes.adminvm = node machines "adminvm" ./adminvm.nix;
  nodes.appvm =
    { pkgs, ... }:
    {
      imports = [ (node machines "appvm" ./appvm.nix) ];
      environment.systemPackages = [ pkgs.givc-cli ];
      users.users.ghaf = {
        isNormalUser = true;
        uid = 1000;
        linger = true;
      };
      systemd.user.services = lib.genAttrs [ "kiosk-task" "unlisted-task" ] (name: {
        serviceConfig = {
          Type = "oneshot";
          ExecStart = "${pkgs.coreutils}/bin/touch /tmp/${name}-ran";
        };
      });
    };

  testScript = ''
    import json

    CLI = (
        "givc-cli --name adminvm --addr ${machines.adminvm} --port 9001 "
        "--cacert /etc/givc/ca-cert.pem --cert /etc/givc/cert.pem --key /etc/givc/key.pem "
    )

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
