// Envoy as a TLS server that asks for client certificates: its SVID and the trust bundles are files, read again when they change.
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3';
const HTTP = 'type.googleapis.com/envoy.extensions.filters';
const BUNDLES = 'bundles.json';

/** Moved into its place at once, as Envoy wants what it watches. */
function place(file, content) {
  writeFileSync(`${file}.new`, JSON.stringify(content));
  renameSync(`${file}.new`, file);
}

/**
 * The bundle documents of these trust domains, by name: Envoy checks a peer with that of its own trust domain alone. Envoy 1.40 refuses a
 * document that has a JWT authority in it, which the standard wants ignored; so it is given the X.509 authorities, and all else as published.
 */
export function trust(folder, documents) {
  const forX509 = Object.entries(documents).map(([name, { keys, ...rest }]) => [
    name,
    { ...rest, keys: keys.filter(({ use }) => use === 'x509-svid') },
  ]);
  place(path.join(folder, BUNDLES), { trust_domains: Object.fromEntries(forX509) });
}

/** Writes its configuration and returns the file. `folder` has the files of spiffe-helper, `welcome` are the SPIFFE IDs that are let in. */
export function envoyConfig(folder, port, welcome) {
  const file = (name) => path.join(folder, name);
  place(file('sds.json'), {
    resources: [
      {
        '@type': `${TLS}.Secret`,
        name: 'svid',
        tls_certificate: {
          certificate_chain: { filename: file('svid.pem') },
          private_key: { filename: file('svid_key.pem') },
          watched_directory: { path: folder },
        },
      },
    ],
  });
  const validation_context = {
    match_typed_subject_alt_names: welcome.map((id) => ({ san_type: 'URI', matcher: { exact: id } })),
    custom_validator_config: {
      name: 'envoy.tls.cert_validator.spiffe',
      typed_config: {
        '@type': `${TLS}.SPIFFECertValidatorConfig`,
        trust_bundles: { filename: file(BUNDLES), watched_directory: { path: folder } },
      },
    },
  };
  const tls = {
    '@type': `${TLS}.DownstreamTlsContext`,
    require_client_certificate: true,
    common_tls_context: {
      tls_certificate_sds_secret_configs: [{ name: 'svid', sds_config: { path_config_source: { path: file('sds.json') } } }],
      validation_context,
    },
  };
  const hello = {
    '@type': `${HTTP}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'hello',
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: { '@type': `${HTTP}.http.router.v3.Router` } }],
    route_config: {
      virtual_hosts: [
        {
          name: 'hello',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'hello\n' } } }],
        },
      ],
    },
  };
  place(file('envoy.json'), {
    node: { id: 'interop', cluster: 'interop' },
    static_resources: {
      listeners: [
        {
          name: 'service',
          address: { socket_address: { address: '127.0.0.1', port_value: port } },
          filter_chains: [
            {
              transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: tls },
              filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: hello }],
            },
          ],
        },
      ],
    },
  });
  return file('envoy.json');
}
