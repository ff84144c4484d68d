// TS2345: is not assignable to parameter of type 'Planned<
import * as issuance from '../../../src/domain/issuance';
import * as given from '../given/issuance';

export const signed = issuance.sign(given.x509Plan, given.x509Signer);
