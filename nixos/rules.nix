# SPDX-License-Identifier: Apache-2.0
# Access rules in the Cedar language of what the options say, checked when the system is built.
{ lib, pkgs }:
let
  inherit (lib) concatMapStringsSep concatStrings optional;

  any = entity: type: names: "(${concatMapStringsSep " || " (name: ''${entity} == ${type}::"${name}"'') names})";

  permit = conditions: ''
    permit (principal, action, resource)
    when {
      ${lib.concatStringsSep " &&\n  " conditions}
    };
  '';

  # Anybody with a certificate may ask what there is.
  reflection = permit [
    ''action == Command::"ServerReflectionInfo"''
    ''resource == Module::"grpc"''
  ];

  agentRule =
    rule:
    if rule.permittedVms == [ ] || rule.permittedModules == [ ] then
      ""
    else
      permit [
        (any "principal" "Source" rule.permittedVms)
        (any "resource" "Module" rule.permittedModules)
      ];

  target = name: ''context.VmName == "${name}"'';
  adminRule =
    rule:
    if rule.from == [ ] || rule.permittedRequests == [ ] then
      ""
    else
      permit (
        [
          (any "principal" "Source" rule.from)
          ''resource == Module::"admin"''
          (any "action" "Command" rule.permittedRequests)
        ]
        ++ optional (rule.to != [ ]) ''(context has "VmName" && (${concatMapStringsSep " || " target rule.to}))''
      );

  rulesOf = rule: rules: extra: reflection + concatStrings (map rule rules) + extra;
in
{
  agent = access: rulesOf agentRule access.agentRules access.extraRules;
  admin = access: rulesOf adminRule access.adminRules access.extraRules;

  # The text as a file, which cannot be built when somebody has made a mistake in it.
  check =
    text:
    let
      file = pkgs.writeText "rules.cedar" text;
    in
    pkgs.runCommand "givc-rules.cedar" { nativeBuildInputs = [ pkgs.givc-cli ]; } ''
      givcctl policy check ${file}
      cp ${file} $out
    '';
}
