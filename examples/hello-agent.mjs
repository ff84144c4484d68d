#!/usr/bin/env node
// The smallest useful agent: it asks the Workload API who it is, says so, and says so again after every rotation.
// All it needs is SPIFFE_ENDPOINT_SOCKET, so any SPIFFE client would do. Start it with:
//   mandate run --name hello -- examples/hello-agent.mjs
import { X509Certificate } from 'node:crypto';
import grpc from '@grpc/grpc-js';
import { create } from '@bufbuild/protobuf';
import workloadApi from '../dist/src/generated/proto/spiffe/workloadapi_pb.js';
import { grpcService } from '../dist/src/wire/grpc.js';

const socket = process.env.SPIFFE_ENDPOINT_SOCKET;
if (!socket) {
  console.error('SPIFFE_ENDPOINT_SOCKET is not set: start me with mandate run');
  process.exit(1);
}

const { fetchX509SVID } = grpcService(workloadApi.SpiffeWorkloadAPI);
const client = new grpc.Client(socket, grpc.credentials.createInsecure());
const header = new grpc.Metadata();
header.set('workload.spiffe.io', 'true');
const { path, requestSerialize, responseDeserialize } = fetchX509SVID;
const svids = client.makeServerStreamRequest(
  path,
  requestSerialize,
  responseDeserialize,
  create(workloadApi.X509SVIDRequestSchema),
  header,
);

svids.on('data', ({ svids: [svid] }) => {
  const { serialNumber, validTo } = new X509Certificate(svid.x509Svid);
  console.log(`I am ${svid.spiffeId}, serial ${serialNumber.toLowerCase().padStart(32, '0')}, until ${validTo}`);
});
svids.on('error', (error) => {
  console.error(`no identity: ${error.details}`);
  process.exitCode = 1;
});
