# SPDX-License-Identifier: Apache-2.0
# What nodes of a test of nixos/tests have that its script may ask for.
{
  lib, # the directory of nixpkgs' library
  test, # name of the test
}:
let
  library = import lib;
  stubs = import ./stubs.nix {
    inherit library;
    more = [
      "dejavu_fonts"
      "foot"
      "grpcurl"
      "mako"
      "networkmanager"
      "python3"
      "socat"
      "waypipe"
    ];
  };
  pkgs = stubs.pkgs // {
    path = toString ./nixpkgs;
    testers.runNixOSTest = made: made;
    writeShellScriptBin = name: _: stubs.pkgs.writeText name "";
    writeTextDir = stubs.pkgs.writeText;
  };
  made = (import ../../nixos/tests { inherit pkgs; lib = library; }).${test};

  # What some of them bring: units, and commands.
  brought = {
    "networking.networkmanager.enable" = [ "NetworkManager.service" ];
    "programs.sway.enable" = [ "swaymsg" ];
    "services.avahi.enable" = [ "avahi-daemon.service" ];
    "services.openssh.enable" = [ "sshd.service" ];
  };

  # Options of NixOS that the nodes set.
  nixos.options = library.foldl' (all: path: library.recursiveUpdate all (library.setAttrByPath path any)) { } (
    map (library.splitString ".") [
      "environment.variables"
      "fonts"
      "hardware"
      "networking.interfaces"
      "networking.networkmanager"
      "programs"
      "services.avahi"
      "services.getty"
      "services.openssh"
      "services.playerctld"
      "services.upower"
      "virtualisation"
    ]
  );
  any = library.mkOption {
    type = library.types.anything;
    default = { };
  };

  named = kind: units: map (name: "${name}.${kind}") (builtins.attrNames units);
  unitsOf =
    manager:
    named "service" manager.services
    ++ named "socket" manager.sockets
    ++ named "target" (manager.targets or { })
    ++ named "path" (manager.paths or { });

  nodeOf =
    module:
    let
      inherit
        (library.evalModules {
          modules = [
            stubs.nixos
            nixos
            module
          ];
          specialArgs = { inherit pkgs; };
        })
        config
        ;
      on = option: library.attrByPath (library.splitString "." option) false config;
      texts = library.filterAttrs (_: file: file ? text) config.environment.etc;
      rules = library.filterAttrs (name: _: library.hasSuffix ".cedar" name) config.environment.etc;
    in
    {
      failed = map (a: a.message) (library.filter (a: !a.assertion) config.assertions);
      inherit (config) warnings;
      etc = library.mapAttrs (_: file: file.text) texts;
      rules = library.mapAttrs (_: file: stubs.textIn file.source.command) rules;
      files = builtins.attrNames config.environment.etc;
      tmpfiles = config.systemd.tmpfiles.rules;
      system = unitsOf config.systemd;
      session = unitsOf config.systemd.user;
      commands = map (package: package.name) config.environment.systemPackages;
      users = builtins.attrNames config.users.users;
      brought = library.concatLists (library.attrValues (library.filterAttrs (option: _: on option) brought));
      sockets = map (socket: socket.socketConfig.ListenStream) (builtins.attrValues config.systemd.user.sockets);
      started = map (unit: unit.serviceConfig.ExecStart or "") (
        builtins.attrValues (config.systemd.services // config.systemd.user.services)
      );
      inherit (config.environment) variables;
    };
in
{
  script = made.testScript;
  nodes = library.mapAttrs (_: nodeOf) made.nodes;
}
