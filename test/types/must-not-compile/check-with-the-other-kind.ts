// TS2345: Type 'X509Plan' is missing the following properties from type 'JwtPlan'
import * as issuance from '../../../src/domain/issuance';
import * as given from '../given/issuance';

export const checked = (signed: issuance.Signed<issuance.X509Plan>) => issuance.selfCheck(signed, given.jwtCheck);
