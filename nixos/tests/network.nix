# SPDX-License-Identifier: Apache-2.0
# Who is where in a test, as its nodes say it and its script: names are those in the certificates.
{
  admin,
  addresses,
}:
let
  certificates = dash: "${dash}cacert /etc/givc/ca-cert.pem ${dash}cert /etc/givc/cert.pem ${dash}key /etc/givc/key.pem";
in
rec {
  inherit addresses;
  at = name: port: {
    inherit name port;
    addr = addresses.${name};
  };
  network = name: {
    agent.transport = at name "9000";
    admin.transport = at admin "9001";
  };
  client = name: port: "givc-cli --name ${name} --addr ${addresses.${name}} --port ${port} ${certificates "--"}";
  cli = client admin "9001";
  grpcurl = "grpcurl ${certificates "-"}";
}
