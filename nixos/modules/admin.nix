# SPDX-License-Identifier: Apache-2.0
# The admin: what runs where, and who may ask for what.
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  cfg = config.givc.admin;
  inherit (lib)
    boolToString
    concatMap
    concatStringsSep
    mkEnableOption
    mkIf
    mkOption
    optional
    optionalAttrs
    toInt
    types
    unique
    ;
  ours = import ../types.nix { inherit config lib; };
  units = import ../units.nix { inherit lib; };
  rules = import ../rules.nix { inherit lib pkgs; };
  unit = units.read ../../units/givc-admin.service;
  socketOf = file: (units.read file).Socket;

  rulesFile = "givc-admin-acl/rules.cedar";
  updater = cfg.policyAdmin.updater;

  listen =
    address:
    {
      tcp = "${address.addr}:${address.port}";
      unix = lib.removePrefix "unix://" address.addr;
      vsock = "vsock:${if address.addr == "any" then "" else address.addr}:${address.port}";
    }
    .${address.protocol};

  # The first version had one address.
  single = {
    inherit (cfg) name;
    addr = if cfg.addr == null then "127.0.0.1" else cfg.addr;
    port = if cfg.port == null then "9001" else cfg.port;
    protocol = if cfg.protocol == null then "tcp" else cfg.protocol;
  };
  isSingle = cfg.addr != null || cfg.port != null || cfg.protocol != null;
  addresses = cfg.addresses ++ optional isSingle single;
  deprecated =
    type: instead:
    mkOption {
      type = types.nullOr type;
      default = null;
      visible = false;
      description = "Of the first version. Use `${instead}`.";
    };

  policyConfig = optionalAttrs cfg.policyAdmin.enable (
    if updater.gitURL.enable then
      {
        source = {
          type = "git-url";
          inherit (updater.gitURL) url ref poll_interval_secs;
        };
        inherit (cfg.policyAdmin) policies;
      }
    else if updater.perPolicy.enable then
      {
        source.type = "per-policy";
        inherit (cfg.policyAdmin) policies;
      }
    else if cfg.policyAdmin.factoryPolicies.enable then
      {
        source.type = "none";
        inherit (cfg.policyAdmin) policies;
      }
    else
      { }
  );

  factory = pkgs.fetchgit {
    inherit (cfg.policyAdmin.factoryPolicies) url rev sha256;
    leaveDotGit = true;
  };
  installFactory = pkgs.writeShellApplication {
    name = "policy_init";
    runtimeInputs = [ pkgs.coreutils ];
    text = ''
      data=${lib.escapeShellArg cfg.policyAdmin.storePath}/data
      [ ! -d "$data" ] || exit 0
      rm -rf "$data.new"
      mkdir "$data.new"
      for part in .git vm-policies; do
          [ ! -d "${factory}/$part" ] || cp -r --no-preserve=mode "${factory}/$part" "$data.new/"
      done
      mv -T "$data.new" "$data"
    '';
  };
  certificates = [
    cfg.tls.caCertPath
    cfg.tls.certPath
    cfg.tls.keyPath
  ];
  hasList = cfg.tls.enable && cfg.tls.crlPath != "";
