# SPDX-License-Identifier: Apache-2.0
# Types of options that several modules have.
{ config, lib }:
let
  inherit (lib)
    literalExpression
    mkEnableOption
    mkOption
    types
    ;

  string =
    default: description:
    mkOption {
      type = types.str;
      inherit default description;
    };

  strings =
    description:
    mkOption {
      type = types.listOf types.str;
      default = [ ];
      inherit description;
    };

  transport = types.submodule {
    options = {
      name = string "localhost" "Name of the machine, which is the one in its certificate.";
      addr = string "127.0.0.1" ''
        Address by protocol: an IP address, the path of a unix socket, or the CID of a vsock (a number, `host`, `local`
        or `any`).
      '';
      port = string "9000" "Port of a TCP or vsock address.";
      protocol = mkOption {
        type = types.enum [
          "tcp"
          "unix"
          "vsock"
        ];
        default = "tcp";
        description = "What the address is.";
      };
    };
  };

  onError = mkOption {
    type = types.enum [
      "skip"
      "deny"
    ];
    default = "skip";
    description = ''
      What a rule does whose evaluation fails: `skip`, as the Cedar language has it, where the other rules decide, or
      `deny`. See {manpage}`givc.policy(5)`.
    '';
  };
  # What the rules of admin and agents have in common.
  access =
    options:
    types.submodule {
      options = options // {
        extraRules = mkOption {
          type = types.lines;
          default = "";
          description = "Rules in the Cedar language, see {manpage}`givc.policy(5)`, behind those that are generated.";
        };
        inherit onError;
      };
    };
in
{
  inherit transport string strings;

  transportOption =
    description: example:
    mkOption {
      type = transport;
      default = { };
      inherit description example;
    };

  tls = types.submodule {
    options = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = ''
          Whether connections use mutual TLS. Without it nobody knows who calls: for debugging only, and on all machines
          or on none.
        '';
      };
      caCertPath = string "/etc/givc/ca-cert.pem" "The authority's certificate.";
      certPath = string "/etc/givc/cert.pem" "The machine's certificate.";
      keyPath = string "/etc/givc/key.pem" "Its key.";
      crlPath = string "" "Certificates that the authority has revoked, if there is such a list.";
    };
  };

  agentAccess = access {
    enable = mkEnableOption "access rules of the agent, which are made of `agentRules`; without them only the admin may call";
    agentRules = mkOption {
      default = [ ];
      description = "Who may call what on the agent, besides what its capabilities need.";
      example = [
        {
          permittedVms = [ "gui-vm" ];
          permittedModules = [ "systemd" ];
        }
      ];
      type = types.listOf (
        types.submodule {
          options = {
            permittedVms = strings "VMs, by the names in their certificates.";
            permittedModules = strings "Modules, which are packages of the protocol, whose methods these VMs may call.";
          };
        }
      );
    };
  };

  adminAccess = access {
    enable = mkEnableOption "access rules of the admin, which are made of `adminRules`: what they do not permit is denied";
    adminRules = mkOption {
      default = [ ];
      description = "Who may ask the admin for what.";
      example = [
        {
          from = [ "gui-vm" ];
          to = [ "business-vm" ];
          permittedRequests = [ "StartApplication" ];
        }
      ];
      type = types.listOf (
        types.submodule {
          options = {
            from = strings "Who asks, by the names in their certificates.";
            to = strings ''
              VMs that the request may be about. Empty: it is about no VM, or about any.
            '';
            permittedRequests = strings "Methods of the admin service.";
          };
        }
      );
    };
  };

  application = types.submodule {
    options = {
      name = mkOption {
        type = types.str;
        description = "What it is started by.";
        example = "browser";
      };
      command = mkOption {
        type = types.str;
        description = "Its command line.";
        example = "/run/current-system/sw/bin/browser";
      };
      args = mkOption {
        type = types.listOf (
          types.enum [
            "url"
            "flag"
            "file"
          ]
        );
        default = [ ];
        description = "Kinds of arguments that it may be started with. Files have to be in one of `directories`.";
      };
      directories = strings "Directories, as absolute paths, of files that it may be started with.";
    };
  };

  proxy = types.submodule {
    options = {
      transport = mkOption {
        type = transport;
        default = { };
        description = "The machine at the other end, and the port that is for this socket alone.";
      };
      socket = string "/tmp/.dbusproxy.sock" "The socket: one that is served to others, or that is made for those here.";
      server = mkOption {
        type = types.bool;
        default = config.givc.dbusproxy.enable or false;
        defaultText = literalExpression "config.givc.dbusproxy.enable or false";
        description = ''
          Whether the program behind the socket is on this machine. The other end, whose programs connect to it, has
          `false` here.
        '';
      };
    };
  };

  event = types.submodule {
    options = {
      transport = mkOption {
        type = transport;
        default = { };
        description = "The machine at the other end, and the port that is for this device alone.";
      };
      producer.enable = mkOption {
        type = types.bool;
        default = false;
        description = "Whether the device is on this machine.";
      };
      consumer.enable = mkOption {
        type = types.bool;
        default = false;
        description = "Whether it is made here, as an input device like the one at the other end.";
      };
      consumer.permittedSource = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "The machine that may send events.";
      };
      device = string "" "Name of the device, or a part of it.";
    };
  };

  policyClient = types.submodule {
    options = {
      enable = mkEnableOption "policies from the admin";
      storePath = string "/etc/policies" "Directory that they are kept in.";
      policies = mkOption {
        type = types.attrsOf types.str;
        default = { };
        description = "Policies that are wanted, and the file that each is written to.";
        example = {
          proxy-config = "/etc/policies/proxy-config/policy.bin";
        };
      };
    };
  };
}
