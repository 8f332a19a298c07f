# SPDX-License-Identifier: Apache-2.0
# Machines that run the modules, as checks of the flake. A test is a folder: default.nix is what happens, NODE.nix what
# givc has to know on a node, apart from the rest so that it can be evaluated without NixOS.
{ lib, pkgs }:
let
  # Names are those in the certificates, addresses those of the test's network.
  certificates =
    machines:
    pkgs.runCommand "givc-test-certificates" { nativeBuildInputs = [ pkgs.givc-cli ]; } ''
      givcctl certs --dir=$out init
      ${lib.concatStrings (
        lib.mapAttrsToList (name: address: "givcctl certs --dir=$out issue ${name} ${address}\n") machines
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
      networking.interfaces.eth1.ipv4.addresses = lib.mkForce [
        {
          address = machines.${name};
          prefixLength = 24;
        }
      ];
      environment.etc = lib.mapAttrs' (file: mode: {
        name = "givc/${file}";
        value = {
          source = "${certificates machines}/${name}/${file}";
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
] (test: pkgs.testers.runNixOSTest (import (./. + "/${test}") { inherit lib node; }))
