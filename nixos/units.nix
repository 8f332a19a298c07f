# SPDX-License-Identifier: Apache-2.0
# The unit files of ../units as attribute sets, so that how a daemon is run and sandboxed is said once for all systems.
{ lib }:
let
  inherit (lib)
    concatLists
    elem
    filter
    foldl'
    hasPrefix
    splitString
    toList
    ;

  # Settings that add to what was said before; any other takes its place, and an empty one takes all of it away.
  lists = [
    "After"
    "DeviceAllow"
    "Environment"
    "ListenStream"
    "LoadCredential"
    "ReadWritePaths"
    "Requires"
    "SupplementaryGroups"
    "SystemCallFilter"
  ];

  merge =
    old: name: value:
    old
    // {
      ${name} =
        if !(elem name lists) || !(old ? ${name}) then
          value
        else if value == "" then
          [ ]
        else
          toList old.${name} ++ toList value;
    };

  step =
    state: line:
    let
      section = builtins.match "\\[([A-Za-z]+)]" line;
      setting = builtins.match "([A-Za-z0-9]+)=(.*)" line;
      name = builtins.head setting;
      value = builtins.elemAt setting 1;
    in
    if section != null then
      {
        inherit (state) unit;
        section = builtins.head section;
      }
    else if setting == null then
      throw "units: '${line}' is no line of a unit"
    else
      state
      // {
        unit = state.unit // {
          ${state.section} = merge (state.unit.${state.section} or { }) name value;
        };
      };

  isLine = line: line != "" && !(hasPrefix "#" line);
in
{
  # A unit file, or a unit file with drop-ins behind it, by section.
  read =
    files:
    let
      lines = concatLists (map (file: filter isLine (splitString "\n" (builtins.readFile file))) (toList files));
    in
    removeAttrs
      (foldl' step {
        unit = { };
        section = "";
      } lines).unit
      [ "Install" ];
}
