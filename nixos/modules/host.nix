# SPDX-License-Identifier: Apache-2.0
# The agent of the host, which starts and stops VMs.
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  cfg = config.givc.host;
  agent = import ../agent.nix {
    inherit config lib pkgs;
    kind = "host";
  };
  inherit (agent.ours) string strings;
  # Nixpkgs has had it by both names.
  rebuild = pkgs.nixos-rebuild-ng or pkgs.nixos-rebuild;
in
{
  imports = agent.renamed;

  options.givc.host = {
    inherit (agent.options)
      accessControl
      admin
      debug
      network
      ;
    enable = lib.mkEnableOption "the givc agent of the host";
    capabilities = {
      inherit (agent.options.capabilities) policy;
      services = lib.mkOption {
        type = lib.types.listOf lib.types.str;
        default = [
          "reboot.target"
          "poweroff.target"
          "sleep.target"
          "suspend.target"
        ];
        description = "Units of the host that may be seen and controlled.";
      };
      vmServices = {
        adminVm = string "" "The unit that is the VM of the admin, as `microvm@admin-vm.service`.";
        systemVms = strings "Units that are system VMs, as `microvm@net-vm.service`.";
        appVms = strings "Units that are application VMs, as `microvm@browser-vm.service`.";
      };
      exec = {
        enable = lib.mkEnableOption "commands that others may run on the host, as far as `commands` goes";
        commands = lib.mkOption {
          type = lib.types.nullOr (lib.types.listOf lib.types.str);
          default = null;
          description = "Names or paths of programs that may be run. Without a list: `ota-update` and `uptime`.";
        };
        environment = lib.mkOption {
          type = lib.types.nullOr (lib.types.listOf lib.types.str);
          default = null;
          description = "Variables that callers may set for them; `LC_*` is all that begin so. Without a list: all that do not choose what else is executed.";
        };
      };
    };
  };

  config = lib.mkIf cfg.enable (
    {
      inherit (agent) warnings;
      assertions = agent.assertions ++ [
        {
          assertion = cfg.capabilities.services != [ ];
          message = "A list of services (or targets) is required for this module to run.";
        }
      ];
      givc.host.accessControl.agentRules = agent.rules;

      environment.etc = agent.etc {
        type = 0;
        subType = 1;
      } { };
      systemd.services.${agent.name} = agent.service // {
        description = "givc agent of the host";
        after = [
          "${agent.name}.socket"
          "givc-key-setup.service"
          "network.target"
        ];
        wants = [
          "givc-key-setup.service"
          "network.target"
        ];
        wantedBy = [ "multi-user.target" ];
        # Where commands that others may run are looked for.
        path = [
          (config.system.path or "/run/current-system/sw")
          pkgs.nix
          rebuild
          pkgs.openssh
        ]
        ++ lib.optional (pkgs ? ota-update) pkgs.ota-update;
      };
      systemd.sockets.${agent.name} = agent.socket;
      systemd.tmpfiles.rules = agent.tmpfiles;
      networking.firewall.allowedTCPPorts = agent.tcpPorts;
      environment.systemPackages = [
        rebuild
      ]
      ++ lib.optional (pkgs ? ota-update) pkgs.ota-update;
    }
    # Where the log level is set; systems without D-Bus set it in the configuration.
    // lib.optionalAttrs (options ? services.dbus) { services.dbus.packages = [ pkgs.givc-agent ]; }
  );
}
