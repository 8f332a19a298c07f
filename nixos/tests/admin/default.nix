# SPDX-License-Identifier: Apache-2.0
# What a whole system does: register, start, freeze and stop applications whose windows are on another VM, notify, and
# hand out locale, time zone and policies; and what it refuses to a machine with another's address in its certificate.
{
  lib,
  machines,
  node,
}:
let
  keys = pkgs: import "${pkgs.path}/nixos/tests/ssh-keys.nix" pkgs;
in
{
  name = "givc-admin";

  nodes.adminvm = node "admin-vm" ./adminvm.nix;
  nodes.hostvm =
    { pkgs, ... }:
    {
      imports = [ (node "ghaf-host" ./hostvm.nix) ];
      environment.systemPackages = [
        pkgs.givc-cli
        pkgs.jq
      ];
      systemd.services."microvm@app-vm" = {
        wantedBy = [ "multi-user.target" ];
        script = "sleep infinity";
      };
      # Where the admin gets the policy from.
      networking.firewall.allowedTCPPorts = [ 8000 ];
      systemd.services.policy-server = {
        wantedBy = [ "multi-user.target" ];
        serviceConfig.WorkingDirectory = "${pkgs.writeTextDir "policy.bin" "proxy"}";
        serviceConfig.ExecStart = "${pkgs.python3}/bin/python3 -m http.server 8000";
      };
    };
  nodes.guivm =
    { pkgs, ... }:
    {
      imports = [
        ../user.nix
        (node "gui-vm" ./guivm.nix)
      ];
      environment.systemPackages = [
        pkgs.jq
        pkgs.mako
        pkgs.socat
        pkgs.waypipe
      ];
      environment.etc."ssh-key" = {
        source = (keys pkgs).snakeOilPrivateKey;
        mode = "0400";
        user = "ghaf";
      };
      programs.ssh.extraConfig = ''
        IdentityFile /etc/ssh-key
        UserKnownHostsFile /dev/null
        StrictHostKeyChecking no
      '';
      # A desktop on the first console, drawn without a graphics card.
      services.getty.autologinUser = "ghaf";
      programs.sway.enable = true;
      environment.variables = {
        SWAYSOCK = "/tmp/sway-ipc.sock";
        WLR_RENDERER = "pixman";
      };
      programs.bash.loginShellInit = ''
        if [ "$(tty)" = /dev/tty1 ]; then
          sway
        fi
      '';
      virtualisation.qemu.options = [ "-vga none -device virtio-gpu-pci" ];
    };
  nodes.appvm =
    { pkgs, ... }:
    {
      imports = [
        ../user.nix
        (node "app-vm" ./appvm.nix)
      ];
      users.users.ghaf = {
        linger = true;
        openssh.authorizedKeys.keys = [ (keys pkgs).snakeOilPublicKey ];
      };
      services.openssh.enable = true;
      fonts.packages = [ pkgs.dejavu_fonts ];
      environment.systemPackages = [
        pkgs.foot
        pkgs.givc-cli
        pkgs.grpcurl
        pkgs.waypipe
        (pkgs.writeShellScriptBin "run-waypipe" ''exec ${pkgs.waypipe}/bin/waypipe --socket /tmp/vsock server -- "$@"'')
      ];
    };
  # Without an agent, and not at the address that its certificate has.
  nodes.badvm =
    { pkgs, ... }:
    {
      imports = [ (node "bad-vm" { }) ];
      networking.interfaces.eth1.ipv4.addresses = lib.mkOverride 10 [
        {
          address = "192.168.101.30";
          prefixLength = 24;
        }
      ];
      environment.systemPackages = [ pkgs.grpcurl ];
    };

  testScript = ''
    import shlex

    CLI = "${machines.cli}"
    GRPCURL = "${machines.grpcurl}"
    ASK_AGENT = (
        GRPCURL + " -d '{\"UnitName\": \"poweroff.target\"}' "
        "${machines.addresses.ghaf-host}:9000 systemd.UnitControlService/GetUnitStatus 2>&1"
    )
    ASK_ADMIN = GRPCURL + " ${machines.addresses.admin-vm}:9001 admin.AdminService/QueryList 2>&1"


    def as_user(command):
        return "su - ghaf -c " + shlex.quote("export XDG_RUNTIME_DIR=/run/user/1000; " + command)


    def in_sway(command):
        return as_user("swaymsg -- " + shlex.quote("exec " + command))


    def listed(condition):
        return f"{CLI} query-list --as-json | jq --exit-status {shlex.quote(condition)}"


    def foot_is(status):
        return listed(f"any(.[]; .name == \"foot@0.service\" and .status == \"{status}\")")


    def gone(application):
        return listed(f"all(.[]; .name | startswith(\"{application}@\") | not)")


    def notified(title):
        return as_user("{ makoctl list; makoctl history; } | grep -q " + shlex.quote(title))


    WINDOW = as_user("swaymsg -t get_tree") + " | jq --exit-status 'any(..; .app_id? == \"foot\")'"

    start_all()
    with subtest("setup services"):
        hostvm.wait_for_unit("givc-ghaf-host.service")
        adminvm.wait_for_unit("givc-admin.service")
        guivm.wait_for_unit("givc-gui-vm.service")
        guivm.wait_for_unit("multi-user.target")
        appvm.wait_for_unit("multi-user.target")
        badvm.wait_for_unit("multi-user.target")
        appvm.wait_until_succeeds("systemctl is-active user@1000.service")
        appvm.wait_for_unit("givc-app-vm.service", "ghaf")
        hostvm.succeed(f"{CLI} test ensure --retry 60 --type 0 givc-ghaf-host.service")
        hostvm.succeed(f"{CLI} test ensure --retry 60 --type 11 --vm app-vm microvm@app-vm.service")
        hostvm.succeed(f"{CLI} test ensure --retry 60 givc-gui-vm.service")
        hostvm.succeed(f"{CLI} test ensure --retry 60 givc-app-vm.service")
        hostvm.succeed(f"{CLI} get-status gui-vm multi-user.target")

    with subtest("a certificate of the own address is taken by agent and admin"):
        appvm.succeed(ASK_AGENT)
        appvm.succeed(ASK_ADMIN)

    with subtest("a certificate of another address is refused by agent and admin"):
        for ask in ASK_AGENT, ASK_ADMIN:
            output = badvm.fail(ask)
            assert "PermissionDenied" in output and "not in certificate SAN" in output, output

    with subtest("setup desktop and tunnel"):
        guivm.wait_for_file("/run/user/1000/wayland-1")
        guivm.wait_for_file("/tmp/sway-ipc.sock")
        guivm.wait_until_succeeds(as_user("ssh -n ${machines.addresses.app-vm} true"))
        guivm.succeed(in_sway("waypipe --socket /tmp/vsock client"))
        guivm.wait_for_file("/tmp/vsock")
        guivm.succeed(in_sway("ssh -n -N -R /tmp/vsock:/tmp/vsock ${machines.addresses.app-vm}"))
        appvm.wait_for_file("/tmp/vsock")

    with subtest("locale and timezone"):
        hostvm.succeed(f"{CLI} set-locale en_US.UTF-8")
        adminvm.wait_for_file("/etc/locale-givc.conf")
        hostvm.succeed(f"{CLI} set-timezone UTC")
        adminvm.wait_for_file("/etc/timezone.conf")

    with subtest("notifications"):
        guivm.wait_for_unit("event-notifier.socket", "ghaf")
        guivm.succeed(in_sway("mako"))
        guivm.wait_until_succeeds(as_user("makoctl list"))
        guivm.fail(notified("Local Test Alert"))
        guivm.succeed(
            "echo '{\"Event\": \"some-alert\", \"Title\": \"Local Test Alert\", \"Urgency\": 2}'"
            " | socat - UNIX-CONNECT:/run/log/journal-notifier/user-1000.sock"
        )
        guivm.wait_until_succeeds(notified("Local Test Alert"))
        appvm.succeed(
            f"{CLI} notify-user gui-vm --event vm-alert --urgency critical --title 'VM Test Alert' --message 'None'"
        )
        guivm.wait_until_succeeds(notified("VM Test Alert"))

    with subtest("stats"):
        hostvm.succeed(f"{CLI} get-stats app-vm")

    with subtest("an application starts"):
        hostvm.succeed(f"{CLI} start app --vm app-vm foot")
        guivm.wait_until_succeeds(WINDOW)

    with subtest("one that crashed starts again, as the same instance"):
        appvm.succeed("pkill foot")
        hostvm.wait_until_succeeds(gone("foot"))
        guivm.wait_until_fails(WINDOW)
        hostvm.succeed(f"{CLI} start app --vm app-vm foot")
        guivm.wait_until_succeeds(WINDOW)

    with subtest("it is paused, resumed and stopped"):
        appvm.succeed("pgrep foot")
        group = appvm.succeed(as_user("systemctl --user show --property=ControlGroup --value foot@0.service")).strip()
        hostvm.succeed(f"{CLI} pause foot@0.service")
        hostvm.wait_until_succeeds(foot_is("Paused"))
        appvm.succeed(f"grep -q 'frozen 1' /sys/fs/cgroup{group}/cgroup.events")
        hostvm.succeed(f"{CLI} resume foot@0.service")
        hostvm.wait_until_succeeds(foot_is("Running"))
        appvm.succeed(f"grep -q 'frozen 0' /sys/fs/cgroup{group}/cgroup.events")
        hostvm.succeed(f"{CLI} stop app foot@0.service")
        appvm.fail("pgrep foot")

    with subtest("one that ended starts again"):
        hostvm.succeed(f"{CLI} start app --vm app-vm clearexit")
        hostvm.wait_until_succeeds(gone("clearexit"))
        hostvm.succeed(f"{CLI} start app --vm app-vm clearexit")

    with subtest("a policy arrives"):
        appvm.wait_for_file("/etc/policies/proxy-config/policy.bin")
        assert appvm.succeed("cat /etc/policies/proxy-config/policy.bin") == "proxy"
  '';
}
