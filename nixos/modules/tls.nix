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

  # Where givcctl looks for it; not among the images, whose directory may belong to who runs the VMs.
  authority = "/etc/givc/authority";
  # Who makes them needs one, too, whether or not it is in the list.
  names = lib.unique ([ cfg.generatorHostName ] ++ map (agent: agent.name) cfg.agents);
  isAddress = addr: builtins.match "[0-9]+(\\.[0-9]+){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*" addr != null;
  addressesOf =
    name: lib.unique (lib.filter isAddress (map (agent: agent.addr) (lib.filter (agent: agent.name == name) cfg.agents)));
  # A file system's label has 16 bytes, of which mkfs takes the first.
  images = lib.remove cfg.generatorHostName names;
  labelOf = name: builtins.substring 0 16 "givc-${name}";
  cut = lib.filter (name: labelOf name != "givc-${name}") images;
  alike = lib.filter (name: lib.count (other: labelOf other == labelOf name) images > 1) images;
  setUp = name: "set_up ${lib.escapeShellArgs ([ name ] ++ addressesOf name)}\n";

  # It goes on where an earlier run was ended, and leaves alone what is as it should be.
  generate = pkgs.writeShellApplication {
    name = "givc-key-setup";
    runtimeInputs = [
      pkgs.coreutils
      pkgs.e2fsprogs
      pkgs.givc-cli
    ];
    text = ''
      storage=${escapeShellArg cfg.storagePath}
      authority=${authority}
      host=${escapeShellArg cfg.generatorHostName}
      mkdir -p /etc/givc "$storage"
      umask 077
      scratch=$RUNTIME_DIRECTORY
      trap 'rm -rf "''${scratch:?}"/*' EXIT

      certs() {
          givcctl certs "$1" --dir="$authority" "''${@:2}"
      }

      # Daemons read them again whenever one is replaced, and take them once they belong together.
      install_own() {
          for file in ca-cert.pem crl.pem key.pem cert.pem; do
              install -m 0400 "$authority/$1/$file" "/etc/givc/$file.new"
              mv "/etc/givc/$file.new" "/etc/givc/$file"
          done
      }

      # What an image was made of, and what it is.
      sum() {
          cat "$authority/$1/"{ca-cert,crl,key,cert}.pem "$2" | sha256sum
      }

      # A file system of its own, whose label says whose it is. VMs that run have the old one open, and get the new one
      # when they are started again. Who may run VMs may read it: group kvm, as microvm's own user. It is made where only
      # root can, since what is there by its name may be a link.
      make_image() {
          image=$storage/$1.img
          made=$authority/$1/image
          if [ -f "$image" ] && [ "$(sum "$1" "$image")" = "$(cat "$made")" ]; then
              return
          fi
          rm -f "$made"
          mkdir "$scratch/$1"
          install -m 0400 "$authority/$1/"{ca-cert,crl,key,cert}.pem "$scratch/$1"
          chmod 0755 "$scratch/$1"
          truncate --size=2M "$scratch/$1.img"
          mkfs.ext4 -q -F -L "$(printf "givc-%.11s" "$1")" -d "$scratch/$1" "$scratch/$1.img"
          chgrp kvm "$scratch/$1.img"
          chmod 0640 "$scratch/$1.img"
          new=$(sum "$1" "$scratch/$1.img")
          mv -T "$scratch/$1.img" "$image.new"
          mv -T "$image.new" "$image"
          echo "$new" >"$made"
      }

      # NAME ADDRESS...: a machine that moved to other addresses is another one to who looks at its certificate.
      set_up() {
          asked=$authority/$1/asked
          if [ -e "$authority/$1/cert.pem" ] && [ -e "$asked" ] && [ "$(cat "$asked")" != "''${*:2}" ]; then
              certs revoke "$1"
          fi
          [ -e "$authority/$1/cert.pem" ] || certs issue "$@"
          echo "''${*:2}" >"$asked"
      }

      # The list is the last that is made of an authority; before, it has signed nothing.
      if [ ! -e "$authority/crl.pem" ]; then
          rm -f "$authority/ca-key.pem" "$authority/ca-cert.pem"
          certs init givc
      fi
      ${lib.concatMapStrings setUp names}
      # Whom the list of the revoked came to has it now, so that all get the same.
      for name in ${lib.escapeShellArgs names}; do
          if [ "$name" = "$host" ]; then
              install_own "$name"
          else
              make_image "$name"
          fi
      done
      (umask 022 && echo ${escapeShellArg (lib.concatStringsSep " " names)} >/etc/givc/givc.certs)
      # What the lock says has to be on disk before the lock is.
      sync
      install -m 000 /dev/null /etc/givc/tls.lock
    '';
  };

  # Whoever is new, has other addresses or another certificate has to be set up, which the lock would prevent.
  check = pkgs.writeShellApplication {
    name = "givc-check-certs";
    runtimeInputs = [ pkgs.coreutils ];
    text = ''
      authority=${authority}
      lock=/etc/givc/tls.lock
      [ -e /etc/givc/givc.certs ] || exit 0

      # NAME ADDRESS...
      is_set_up() {
          case " $(cat /etc/givc/givc.certs) " in
          *" $1 "*) ;;
          *) return 1 ;;
          esac
          # Machines whose certificates another authority made have no folder here.
          [ -e "$authority/$1" ] || return 0
          [ ! "$authority/$1/crl.pem" -nt "$lock" ] && [ ! "$authority/$1/cert.pem" -nt "$lock" ] &&
              [ "$(cat "$authority/$1/asked")" = "''${*:2}" ]
      }

      ${lib.concatMapStrings (name: ''
        is_set_up ${lib.escapeShellArgs ([ name ] ++ addressesOf name)} || rm -f "$lock"
      '') names}
    '';
  };
in
{
  options.givc.tls = {
    enable = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether the host makes the certificates of all machines when it boots. Their keys, and the authority's, are on
        the host then. A machine that is new, or has another address, gets a certificate without touching the others';
        what `givcctl certs` has renewed or revoked goes into the images with the next boot, and a VM has it from its next
        start; whose certificate was revoked gets another one while it is in the list, and keeps its image when it is
        taken out: then revoke. To make all anew, remove `/etc/givc/tls.lock` and `/etc/givc/authority`.
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
    storagePath = ours.string "/etc/givc" "Directory of the images, `NAME.img`.";
  };

  config = lib.mkIf cfg.enable {
    warnings = lib.optional (cut != [ ]) ''
      The labels of the images of givc.tls have 16 bytes, so that VMs that mount theirs by label find it as
      ${lib.concatMapStringsSep ", " (name: "`${labelOf name}' (${name})") cut}.
    '';
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
        assertion = alike == [ ];
        message = ''
          The TLS module labels an image by the first 11 characters of its agent's name, which some have in common:
          ${toString alike}.
        '';
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
      unitConfig = {
        ConditionPathExists = "!/etc/givc/tls.lock";
        RequiresMountsFor = [
          "/etc/givc"
          cfg.storagePath
        ];
      };
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        # In memory, and gone however it ends: keys are in it.
        RuntimeDirectory = "givc-key-setup";
        RuntimeDirectoryMode = "0700";
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
