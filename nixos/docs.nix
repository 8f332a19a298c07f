# SPDX-License-Identifier: Apache-2.0
# What there is to set, as pages of the modules' options, what there is to call, and the manual pages.
{
  lib,
  nixosOptionsDoc,
  runCommand,
  givc-admin,
  mandoc,
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
runCommand "givc-docs" { nativeBuildInputs = [ mandoc ]; } ''
  mkdir -p $out/api/nixos $out/api/grpc
  ${lib.concatMapStrings (name: "cp ${page name} $out/api/nixos/${name}.md\n") names}
  gzip -dcf ${givc-admin}/share/man/man7/givc-api.7* | mandoc -T html >$out/api/grpc/index.html
  ln -s ${givc-admin}/share/man $out/man
''
