-- The uid that a root node gave to this launch alone. Launches from before this column ran under their launcher's.
ALTER TABLE "launch" ADD COLUMN "own_uid" BIGINT CHECK ("own_uid" BETWEEN 1900000000 AND 1900065535);
