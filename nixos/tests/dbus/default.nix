# SPDX-License-Identifier: Apache-2.0
# Buses of three VMs, behind filters, on a fourth: what a filter lets through, and for which user.
{
  machines,
  node,
  ...
}:
{
  name = "givc-dbus";

  nodes.adminvm = node "admin-vm" ./adminvm.nix;
  nodes.guivm =
    { pkgs, ... }:
    {
      imports = [
        ../user.nix
        (node "gui-vm" ./guivm.nix)
      ];
      environment.systemPackages = [ pkgs.networkmanager ];
      # In the group that may open the sockets, but not the user that the filters run as.
      users.users.evil1 = {
        isNormalUser = true;
        uid = 4269;
        group = "users";
      };
      users.users.evil2 = {
        isSystemUser = true;
        uid = 42;
        group = "users";
      };
    };
  nodes.netvm = {
    imports = [
      ../user.nix
      (node "net-vm" ./netvm.nix)
    ];
    networking.networkmanager = {
      enable = true;
      unmanaged = [
        "eth0"
        "eth1"
      ];
    };
    services.avahi.enable = true;
    services.upower.enable = true;
  };
  nodes.audiovm = {
    imports = [ (node "audio-vm" ./audiovm.nix) ];
    services.upower.enable = true;
    services.playerctld.enable = true;
  };
  nodes.appvm = {
    imports = [ (node "app-vm" ./appvm.nix) ];
    services.playerctld.enable = true;
  };

  testScript = ''
    def socket(name):
        return f"/tmp/.dbusproxy_{name}.sock"


    def send(name, destination, path, method, *words, user="ghaf"):
        return (
            f"sudo -u {user} dbus-send --bus=unix:path={socket(name)} --print-reply "
            f"--dest={destination} {path} {' '.join((method, *words))}"
        )


    INTROSPECT = "org.freedesktop.DBus.Introspectable.Introspect"
    NETWORK = (
        "net", "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager",
        "org.freedesktop.DBus.Properties.Get", "string:org.freedesktop.NetworkManager", "string:ActiveConnections",
    )
    AVAHI = "net", "org.freedesktop.Avahi", "/org/freedesktop/Avahi", INTROSPECT
    POWER = "org.freedesktop.UPower", "/org/freedesktop/UPower"
    DEVICES = "net", *POWER, "org.freedesktop.UPower.EnumerateDevices"
    SOUND = "snd", *POWER, INTROSPECT
    PLAYER = "org.mpris.MediaPlayer2.playerctld", "/org/mpris/MediaPlayer2", INTROSPECT

    start_all()
    with subtest("startup"):
        adminvm.wait_for_unit("givc-admin.service")
        guivm.wait_for_unit("givc-gui-vm.service")
        netvm.wait_for_unit("givc-net-vm.service")
        netvm.wait_for_unit("NetworkManager.service")
        netvm.wait_for_unit("avahi-daemon.service")
        netvm.wait_for_unit("givc-dbusproxy-system.service")
        audiovm.wait_for_unit("givc-audio-vm.service")
        audiovm.wait_for_unit("givc-dbusproxy-system.service")
        audiovm.wait_until_succeeds("systemctl is-active user@1000.service")
        audiovm.wait_for_unit("givc-dbusproxy-session.service", "ghaf")
        appvm.wait_until_succeeds("systemctl is-active user@1000.service")
        appvm.wait_for_unit("givc-dbusproxy-session.service", "ghaf")
        appvm.wait_for_unit("givc-app-vm.service", "ghaf")
        netvm.wait_for_file(socket("net"))
        audiovm.wait_for_file(socket("snd"))
        audiovm.wait_for_file(socket("app"))
        appvm.wait_for_file(socket("app2"))
        for name in "net", "snd", "app", "app2":
            guivm.wait_for_file(socket(name))

    with subtest("what the filters of system buses let through"):
        guivm.wait_until_succeeds(send(*NETWORK))
        guivm.succeed(f"sudo -u ghaf env DBUS_SYSTEM_BUS_ADDRESS=unix:path={socket('net')} nmcli d")
        guivm.succeed(send(*AVAHI))
        guivm.succeed(send(*DEVICES))
        guivm.wait_until_succeeds(send(*SOUND))

    with subtest("a call that they do not"):
        guivm.fail(send("net", *POWER, "org.freedesktop.UPower.GetCriticalAction"))

    with subtest("users that the filters do not run as"):
        guivm.fail(send("net", *POWER, INTROSPECT, user="root"))
        guivm.fail(send(*DEVICES, user="root"))
        guivm.fail(send(*DEVICES, user="evil1"))
        guivm.fail(send(*AVAHI, user="evil2"))

    with subtest("session buses"):
        for name in "app", "app2":
            guivm.wait_until_succeeds(send(name, *PLAYER))
            guivm.fail(send(name, *PLAYER, user="root"))

    with subtest("two at once"):
        asked = send("app", *PLAYER)
        guivm.succeed(f"{asked} & first=$!; {asked} && wait $first")
  '';
}
