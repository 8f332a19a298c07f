# SPDX-License-Identifier: Apache-2.0
# Who may do what, by rules of the admin and of an agent, and which files an application may be started with.
{
  machines,
  node,
  ...
}:
let
  client =
    { pkgs, ... }:
    {
      environment.systemPackages = [
        pkgs.givc-cli
        pkgs.grpcurl
      ];
    };
in
{
  name = "givc-app";

  nodes.adminvm = node "adminvm" ./adminvm.nix;
  nodes.guivm.imports = [
    client
    (node "guivm" ./guivm.nix)
  ];
  nodes.hostvm = {
    imports = [
      client
      (node "ghaf-host" ./hostvm.nix)
    ];
    systemd.services.host-test.script = "sleep infinity";
  };
  nodes.appvm = {
    imports = [
      ../user.nix
      (node "appvm" ./appvm.nix)
    ];
    users.users.ghaf.linger = true;
  };

  testScript = ''
    CLI = "${machines.cli}"
    START_DIRECTLY = (
        "${machines.grpcurl} -d '{\"UnitName\": \"anothercat@0.service\"}' "
        "${machines.addresses.appvm}:9000 systemd.UnitControlService/StartApplication 2>&1"
    )

    start_all()
    with subtest("startup"):
        adminvm.wait_for_unit("givc-admin.service")
        guivm.wait_for_unit("givc-guivm.service")
        hostvm.wait_for_unit("givc-ghaf-host.service")
        appvm.wait_for_unit("multi-user.target")
        appvm.wait_until_succeeds("systemctl is-active user@1000.service")
        appvm.wait_for_unit("givc-appvm.service", "ghaf")
        # Who asks on the admin's own machine needs no rule.
        for unit in "givc-appvm.service", "givc-guivm.service", "givc-ghaf-host.service", "host-test.service":
            adminvm.succeed(f"givcctl test ensure --retry 60 {unit}")
        appvm.succeed("su - ghaf -c 'touch /tmp/testfile'")

    with subtest("an application starts with files that it may have"):
        guivm.succeed(f"{CLI} start app --vm appvm cat -- /tmp/testfile")
        guivm.succeed(f"{CLI} start app --vm appvm cat -- /etc/passwd")

    with subtest("an application does not start with other files"):
        for path in "/var/log/lastlog", "/etc/../bin/sh":
            output = guivm.fail(f"{CLI} start app --vm appvm cat -- {path} 2>&1")
            assert path in output, output

    with subtest("the agent refuses the host, which none of its rules permits"):
        output = hostvm.fail(START_DIRECTLY)
        assert "permission denied by access control policy" in output, output

    with subtest("the agent admits who is permitted"):
        guivm.succeed(START_DIRECTLY)

    with subtest("the admin refuses a method that no rule permits"):
        output = guivm.fail(f"{CLI} get-status appvm multi-user.target 2>&1")
        assert "permission denied by admin access control policy" in output, output

    with subtest("a permitted caller stops a service of the host"):
        hostvm.succeed("systemctl start host-test.service")
        hostvm.succeed("systemctl is-active host-test.service")
        guivm.succeed(f"{CLI} stop service host-test.service --vm ghaf-host")
        hostvm.wait_until_fails("systemctl is-active host-test.service")
  '';
}
