# SPDX-License-Identifier: Apache-2.0
{
  description = "givc: the control plane of a machine that is split into virtual machines";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    # Not used here. Ghaf's own flake says `crane.follows = "givc/crane"`; its other overrides of inputs only warn.
    crane.url = "github:ipetkov/crane";
  };

  outputs =
    { self, nixpkgs, ... }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forSystems =
        function: lib.genAttrs systems (system: function (nixpkgs.legacyPackages.${system}.extend self.overlays.default));

      # A module, with the programs that it takes from pkgs where no overlay has brought them. It does not set one itself,
      # which systems refuse that were given their packages, as nodes of tests are.
      module = file: {
        _file = file;
        key = toString file;
        imports = [
          (
            {
              config,
              lib,
              options,
              pkgs,
              ...
            }:
            import file {
              inherit config lib options;
              pkgs =
                let
                  own = self.overlays.default (pkgs // own) pkgs;
                in
                own // pkgs;
            }
          )
        ];
      };
    in
    {
      overlays.default = final: _: {
        givc-admin = final.callPackage ./nixos/package.nix { };
        givc-agent = final.givc-admin.agent;
        givc-cli = final.givc-admin.cli;
        givc-docs = final.callPackage ./nixos/docs.nix { };
      };

      packages = forSystems (pkgs: {
        inherit (pkgs) givc-admin givc-agent givc-cli;
        default = pkgs.givc-cli;
        docs = pkgs.givc-docs;
      });

      nixosModules = {
        admin = module ./nixos/modules/admin.nix;
        appvm = module ./nixos/modules/appvm.nix;
        dbus = module ./nixos/modules/dbusproxy.nix;
        host = module ./nixos/modules/host.nix;
        ota-update-server = module ./nixos/modules/ota-update-server.nix;
        sysvm = module ./nixos/modules/sysvm.nix;
        tls = module ./nixos/modules/tls.nix;
      };

      devShells = forSystems (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ pkgs.givc-admin ];
          packages = [
            pkgs.clang-tools
            pkgs.cmocka
            pkgs.nixfmt
            pkgs.shellcheck
            pkgs.valgrind
            (pkgs.python3.withPackages (python: [
              python.cryptography
              python.grpcio
              python.protobuf
              python.pytest
            ]))
          ];
        };
      });

      formatter = forSystems (pkgs: pkgs.nixfmt-tree);

      # Machines inside of machines: only where the build machines can do that.
      checks = lib.genAttrs [ "x86_64-linux" ] (
        system:
        import ./nixos/tests {
          inherit lib;
          pkgs = nixpkgs.legacyPackages.${system}.extend self.overlays.default;
        }
      );
    };
}
