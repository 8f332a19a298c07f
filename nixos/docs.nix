# SPDX-License-Identifier: Apache-2.0
# What there is to set, as pages of the modules' options, and the manual pages.
{
  lib,
  nixosOptionsDoc,
  runCommand,
  givc-admin,
  pkgs,
}:
let
  names = [
    "admin"
    "appvm"
    "dbusproxy"
    "host"
    "sysvm"
    "tls"
  ];
  optionsOf =
    name:
    (lib.evalModules {
      modules = [
        { _module.check = false; }
        ./modules/${name}.nix
      ];
      specialArgs = { inherit pkgs; };
    }).options;
  page =
    name: (nixosOptionsDoc { options = removeAttrs (optionsOf name) [ "_module" ]; }).optionsCommonMark;
in
runCommand "givc-docs" { } ''
  mkdir -p $out/api/nixos
  ${lib.concatMapStrings (name: "cp ${page name} $out/api/nixos/${name}.md\n") names}
  ln -s ${givc-admin}/share/man $out/man
''
