# SPDX-License-Identifier: Apache-2.0
# Machines that run the modules, as checks of the flake. A test is a folder: default.nix is what happens, machines.nix who
# is where, NODE.nix what givc has to know on a node, apart from the rest so that it can be evaluated without NixOS.
{ lib, pkgs }:
let
  certificates =
    addresses:
    pkgs.runCommand "givc-test-certificates" { nativeBuildInputs = [ pkgs.givc-cli ]; } ''
      givcctl certs --dir=$out init
      ${lib.concatStrings (
        lib.mapAttrsToList (name: address: "givcctl certs --dir=$out issue ${name} ${address}\n") addresses
      )}
    '';

  files = {
    "ca-cert.pem" = "0444";
    "cert.pem" = "0444";
    "key.pem" = "0400";
  };

  node =
    machines: name: givc:
    { lib, ... }:
    {
      imports = [
        ../modules/admin.nix
        ../modules/appvm.nix
        ../modules/dbusproxy.nix
        ../modules/host.nix
        ../modules/sysvm.nix
        givc
      ];
      _module.args = { inherit (machines) addresses at network; };
      networking.interfaces.eth1.ipv4.addresses = lib.mkForce [
        {
          address = machines.addresses.${name};
          prefixLength = 24;
        }
      ];
      environment.etc = lib.mapAttrs' (file: mode: {
        name = "givc/${file}";
        value = {
          source = "${certificates machines.addresses}/${name}/${file}";
          inherit mode;
        };
      }) files;
    };
in
lib.genAttrs [
  "admin"
  "app"
  "appvm-services"
  "dbus"
  "event"
] (
  test:
  let
    machines = import ./network.nix (import (./. + "/${test}/machines.nix"));
  in
  pkgs.testers.runNixOSTest (
    import (./. + "/${test}") {
      inherit lib machines;
      node = node machines;
    }
  )
)
