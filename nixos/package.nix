# SPDX-License-Identifier: Apache-2.0
# The programs and the library, of one build: the admin in `out`, agent, client and library in outputs of their own.
{
  lib,
  stdenv,
  pkg-config,
  protobuf,
  protobufc,
  scdoc,
  abseil-cpp,
  c-ares,
  curl,
  gnutls,
  grpc,
  jansson,
  libevdev,
  openssl,
  re2,
  systemd,
  util-linux,
  uthash,
  zlib,
}:
stdenv.mkDerivation {
  pname = "givc";
  version = lib.head (builtins.match ".*\nVERSION +:= ([0-9.]+)\n.*" (builtins.readFile ../Makefile));
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../LICENSE
      ../Makefile
      ../man
      ../proto
      ../src
      ../tests/install.mk
      ../tests/tests.mk
      ../units
    ];
  };
  outputs = [
    "out"
    "agent"
    "cli"
    "lib"
    "dev"
  ];

  strictDeps = true;
  nativeBuildInputs = [
    pkg-config
    protobuf
    protobufc
    scdoc
  ];
  buildInputs = [
    abseil-cpp
    c-ares
    curl
    gnutls
    grpc
    jansson
    libevdev
    openssl
    protobufc
    re2
    systemd
    util-linux
    uthash
    zlib
  ];
  enableParallelBuilding = true;
  makeFlags = [
    "STATIC_GRPC=no"
    "CURL_SO=${lib.getLib curl}/lib/libcurl.so.4"
  ];
  installFlags = [ "PREFIX=${placeholder "out"}" ];

  postInstall = ''
    mkdir -p $agent/bin $agent/share/dbus-1/system.d $cli/bin $cli/share $lib/lib $dev/lib
    mv $out/bin/givc-agent $agent/bin/
    mv $out/bin/givcctl $out/bin/givc-cli $cli/bin/
    mv $out/share/bash-completion $out/share/zsh $out/share/fish $cli/share/
    mv $out/share/dbus-1/system.d/givc-agent.conf $agent/share/dbus-1/system.d/
    mv $out/lib/libgivc.so* $lib/lib/
    mv $out/include $dev/
    mv $out/lib/pkgconfig $dev/lib/
    substituteInPlace $dev/lib/pkgconfig/givc.pc --replace-fail "libdir=$out/lib" "libdir=$lib/lib"
    # Units are what the modules make.
    rm -r $out/lib/systemd/system $out/lib/systemd/user
  '';

  meta = {
    description = "Control plane of a machine that is split into virtual machines";
    license = lib.licenses.asl20;
    platforms = [
      "x86_64-linux"
      "aarch64-linux"
    ];
    mainProgram = "givc-admin";
  };
}
