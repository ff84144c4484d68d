import * as issuance from '../../../src/domain/issuance';
import * as given from '../given/issuance';

export async function issue(): Promise<Buffer> {
  const planned = issuance.plan(given.x509Plan);
  const signed = await issuance.sign(planned, given.x509Signer);
  const checked = issuance.selfCheck(signed, given.x509Check);
  const recorded = await issuance.record(checked, given.entry, given.append);
  return issuance.release(recorded).encoded;
}
