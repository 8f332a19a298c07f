# SPDX-License-Identifier: Apache-2.0
# In the place of NixOS: the options that our modules set, and packages that are their names, so that nothing has to be
# fetched or built.
{
  library,
  more, # names of packages besides those of our modules
}:
let
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
in
{
  inherit mark textIn;

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
      "qubes-ctap"
      "rsync"
      "systemd"
      "xdg-dbus-proxy"
    ] package
    // library.genAttrs more package
    // {
      writeText = written;
      runCommand = name: _: command: package name // { inherit command; };
      writeShellApplication = application: written application.name application.text;
      fetchgit = source: package "git-${source.rev}";
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
}
