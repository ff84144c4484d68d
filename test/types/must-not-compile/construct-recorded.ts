// TS2345: is not assignable to parameter of type 'unique symbol'
import * as issuance from '../../../src/domain/issuance';
import * as given from '../given/issuance';

export const recorded = new issuance.Recorded(Symbol('issuance'), given.x509Plan, Buffer.alloc(0));