in
{
  options.givc.admin = {
    enable = mkEnableOption "the givc admin";
    debug = mkEnableOption "messages of the admin for debugging";
    name = ours.string "localhost" "Name of the admin, which is the one in its certificate.";
    addresses = mkOption {
      type = types.listOf ours.transport;
      default = [ ];
      description = "What the admin listens on, besides the socket for this machine, `/run/givc/admin.sock`.";
      example = [
        {
          name = "admin-vm";
          addr = "192.168.100.3";
          port = "9001";
        }
      ];
    };
    addr = deprecated types.str "givc.admin.addresses";
    port = deprecated types.str "givc.admin.addresses";
    protocol = deprecated types.str "givc.admin.addresses";
    services = ours.strings "Units that are system VMs, which the admin keeps running.";
    tls = mkOption {
      type = ours.tls;
      default = { };
      description = "Certificates of the connections.";
    };
    accessControl = mkOption {
      type = ours.adminAccess;
      default = { };
      description = "Who may ask the admin for what.";
    };
    policyAdmin = {
      enable = mkEnableOption "policies that the admin distributes to VMs";
      storePath = ours.string "/etc/policies" "Directory that they are kept in.";
      factoryPolicies = {
        enable = mkEnableOption "policies that the system is built with, from a git repository";
        url = mkOption {
          type = types.nullOr types.str;
          default = "";
          description = "Address of the repository.";
        };
        rev = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = "The commit.";
        };
        sha256 = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = "Its hash.";
        };
      };
      updater = {
        gitURL = {
          enable = mkEnableOption "policies from a git repository";
          url = mkOption {
            type = types.nullOr types.str;
            default = "";
            description = "Address of the repository.";
          };
          poll_interval_secs = mkOption {
            type = types.int;
            default = 30;
            description = "How often to look, in seconds.";
          };
          ref = ours.string "master" "Branch or tag.";
        };
        perPolicy.enable = mkEnableOption "policies from web servers, each from an address of its own";
      };
      policies = mkOption {
        default = { };
        description = "Policies by name.";
        type = types.attrsOf (
          types.submodule {
            options = {
              vms = ours.strings "VMs that get it.";
              perPolicyUpdater = {
                url = mkOption {
                  type = types.nullOr types.str;
                  default = "";
                  description = "Where it is, with `updater.perPolicy`.";
                };
                poll_interval_secs = mkOption {
                  type = types.int;
                  default = 30;
                  description = "How often to look, in seconds.";
                };
              };
            };
          }
        );
      };
    };
  };

  config = mkIf cfg.enable (
    {
      warnings = optional isSingle ''
        The options `givc.admin.addr', `givc.admin.port' and `givc.admin.protocol' have been replaced by `givc.admin.addresses'.
      '';
      assertions = [
        {
          assertion = cfg.accessControl.enable -> cfg.tls.enable;
          message = "Access control is only available with TLS enabled.";
        }
        {
          assertion = cfg.tls.enable -> !(lib.elem "" certificates);
          message = "The TLS option requires paths' to CA certificate, service certificate, and service key.";
        }
        {
          assertion = !(cfg.policyAdmin.enable && updater.gitURL.enable && updater.perPolicy.enable);
          message = "Two policy updaters cannot be enabled at the same time.";
        }
      ];

      users.groups.givc = { };
      users.groups.givc-admin = { };
      users.users.givc-admin = {
        isSystemUser = true;
        group = "givc-admin";
        description = "givc admin service";
      };

      systemd.sockets.givc-admin = mkIf (addresses != [ ]) {
        description = "givc admin service socket";
        wantedBy = [ "sockets.target" ];
        socketConfig = socketOf ../../units/givc-admin.socket // {
          ListenStream = map listen addresses;
          FreeBind = true;
        };
      };
      systemd.sockets.givc-admin-local = {
        description = "givc admin service local socket";
        wantedBy = [ "sockets.target" ];
        socketConfig = socketOf ../../units/givc-admin-local.socket;
      };
      systemd.services.givc-admin = {
        description = "givc admin service";
        documentation = [ "man:givc-admin(8)" ];
        requires = [ "givc-admin-local.socket" ] ++ optional (addresses != [ ]) "givc-admin.socket";
        after = [
          "givc-admin-local.socket"
          "network.target"
        ]
        ++ optional (addresses != [ ]) "givc-admin.socket";
        wants = [ "network.target" ];
        wantedBy = [ "multi-user.target" ];
        # A restart keeps the registry; to be stopped and started does not.
        stopIfChanged = false;
        unitConfig.StartLimitIntervalSec = unit.Unit.StartLimitIntervalSec;
        serviceConfig =
          unit.Service
          // {
            ExecStart = "${pkgs.givc-admin}/bin/givc-admin --listen sd-listen:*";
            ExecReload = "${pkgs.coreutils}/bin/kill -HUP $MAINPID";
            Environment = [ ];
            LoadCredential = lib.optionals cfg.tls.enable [
              "ca-cert.pem:${cfg.tls.caCertPath}"
              "cert.pem:${cfg.tls.certPath}"
              "key.pem:${cfg.tls.keyPath}"
            ]
            ++ optional hasList "crl.pem:${cfg.tls.crlPath}";
            Sockets = optional (addresses != [ ]) "givc-admin.socket" ++ [ "givc-admin-local.socket" ];
          }
          // optionalAttrs cfg.policyAdmin.enable { ReadWritePaths = [ cfg.policyAdmin.storePath ]; }
          // optionalAttrs (cfg.policyAdmin.enable && cfg.policyAdmin.factoryPolicies.enable) {
            # As the admin's user, whose store it is: a root of this sandbox may not write there.
            ExecStartPre = "-${lib.getExe installFactory}";
          };
        environment = {
          NAME = cfg.name;
          TYPE = "4";
          SUBTYPE = "5";
          TLS = boolToString cfg.tls.enable;
          SERVICES = concatStringsSep " " cfg.services;
          POLICY_ADMIN = boolToString cfg.policyAdmin.enable;
          POLICY_CONFIG = builtins.toJSON policyConfig;
          POLICY_STORE = cfg.policyAdmin.storePath;
          ACCESS_CONTROL = boolToString cfg.accessControl.enable;
          CEDAR_FILE = "/etc/${rulesFile}";
        }
        // optionalAttrs cfg.tls.enable {
          CA_CERT = "ca-cert.pem";
          HOST_CERT = "cert.pem";
          HOST_KEY = "key.pem";
        }
        // optionalAttrs hasList { CRL = "crl.pem"; }
        // optionalAttrs cfg.accessControl.enable { GIVC_ON_RULE_ERROR = cfg.accessControl.onError; }
        // optionalAttrs cfg.debug { GIVC_LOG = "debug"; };
      };

      # Credentials are a copy from the start of the service, and its registry outlives a restart.
      systemd.paths.givc-admin-certificates = mkIf cfg.tls.enable {
        description = "Certificates of the givc admin";
        wantedBy = [ "multi-user.target" ];
        pathConfig.PathChanged = certificates ++ optional hasList cfg.tls.crlPath;
      };
      systemd.services.givc-admin-certificates = mkIf cfg.tls.enable {
        description = "New certificates for the givc admin";
        serviceConfig = {
          Type = "oneshot";
          ExecStart = "${pkgs.systemd}/bin/systemctl try-restart givc-admin.service";
        };
      };

      systemd.tmpfiles.rules = [
        "d /run/givc 0755 root root -"
        "L /etc/locale-givc.conf - - - - /var/lib/givc-admin/locale-givc.conf"
        "L /etc/timezone.conf - - - - /var/lib/givc-admin/timezone.conf"
      ]
      # What there is may be of an admin that was root.
      ++ lib.optionals cfg.policyAdmin.enable [
        "d ${cfg.policyAdmin.storePath} 0755 givc-admin givc-admin -"
        "Z ${cfg.policyAdmin.storePath} - givc-admin givc-admin -"
      ];
      networking.firewall.allowedTCPPorts = unique (
        concatMap (address: optional (address.protocol == "tcp") (toInt address.port)) addresses
      );
      environment.etc.${rulesFile} = mkIf cfg.accessControl.enable {
        source = rules.check (rules.admin cfg.accessControl);
      };
      environment.systemPackages = [ pkgs.givc-cli ];
    }
    # Where the log level is set; systems without D-Bus set it in the configuration.
    // optionalAttrs (options ? services.dbus) { services.dbus.packages = [ pkgs.givc-admin ]; }
  );
}
