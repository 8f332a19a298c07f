# SPDX-License-Identifier: Apache-2.0
# Certificates for all machines, made on the host when it boots: its own in /etc/givc, those of each VM in an image that
# the VM mounts. The authority stays on the host, so that a VM that is new gets its own and the others keep theirs.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.givc.tls;
  ours = import ../types.nix { inherit config lib; };
  inherit (lib) escapeShellArg mkOption types;

  authority = "${cfg.storagePath}/certification-authority";
  names = map (agent: agent.name) cfg.agents;
  isAddress = addr: builtins.match "[0-9]+(\\.[0-9]+){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*" addr != null;
  addressesOf =
    name: lib.unique (lib.filter isAddress (map (agent: agent.addr) (lib.filter (agent: agent.name == name) cfg.agents)));
  certs = verb: "givcctl certs ${verb} --dir=${escapeShellArg authority}";

  setUp = name: ''
    [ -e ${escapeShellArg "${authority}/${name}/cert.pem"} ] ||
        ${certs "issue"} ${lib.escapeShellArgs ([ name ] ++ addressesOf name)}
    ${if name == cfg.generatorHostName then "install_own" else "make_image"} ${escapeShellArg name}
  '';

  generate = pkgs.writeShellApplication {
    name = "givc-key-setup";
    runtimeInputs = [
      pkgs.coreutils
      pkgs.e2fsprogs
      pkgs.givc-cli
    ];
    text = ''
      umask 077
      authority=${escapeShellArg authority}

      install_own() {
          for file in ca-cert.pem cert.pem key.pem; do
              install -m 0400 "$authority/$1/$file" "/etc/givc/$file.new"
              mv "/etc/givc/$file.new" "/etc/givc/$file"
          done
      }

      # A file system of its own, whose label says whose it is; one that is there is in use.
      make_image() {
          image=${escapeShellArg cfg.storagePath}/$1.img
          [ ! -e "$image" ] || return 0
          content=$(mktemp --directory)
          install -m 0400 "$authority/$1/"{ca-cert,cert,key}.pem "$content"
          truncate --size=2M "$image.new"
          mkfs.ext4 -q -F -L "givc-$1" -d "$content" "$image.new"
          rm -r "$content"
          mv "$image.new" "$image"
      }

      mkdir -p /etc/givc ${escapeShellArg cfg.storagePath}
      [ -e "$authority/ca-key.pem" ] || ${certs "init"} givc
      ${lib.concatMapStrings setUp (lib.unique names)}
      echo ${escapeShellArg (lib.concatStringsSep " " names)} >/etc/givc/givc.certs
      install -m 000 /dev/null /etc/givc/tls.lock
    '';
  };

  # Whoever is new has to be set up, which the lock would prevent.
  check = pkgs.writeShellApplication {
    name = "givc-check-certs";
    runtimeInputs = [ pkgs.coreutils ];
    text = ''
      [ -e /etc/givc/givc.certs ] || exit 0
      for name in ${lib.escapeShellArgs names}; do
          case " $(cat /etc/givc/givc.certs) " in
          *" $name "*) ;;
          *)
              rm -f /etc/givc/givc.certs /etc/givc/tls.lock
              exit 0
              ;;
          esac
      done
    '';
  };
in
{
  options.givc.tls = {
    enable = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether the host makes the certificates of all machines. Their keys, and the authority's, are on the host then.
        To make all of them anew, remove `/etc/givc/tls.lock`, the images and the authority.
      '';
    };
    agents = mkOption {
      type = types.listOf ours.transport;
      default = [ ];
      description = "Machines that get a certificate: name and, where they have one, IP address.";
      example = [
        {
          name = "app1-vm";
          addr = "192.168.100.123";
        }
      ];
    };
    generatorHostName = ours.string "localhost" "The machine that makes them, which needs no image.";
    storagePath = ours.string "/etc/givc" "Directory of the images, `NAME.img`, and of the authority.";
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.agents != [ ];
        message = "The TLS module requires a list of agents to generate keys and certificates.";
      }
      {
        assertion = cfg.generatorHostName != "";
        message = "The TLS module requires a host name for the certificate generator.";
      }
      {
        assertion = cfg.storagePath != "";
        message = "The TLS module requires a storage path for generated keys and certificates.";
      }
    ];
    systemd.services.givc-key-setup = {
      description = "Certificates for givc";
      wantedBy = [ "local-fs.target" ];
      after = [ "givc-check-certs.service" ];
      unitConfig.ConditionPathExists = "!/etc/givc/tls.lock";
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = lib.getExe generate;
      };
    };
    systemd.services.givc-check-certs = {
      description = "Whether all machines have certificates for givc";
      wantedBy = [ "local-fs.target" ];
      after = [ "local-fs.target" ];
      serviceConfig = {
        Type = "oneshot";
        ExecStart = lib.getExe check;
      };
    };
  };
}
