// TS2345: is not assignable to parameter of type 'unique symbol'
import * as issuance from '../../../src/domain/issuance';

export const bytes = (signed: issuance.Signed<issuance.X509Plan>) => issuance.Signed.encoded(Symbol('issuance'), signed);
