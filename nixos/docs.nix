# SPDX-License-Identifier: Apache-2.0
# What there is to set, as pages of the modules' options, what there is to call, and the manual pages. Each page has a head
# with its title, without which sites that are made of Markdown do not take it.
{
  lib,
  nixosOptionsDoc,
  runCommand,
  givc-admin,
  mandoc,
  pkgs,
}:
let
  modules = {
    admin = ./modules/admin.nix;
    appvm = ./modules/appvm.nix;
    dbus = ./modules/dbusproxy.nix;
    host = ./modules/host.nix;
    sysvm = ./modules/sysvm.nix;
    tls = ./modules/tls.nix;
    update-server = ./modules/ota-update-server.nix;
  };
  optionsOf =
    module:
    (lib.evalModules {
      modules = [
        { _module.check = false; }
        module
      ];
      specialArgs = { inherit pkgs; };
    }).options;
  page = module: (nixosOptionsDoc { options = removeAttrs (optionsOf module) [ "_module" ]; }).optionsCommonMark;
  head = title: "printf -- '---\\ntitle: %s\\n---\\n' ${lib.escapeShellArg title}";
in
runCommand "givc-docs" { nativeBuildInputs = [ mandoc ]; } ''
  mkdir -p $out/api/nixos $out/api/grpc
  ${lib.concatStrings (
    lib.mapAttrsToList (name: module: ''
      { ${head "Module ${name}"}; cat ${page module}; } >$out/api/nixos/${name}.md
    '') modules
  )}
  # Markdown takes HTML as it is, up to the next empty line.
  { ${head "The protocol"}; gzip -dcf ${givc-admin}/share/man/man7/givc-api.7* | mandoc -T html -O fragment | sed '/^$/d'; } \
    >$out/api/grpc/givc.md
  ln -s ${givc-admin}/share/man $out/man
''
