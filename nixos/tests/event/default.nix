# SPDX-License-Identifier: Apache-2.0
# Input devices that one VM lends to another, which has no admin: the one that may send, and devices that there can be.
{
  machines,
  node,
  ...
}:
{
  name = "givc-event";

  nodes.audiovm =
    { pkgs, ... }:
    {
      imports = [ (node "audio-vm" ./audiovm.nix) ];
      environment.systemPackages = [
        pkgs.givc-cli
        pkgs.grpcurl
      ];
    };
  nodes.appvm =
    { pkgs, ... }:
    {
      imports = [
        ../user.nix
        (node "app-vm" ./appvm.nix)
      ];
      environment.systemPackages = [ pkgs.givc-cli ];
      hardware.uinput.enable = true;
      users.users.ghaf = {
        linger = true;
        extraGroups = [
          "input"
          "uinput"
        ];
      };
    };

  testScript = ''
    import json
    import shlex

    CONSUMER = "${machines.addresses.app-vm}:9015"


    def call(method, **fields):
        data = f"-d {shlex.quote(json.dumps(fields))} " if fields else ""
        return f"${machines.grpcurl} {data}{CONSUMER} eventproxy.EventService/{method}"


    def given(method, **fields):
        data = shlex.quote(json.dumps(fields))
        return f"${machines.client "app-vm" "9015"} call eventproxy.EventService/{method} {data}"


    CONTROLLER = {"name": "wireless controller", "vendorId": 1118, "deviceId": 654}
    MADE = "grep -qi 'name=\"wireless controller\"' /proc/bus/input/devices"

    start_all()
    with subtest("startup"):
        audiovm.wait_for_unit("givc-audio-vm.service")
        appvm.wait_for_unit("multi-user.target")
        appvm.wait_until_succeeds("systemctl is-active user@1000.service")
        appvm.wait_for_unit("givc-app-vm.service", "ghaf")
        appvm.wait_for_open_port(9015, "${machines.addresses.app-vm}")
        appvm.fail(MADE)

    with subtest("a device is made"):
        audiovm.succeed(call("RegisterDevice", **CONTROLLER))
        appvm.succeed(MADE)
        audiovm.succeed(given("RegisterDevice", **CONTROLLER))

    with subtest("its events are taken"):
        for button in 308, 304, 315:
            audiovm.succeed(call("StreamEvents", type=1, code=button, value=1))

    with subtest("a device that there cannot be is refused"):
        audiovm.fail(call("RegisterDevice"))
        audiovm.fail(call("RegisterDevice", name="wireless keyboard", vendorId=1118, deviceId=654))
        appvm.fail("grep -qi 'wireless keyboard' /proc/bus/input/devices")

    with subtest("who is not the source is refused"):
        output = appvm.fail(given("RegisterDevice", **CONTROLLER) + " 2>&1")
        assert "PermissionDenied" in output or "permission denied" in output, output
  '';
}
