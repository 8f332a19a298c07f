# SPDX-License-Identifier: Apache-2.0
# What one of our modules makes of a configuration: over stubs of NixOS's options, and of its packages, so that nothing has
# to be fetched or built. nix-instantiate --eval --strict --json --arg modules '[…]' --argstr … eval.nix
{
  lib, # the directory of nixpkgs' library
  modules, # names of files in nixos/modules
  settings, # path of a file with the configuration, as a module
}:
let
  library = import lib;
  inherit (library) mkOption types;

  # A package is its name: what is built of packages shows as text.
  package = name: {
    inherit name;
    type = "derivation";
    outPath = "/nix/store/${name}";
    meta.mainProgram = name;
  };
  # A file that is written is its name and, between two marks, its text, which shows wherever its path does.
  mark = builtins.fromJSON ''"\u001e"'';
  written = name: text: package name // { outPath = "/nix/store/${name}${mark}${text}${mark}"; };
  textIn = string: builtins.elemAt (library.splitString mark string ++ [ "" ]) 1;
  pkgs =
    library.genAttrs [
      "coreutils"
      "dbus"
      "e2fsprogs"
      "givc-admin"
      "givc-agent"
      "givc-cli"
      "jq"
      "libnotify"
      "nix"
      "nixos-rebuild"
      "openssh"
      "ota-update"
      "qubes-ctap"
      "rsync"
      "systemd"
      "xdg-dbus-proxy"
    ] package
    // {
      writeText = written;
      runCommand = name: _: command: package name // { inherit command; };
      writeShellApplication = application: written application.name application.text;
      fetchgit = source: package "git-${source.rev}";
    };

  any = default: mkOption {
    type = types.anything;
    inherit default;
  };
  lines = mkOption {
    type = types.lines;
    default = "";
  };
  list = mkOption {
    type = types.listOf types.anything;
    default = [ ];
  };
  units = mkOption {
    type = types.attrsOf types.anything;
    default = { };
  };
  nixos = {
    options = {
      assertions = list;
      warnings = list;
      environment.etc = units;
      environment.systemPackages = list;
      networking.firewall.allowedTCPPorts = list;
      security.polkit.enable = any false;
      security.polkit.extraConfig = lines;
      services.dbus.packages = list;
      system.path = any (package "system-path");
      systemd = {
        paths = units;
        services = units;
        sockets = units;
        targets = units;
        tmpfiles.rules = list;
        user.services = units;
        user.sockets = units;
      };
      users.groups = units;
      users.users = units;
    };
  };

  evaluated = library.evalModules {
    modules = [
      nixos
      (import settings)
    ]
    ++ map (name: ../../nixos/modules + "/${name}.nix") modules;
    specialArgs = { inherit pkgs; };
  };
  inherit (evaluated) config;

  # Packages as their paths.
  plain =
    value:
    if builtins.isAttrs value then
      if value ? outPath then value.outPath else library.mapAttrs (_: plain) value
    else if builtins.isList value then
      map plain value
    else
      value;
  failed = map (a: a.message) (library.filter (a: !a.assertion) config.assertions);
in
# As NixOS does, which makes nothing then.
if failed != [ ] then
  { inherit failed; }
else
  {
    inherit failed;
    inherit (config) warnings;
    etc = library.mapAttrs (_: file: file.text) (library.filterAttrs (_: file: file ? text) config.environment.etc);
    rules = library.mapAttrs (_: file: textIn file.source.command) (
      library.filterAttrs (_: file: file ? source) config.environment.etc
    );
    programs = library.mapAttrs (_: unit: textIn unit.serviceConfig.ExecStart) (
      library.filterAttrs (_: unit: library.hasInfix mark (unit.serviceConfig.ExecStart or "")) config.systemd.services
    );
    systemd = plain config.systemd;
    packages = plain config.environment.systemPackages;
    firewall = config.networking.firewall.allowedTCPPorts;
    polkit = config.security.polkit.extraConfig;
    users = builtins.attrNames config.users.users;
    options = map (option: {
      inherit (option) name type;
      description = option.description or null;
    }) (library.filter (option: option.visible && !option.internal) (library.optionAttrSetToDocList evaluated.options.givc));
  }
