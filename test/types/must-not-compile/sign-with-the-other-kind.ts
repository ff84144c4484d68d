// TS2345: is not assignable to parameter of type 'Signer<
import * as issuance from '../../../src/domain/issuance';
import * as given from '../given/issuance';

export const signed = issuance.sign(issuance.plan(given.x509Plan), given.jwtSigner);
