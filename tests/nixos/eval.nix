# SPDX-License-Identifier: Apache-2.0
# What our modules make of a configuration. nix-instantiate --eval --strict --json --arg modules '[…]' --arg … eval.nix
{
  lib, # the directory of nixpkgs' library
  modules, # names of files in nixos/modules
  settings, # path of a file with the configuration, as a module
  more, # names of packages that not every system has
}:
let
  library = import lib;
  inherit (import ./stubs.nix { inherit library more; })
    mark
    nixos
    pkgs
    textIn
    ;

  evaluated = library.evalModules {
    modules = [
      nixos
      (import settings)
    ]
    ++ map (name: ../../nixos/modules + "/${name}.nix") modules;
    specialArgs = { inherit pkgs; };
  };
  inherit (evaluated) config;
  ours = {
    givc = evaluated.options.givc or { };
    ota-update-server = evaluated.options.services.ota-update-server or { };
  };

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
    }) (library.filter (option: option.visible && !option.internal) (library.optionAttrSetToDocList ours));
  }
