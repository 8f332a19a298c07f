# SPDX-License-Identifier: Apache-2.0
# Input devices that one VM lends to another, which has no admin: the one that may send, and devices that there can be.
{ lib, node }:
let
  machines = {
    audio-vm = "192.168.101.2";
    app-vm = "192.168.101.100";
  };
in
{
  name = "givc-event";

  nodes.audiovm =
    { pkgs, ... }:
    {
      imports = [ (node machines "audio-vm" ./audiovm.nix) ];
      environment.systemPackages = [
        pkgs.givc-cli
        pkgs.grpcurl
      ];
    };
  nodes.appvm =
    { pkgs, ... }:
    {
      imports = [ (node machines "app-vm" ./appvm.nix) ];
      environment.systemPackages = [ pkgs.givc-cli ];
      hardware.uinput.enable = true;
      users.users.ghaf = {
        isNormalUser = true;
        uid = 1000;
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

    CONSUMER = "${machines.app-vm}:9015"
    FILES = "/etc/givc/ca-cert.pem", "/etc/givc/cert.pem", "/etc/givc/key.pem"


    def call(method, **fields):
        options = " ".join(f"-{name} {file}" for name, file in zip(("cacert", "cert", "key"), FILES))
        data = f"-d {shlex.quote(json.dumps(fields))} " if fields else ""
        return f"grpcurl {options} {data}{CONSUMER} eventproxy.EventService/{method}"


    def given(method, **fields):
        options = " ".join(f"--{name} {file}" for name, file in zip(("cacert", "cert", "key"), FILES))
        words = f"--name app-vm --addr ${machines.app-vm} --port 9015 call eventproxy.EventService/{method}"
        return f"givcctl {options} {words} {shlex.quote(json.dumps(fields))}"


    CONTROLLER = {"name": "wireless controller", "vendorId": 1118, "deviceId": 654}
    MADE = "grep -qi 'name=\"wireless controller\"' /proc/bus/input/devices"

    start_all()
    with subtest("startup"):
        audiovm.wait_for_unit("givc-audio-vm.service")
        appvm.wait_for_unit("multi-user.target")
        appvm.wait_until_succeeds("systemctl is-active user@1000.service")
        appvm.wait_for_unit("givc-app-vm.service", "ghaf")
        appvm.wait_for_open_port(9015, "${machines.app-vm}")
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
